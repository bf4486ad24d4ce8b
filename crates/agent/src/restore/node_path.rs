//! The path of a node beneath the target, every component of it checked.
//!
//! A [`NodePath`] exists only if each of its components is a plain name of 1 to 255 bytes: it cannot lead upwards, be
//! absolute or end early. Symbolic links are no matter of names; [`super::confine`] sees to them.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use holdfast_wire::limits;

/// Components joined by `/`; none for the target itself.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct NodePath(Arc<[u8]>);

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadPath {
    #[error("a component of the path is empty")]
    Empty,
    #[error("the path has a component '.' or '..'")]
    Dots,
    #[error("a component of the path holds a NUL byte")]
    Nul,
    #[error("a component of the path is longer than {} bytes", limits::MAX_NAME)]
    LongName,
    #[error("the path is longer than {} bytes", limits::MAX_PATH)]
    LongPath,
    #[error("the path has more than {} components", limits::MAX_DEPTH)]
    Deep,
    #[error("the name is not the last component of the path")]
    OtherName,
}

impl NodePath {
    /// The target itself.
    pub(super) fn root() -> Self {
        Self(Arc::from(&[][..]))
    }

    /// Checks every component.
    pub(super) fn parse(path: &[u8]) -> Result<Self, BadPath> {
        if path.is_empty() {
            return Ok(Self::root());
        }
        if path.len() > limits::MAX_PATH {
            return Err(BadPath::LongPath);
        }
        let mut depth = 0;
        for name in path.split(|byte| *byte == b'/') {
            check_name(name)?;
            depth += 1;
        }
        if depth > limits::MAX_DEPTH { Err(BadPath::Deep) } else { Ok(Self(path.into())) }
    }

    /// The path of a directory that is above a checked path: nothing is left to check.
    pub(super) fn ancestor(above: &[u8]) -> Self {
        Self(above.into())
    }

    /// The bytes.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The directory that it is in, and its name there; `None` for the target itself.
    pub(super) fn split(&self) -> Option<(&[u8], &[u8])> {
        if self.0.is_empty() { None } else { Some(split(&self.0)) }
    }
}

/// Splits off the last component of a path that is not empty.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[], path),
    }
}

fn check_name(name: &[u8]) -> Result<(), BadPath> {
    match name {
        b"" => Err(BadPath::Empty),
        b"." | b".." => Err(BadPath::Dots),
        _ if name.len() > limits::MAX_NAME => Err(BadPath::LongName),
        _ if name.contains(&0) => Err(BadPath::Nul),
        _ => Ok(()),
    }
}

impl Borrow<[u8]> for NodePath {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for NodePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_that_leads_elsewhere_is_refused() {
        let long = [b'x'; 256];
        for (path, why) in [
            (&b"/etc/passwd"[..], BadPath::Empty),
            (b"a//b", BadPath::Empty),
            (b"a/", BadPath::Empty),
            (b"..", BadPath::Dots),
            (b"a/../b", BadPath::Dots),
            (b"a/.", BadPath::Dots),
            (b"a\0b", BadPath::Nul),
            (&long, BadPath::LongName),
        ] {
            assert_eq!(NodePath::parse(path), Err(why), "{}", String::from_utf8_lossy(path));
        }
        assert_eq!(NodePath::parse(&b"a/".repeat(2049)[..2 * 2049 - 1]), Err(BadPath::Deep));
    }

    #[test]
    fn odd_but_plain_names_are_taken() {
        for path in [&b"..."[..], b"a\nb/\xff", b" ", b"..a/a..", &[b'y'; 255]] {
            assert_eq!(NodePath::parse(path).unwrap().as_bytes(), path);
        }
    }

    #[test]
    fn the_target_has_no_name() {
        assert_eq!(NodePath::parse(b"").unwrap().split(), None);
        assert_eq!(NodePath::parse(b"a").unwrap().split(), Some((&b""[..], &b"a"[..])));
        assert_eq!(NodePath::parse(b"a/b/c").unwrap().split(), Some((&b"a/b"[..], &b"c"[..])));
    }

    proptest! {
        #[test]
        fn no_component_that_passes_is_special(path in proptest::collection::vec(prop_oneof![Just(b'/'), Just(b'.'), Just(0), any::<u8>()], 0..40)) {
            if let Ok(good) = NodePath::parse(&path) && !path.is_empty() {
                let joined = std::path::Path::new(std::str::from_utf8(&path).unwrap_or("x")).to_owned();
                prop_assert!(joined.components().all(|part| matches!(part, std::path::Component::Normal(_))));
                prop_assert_eq!(good.as_bytes(), &path[..]);
            }
        }
    }
}
