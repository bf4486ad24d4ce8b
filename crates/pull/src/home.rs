//! Paths on a client as people write them: absolute, or beneath the home of the login, as with rsync and scp.
//!
//! The client says itself what its home is. A lie leads to other files of the same client, and no further: what is asked
//! for, and what the snapshot is stamped with, is the absolute path that follows from it.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use holdfast_wire::AgentHello;

use crate::text::printable_path;

/// A path that no absolute one follows from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientPathError {
    /// `~NAME`: only the client knows where that is.
    #[error("{path:?} begins with another user's home; give the absolute path, or ./{path} for a file of that name")]
    OtherHome {
        /// The path.
        path: String,
    },
    /// The agent did not say where the home is.
    #[error("{path:?} is relative, and the host does not say where the home of the login is; give the absolute path")]
    NoHome {
        /// The path.
        path: String,
    },
}

/// Whether a path is given from the home on: what follows that, empty for the home itself. `None` if it is absolute.
pub fn beneath_home(path: &[u8]) -> Result<Option<&[u8]>, ClientPathError> {
    match path {
        [b'/', ..] => Ok(None),
        b"~" => Ok(Some(b"")),
        [b'~', b'/', rest @ ..] => Ok(Some(rest)),
        [b'~', ..] => Err(ClientPathError::OtherHome { path: printable_path(path) }),
        _ => Ok(Some(path)),
    }
}

/// The absolute path on the client that said hello, without `.` and `..`; links are left as they are.
pub fn client_path(path: &[u8], hello: &AgentHello) -> Result<Vec<u8>, ClientPathError> {
    match beneath_home(path)? {
        None => Ok(normal_path(path)),
        Some(_) if hello.home.is_empty() => Err(ClientPathError::NoHome { path: printable_path(path) }),
        Some(rest) => Ok(normal_path(&[&hello.home, rest].join(&b'/'))),
    }
}

/// An absolute path without `.`, `..` and needless slashes, without a look at any file system.
pub fn normal_path(path: &[u8]) -> Vec<u8> {
    let mut normal = PathBuf::from("/");
    for component in Path::new(OsStr::from_bytes(path)).components() {
        match component {
            Component::ParentDir => drop(normal.pop()),
            Component::Normal(name) => normal.push(name),
            _ => {}
        }
    }
    normal.into_os_string().into_vec()
}

#[cfg(test)]
mod tests {
    use holdfast_model::Timestamp;
    use holdfast_wire::Version;

    use super::*;

    fn hello(home: &str) -> AgentHello {
        AgentHello {
            oldest: Version::OLDEST,
            newest: Version::CURRENT,
            release: String::new(),
            architecture: String::new(),
            uid: 0,
            now: Timestamp::default(),
            home: home.as_bytes().to_vec().into(),
        }
    }

    #[test]
    fn what_is_not_absolute_lies_beneath_the_home() {
        for (given, expected) in [
            ("/etc//ssh/", "/etc/ssh"),
            ("www", "/home/ann/www"),
            ("", "/home/ann"),
            ("~", "/home/ann"),
            ("~/", "/home/ann"),
            ("~/www", "/home/ann/www"),
            ("./~ann", "/home/ann/~ann"),
            (".", "/home/ann"),
            ("../bob/x", "/home/bob/x"),
            ("../../../..", "/"),
        ] {
            let path = client_path(given.as_bytes(), &hello("/home/ann")).unwrap();
            assert_eq!(String::from_utf8_lossy(&path), expected, "{given}");
        }
        assert_eq!(client_path(b"x", &hello("/")), Ok(b"/x".to_vec()));
    }

    #[test]
    fn where_the_home_is_not_known_a_path_must_be_absolute() {
        assert_eq!(client_path(b"/etc", &hello("")), Ok(b"/etc".to_vec()));
        assert_eq!(client_path(b"etc", &hello("")), Err(ClientPathError::NoHome { path: "etc".into() }));
        assert!(matches!(client_path(b"~bob/x", &hello("/root")), Err(ClientPathError::OtherHome { .. })));
    }
}
