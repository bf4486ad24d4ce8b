//! A path within a snapshot, as text that stands for exactly one sequence of bytes.
//!
//! Names of files are bytes. What of them is UTF-8 stands as it is; any other byte, and each control character, is written
//! `\xNN`, and the backslash itself twice. So every path can be given back as it was listed, in a URL, in JSON, by hand.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Bytes that a path has at most, as Linux has it.
const LONGEST: usize = 4096;

/// An absolute path within a snapshot, without `.` and `..`; of the root it is `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotPath(Vec<u8>);

/// A text that is no such path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseSnapshotPathError {
    /// It does not begin with `/`, or goes back.
    #[error("a path in a snapshot is written from / on, without . and ..")]
    NotAbsolute,
    /// A backslash that stands for nothing.
    #[error(r"a backslash stands in a path as \\ or begins a byte, as in \xff")]
    Escape,
    /// No file has such a path.
    #[error("a path has at most {LONGEST} bytes, and none of them is 0")]
    Impossible,
}

impl SnapshotPath {
    /// The root directory.
    pub fn root() -> Self {
        Self(b"/".to_vec())
    }

    /// From the bytes of a path, which is made clean.
    pub fn from_bytes(path: &[u8]) -> Result<Self, ParseSnapshotPathError> {
        if path.len() > LONGEST || path.contains(&0) {
            return Err(ParseSnapshotPathError::Impossible);
        }
        let mut clean = Vec::with_capacity(path.len());
        let Some(rest) = path.strip_prefix(b"/") else { return Err(ParseSnapshotPathError::NotAbsolute) };
        for name in rest.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            if matches!(name, b"." | b"..") {
                return Err(ParseSnapshotPathError::NotAbsolute);
            }
            clean.push(b'/');
            clean.extend_from_slice(name);
        }
        Ok(if clean.is_empty() { Self::root() } else { Self(clean) })
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is the root directory.
    pub fn is_root(&self) -> bool {
        self.0 == b"/"
    }

    /// Whether `other` is this path or lies beneath it.
    pub fn holds(&self, other: &[u8]) -> bool {
        holds(&self.0, other)
    }
}

/// Whether `inner` is the path `outer` or lies beneath it; both are clean.
pub fn holds(outer: &[u8], inner: &[u8]) -> bool {
    let outer = outer.strip_suffix(b"/").unwrap_or(outer);
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

/// A name, or a path, as such a text.
pub fn escape_name(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => text.push_str(r"\\"),
                c if c.is_control() => c.to_string().bytes().for_each(|byte| push_byte(&mut text, byte)),
                c => text.push(c),
            }
        }
        chunk.invalid().iter().for_each(|byte| push_byte(&mut text, *byte));
    }
    text
}

fn push_byte(text: &mut String, byte: u8) {
    text.push_str(&format!(r"\x{byte:02x}"));
}

fn unescape(text: &str) -> Result<Vec<u8>, ParseSnapshotPathError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        rest = more;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        match rest {
            [b'\\', more @ ..] => {
                bytes.push(b'\\');
                rest = more;
            }
            [b'x', high, low, more @ ..] => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).ok().filter(|_| digits.iter().all(u8::is_ascii_hexdigit));
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                bytes.push(byte.ok_or(ParseSnapshotPathError::Escape)?);
                rest = more;
            }
            _ => return Err(ParseSnapshotPathError::Escape),
        }
    }
    Ok(bytes)
}

impl FromStr for SnapshotPath {
    type Err = ParseSnapshotPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Each byte takes four characters at most.
        if text.len() > 4 * LONGEST {
            return Err(ParseSnapshotPathError::Impossible);
        }
        Self::from_bytes(&unescape(text)?)
    }
}

impl fmt::Display for SnapshotPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape_name(&self.0))
    }
}

impl Serialize for SnapshotPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SnapshotPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_can_be_given_back_as_it_was_shown() {
        let every_byte: Vec<u8> = (1..=255).filter(|byte| *byte != b'/').collect();
        for path in [&b"/"[..], b"/etc/passwd", b"/a\\b", b"/a\nb", b"/\xff\xfe/x", "/größe".as_bytes(), b"/\xc3/\\x41"]
            .into_iter()
            .chain([[b"/", every_byte.as_slice()].concat().as_slice()])
        {
            let kept = SnapshotPath::from_bytes(path).unwrap();
            let text = kept.to_string();
            assert!(!text.chars().any(char::is_control), "{text}");
            assert_eq!(text.parse(), Ok(kept.clone()), "{text}");
            assert_eq!(kept.as_bytes(), path);
        }
        assert_eq!(SnapshotPath::from_bytes(b"/a\xff\\").unwrap().to_string(), r"/a\xff\\");
    }

    #[test]
    fn what_is_no_path_of_a_snapshot_is_refused() {
        for (text, error) in [
            ("", ParseSnapshotPathError::NotAbsolute),
            ("etc", ParseSnapshotPathError::NotAbsolute),
            ("/etc/../x", ParseSnapshotPathError::NotAbsolute),
            (r"/\x2e.", ParseSnapshotPathError::NotAbsolute),
            (r"/a\", ParseSnapshotPathError::Escape),
            (r"/a\n", ParseSnapshotPathError::Escape),
            (r"/a\x+1", ParseSnapshotPathError::Escape),
            (r"/\x00", ParseSnapshotPathError::Impossible),
        ] {
            assert_eq!(text.parse::<SnapshotPath>(), Err(error), "{text}");
        }
        assert_eq!("//etc//ssh/".parse::<SnapshotPath>().unwrap().to_string(), "/etc/ssh");
    }

    #[test]
    fn a_path_holds_what_lies_beneath_it() {
        let etc: SnapshotPath = "/etc".parse().unwrap();
        assert!(etc.holds(b"/etc") && etc.holds(b"/etc/ssh") && !etc.holds(b"/etcetera") && !etc.holds(b"/"));
        assert!(SnapshotPath::root().holds(b"/") && SnapshotPath::root().holds(b"/etc"));
    }
}
