//! Which names and paths may travel.
//!
//! A checked name is one component: joined to a directory it can only mean something in that directory. Whether a path
//! lies within what a job asked for is not known here.

use crate::limits::{MAX_DEPTH, MAX_NAME, MAX_PATH};
use crate::violation::{NameFault, PathFault, Violation, excerpt};

/// How much of a wrong name or path is quoted.
const QUOTED: usize = 300;

/// Checks a name in a directory: 1 to 255 bytes, without `/` and NUL, not `.` or `..`.
pub fn check_name(name: &[u8]) -> Result<(), Violation> {
    match name_fault(name) {
        None => Ok(()),
        Some(fault) => Err(Violation::Name { name: excerpt(name, QUOTED), fault }),
    }
}

/// Checks an absolute path: `/`, or `/` and names joined by single slashes.
pub fn check_absolute_path(path: &[u8]) -> Result<(), Violation> {
    match path.strip_prefix(b"/") {
        Some(b"") => Ok(()),
        Some(rest) => check_components(path, rest),
        None => Err(path_violation(path, PathFault::NotNormalised)),
    }
}

/// Checks a path beneath a target: names joined by single slashes; empty for the target itself.
pub fn check_relative_path(path: &[u8]) -> Result<(), Violation> {
    if path.is_empty() { Ok(()) } else { check_components(path, path) }
}

fn check_components(path: &[u8], components: &[u8]) -> Result<(), Violation> {
    if path.len() > MAX_PATH {
        return Err(path_violation(path, PathFault::TooLong { len: path.len() }));
    }
    let mut depth = 0;
    for name in components.split(|byte| *byte == b'/') {
        depth += 1;
        if name_fault(name).is_some() {
            return Err(path_violation(path, PathFault::NotNormalised));
        }
        if depth > MAX_DEPTH {
            return Err(path_violation(path, PathFault::TooDeep));
        }
    }
    Ok(())
}

fn name_fault(name: &[u8]) -> Option<NameFault> {
    match name {
        b"" => Some(NameFault::Empty),
        b"." | b".." => Some(NameFault::Dots),
        _ if name.len() > MAX_NAME => Some(NameFault::TooLong { len: name.len() }),
        _ if name.iter().any(|byte| matches!(byte, b'/' | 0)) => Some(NameFault::Separator),
        _ => None,
    }
}

pub(crate) fn name_violation(name: &[u8], fault: NameFault) -> Violation {
    Violation::Name { name: excerpt(name, QUOTED), fault }
}

fn path_violation(path: &[u8], fault: PathFault) -> Violation {
    Violation::Path { path: excerpt(path, QUOTED), fault }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_component() {
        for good in [&b"a"[..], b"...", b".hidden", b"new\nline", b"\xff\xfe", &[b'x'; 255]] {
            assert_eq!(check_name(good), Ok(()));
        }
        for bad in [&b""[..], b".", b"..", b"a/b", b"/", b"a\0", &[b'x'; 256]] {
            assert!(check_name(bad).is_err(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn a_path_is_absolute_and_normalised() {
        let deepest = b"/a".repeat(MAX_DEPTH);
        for good in [&b"/"[..], b"/etc", b"/var/www", &deepest] {
            assert_eq!(check_absolute_path(good), Ok(()));
        }
        let too_deep = b"/a".repeat(MAX_DEPTH + 1);
        let too_long = [&b"/"[..], &[b'x'; 250]].concat().repeat(MAX_PATH / 251 + 1);
        let bad =
            [&b""[..], b"etc", b"//", b"/etc/", b"//etc", b"/a//b", b"/./a", b"/a/..", b"/a\0", &too_deep, &too_long];
        for bad in bad {
            assert!(check_absolute_path(bad).is_err(), "{}", excerpt(bad, 40));
        }
    }

    #[test]
    fn a_path_beneath_a_target_never_leaves_it() {
        for good in [&b""[..], b"a", b"a/b"] {
            assert_eq!(check_relative_path(good), Ok(()));
        }
        for bad in [&b"/"[..], b"/a", b"a/", b"..", b"a/../b", b"a//b", b"."] {
            assert!(check_relative_path(bad).is_err(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn a_wrong_name_is_shown_escaped_and_short() {
        let text = check_name(&[0x1b; 100_000]).unwrap_err().to_string();
        assert!(text.len() < 2000 && text.is_ascii() || text.contains('…'), "{text}");
        assert!(!text.contains('\x1b'));
    }
}
