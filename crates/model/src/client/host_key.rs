//! The keys by which a client proves that it is itself.
//!
//! A key is believed only after somebody said so. From then on any other key is another machine: it blocks the client until
//! somebody says what became of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A public key as `known_hosts` has it: `ssh-ed25519 AAAA…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostKey(String);

/// A text that is not a public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a host key: write type and key as ssh-keyscan shows them, `ssh-ed25519 AAAA…`")]
pub struct ParseHostKeyError {
    text: String,
}

/// Which keys of a client are known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct HostKeys {
    /// These are believed.
    pub accepted: Vec<HostKey>,
    /// These it has shown, and nobody has said yet whether to believe them.
    pub offered: Vec<HostKey>,
}

impl HostKey {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl HostKeys {
    /// Takes note of the keys that the machine shows now. Gives back whether they are to be decided about.
    pub fn show(&mut self, mut keys: Vec<HostKey>) -> bool {
        keys.sort();
        keys.dedup();
        let is_known = keys.iter().any(|key| self.accepted.contains(key));
        self.offered = if is_known { Vec::new() } else { keys };
        !self.offered.is_empty()
    }

    /// Believes what it has shown, and nothing else from now on.
    pub fn accept(&mut self) {
        if !self.offered.is_empty() {
            self.accepted = std::mem::take(&mut self.offered);
        }
    }

    /// Whether it proves to be another machine than the one that is believed.
    pub fn is_changed(&self) -> bool {
        !self.accepted.is_empty() && !self.offered.is_empty()
    }
}

impl FromStr for HostKey {
    type Err = ParseHostKeyError;

    fn from_str(text: &str) -> Result<Self, ParseHostKeyError> {
        let mut words = text.split_ascii_whitespace();
        let is_type = |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.@_".contains(&b));
        let is_key = |word: &str| {
            (40..=16_384).contains(&word.len())
                && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
        };
        match (words.next(), words.next(), words.next()) {
            (Some(kind), Some(key), _) if is_type(kind) && kind.len() <= 64 && is_key(key) => {
                Ok(Self(format!("{kind} {key}")))
            }
            _ => Err(ParseHostKeyError { text: text.chars().take(80).collect() }),
        }
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for HostKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for HostKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(letter: &str) -> HostKey {
        format!("ssh-ed25519 {}", letter.repeat(68)).parse().unwrap()
    }

    #[test]
    fn a_key_is_believed_only_after_somebody_said_so() {
        let mut keys = HostKeys::default();
        assert!(keys.show(vec![key("a"), key("b")]));
        assert!(!keys.is_changed(), "it is new, not another");
        keys.accept();
        assert!(!keys.show(vec![key("b"), key("c")]), "one of the keys that are believed is enough");
        assert!(keys.show(vec![key("d")]) && keys.is_changed());
        keys.accept();
        assert_eq!(keys.accepted, [key("d")]);
        keys.accept();
        assert_eq!(keys.accepted, [key("d")]);
    }

    #[test]
    fn a_comment_is_left_out_and_what_is_no_key_refused() {
        let text = format!("ssh-rsa {} root@web1", "A".repeat(70));
        assert_eq!(text.parse::<HostKey>().unwrap().as_str(), &text[..text.len() - 10]);
        for text in ["", "ssh-rsa", "ssh-rsa x", &format!("ssh\nrsa {}", "é".repeat(40))] {
            assert!(text.parse::<HostKey>().is_err(), "{text}");
        }
    }
}
