//! Where a directory is in its snapshot, as a chain of names: what lies side by side shares all above.
//!
//! Depth and length are bounded, for both are the client's choice.

use std::fmt;
use std::sync::Arc;

/// So deep a directory may be, and so many bytes its path may have: more no program could open by its path.
const DEEPEST: u32 = 256;
const LONGEST: usize = 4096;

/// Where a directory is.
pub(super) struct Path {
    above: Option<Arc<Path>>,
    name: String,
    depth: u32,
    bytes: usize,
}

impl Path {
    pub(super) fn root() -> Arc<Self> {
        Arc::new(Self { above: None, name: String::new(), depth: 0, bytes: 0 })
    }

    /// The path of what has this name there; none, if that is too far down.
    pub(super) fn within(above: &Arc<Self>, name: &str) -> Option<Arc<Self>> {
        let (depth, bytes) = (above.depth + 1, above.bytes + 1 + name.len());
        let fits = depth <= DEEPEST && bytes <= LONGEST;
        fits.then(|| Arc::new(Self { above: Some(above.clone()), name: name.to_owned(), depth, bytes }))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = Vec::new();
        let mut at = Some(self);
        while let Some(path) = at {
            names.push(path.name.as_str());
            at = path.above.as_deref();
        }
        // The root has no name.
        let names: Vec<&str> = names.into_iter().rev().skip(1).collect();
        write!(f, "/{}", names.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_its_names_in_order_and_an_end() {
        let etc = Path::within(&Path::root(), "etc").unwrap();
        assert_eq!((Path::root().to_string().as_str(), etc.to_string().as_str()), ("/", "/etc"));
        assert_eq!(Path::within(&etc, "ssh").unwrap().to_string(), "/etc/ssh");
        let mut at = Path::root();
        for _ in 0..DEEPEST {
            at = Path::within(&at, "x").unwrap();
        }
        assert!(Path::within(&at, "x").is_none());
        assert!(Path::within(&Path::root(), &"x".repeat(LONGEST)).is_none());
    }
}
