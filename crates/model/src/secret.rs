//! Where a secret comes from. The secret itself never stands here, so that this can be shown, exported and logged.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretSource {
    /// An environment variable of the server: `env:NAME`.
    Env(String),
    /// The first line of a file on the server, whose path is absolute: `file:/PATH`.
    File(String),
    /// A credential that systemd gives the server: `cred:NAME`.
    Credential(String),
    /// It is sealed in the server's database, under this name: `sealed:NAME`.
    Sealed(String),
}

/// A text that does not say where a secret comes from. It is not repeated: it may be the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "this does not say where the secret comes from: write env:NAME, file:/PATH or cred:NAME, or hand the secret over to be \
     sealed"
)]
pub struct ParseSecretSourceError;

impl FromStr for SecretSource {
    type Err = ParseSecretSourceError;

    fn from_str(text: &str) -> Result<Self, ParseSecretSourceError> {
        let (scheme, rest) = text.split_once(':').ok_or(ParseSecretSourceError)?;
        let is_word = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)) && !rest.starts_with('.');
        let is_path = rest.starts_with('/') && !rest.chars().any(char::is_control);
        if rest.is_empty() || rest.len() > 1000 {
            return Err(ParseSecretSourceError);
        }
        match scheme {
            "env" if is_word => Ok(Self::Env(rest.to_owned())),
            "file" if is_path => Ok(Self::File(rest.to_owned())),
            "cred" if is_word => Ok(Self::Credential(rest.to_owned())),
            "sealed" if is_word => Ok(Self::Sealed(rest.to_owned())),
            _ => Err(ParseSecretSourceError),
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
            Self::Credential(name) => write!(f, "cred:{name}"),
            Self::Sealed(name) => write!(f, "sealed:{name}"),
        }
    }
}

impl Serialize for SecretSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_back_as_written() {
        for text in ["env:BACKUP_PASSWORD", "file:/etc/holdfast/main key", "cred:main.key", "sealed:0198c6a2-password"]
        {
            assert_eq!(text.parse::<SecretSource>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_secret_given_in_place_of_its_source_is_refused_and_not_repeated() {
        for text in ["hunter2", "pass:word", "file:relative", "cred:../x", "cred:a/b", "file:/a\nb"] {
            let error = text.parse::<SecretSource>().unwrap_err().to_string();
            assert!(!error.contains(text), "{error}");
        }
        assert!("env:".parse::<SecretSource>().is_err());
    }
}
