//! Names and tags that people give.
//!
//! They are shown on screens, in logs and in mails, and stand in addresses of the API: what would break those is refused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What something is called: 1 to 100 characters, none of them a control character, no blanks around.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// A word that groups things, `production` or `role=web`: as a name, without blanks and commas.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

/// A text that cannot be a name or a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} cannot be a {what}: {why}")]
pub struct ParseNameError {
    what: &'static str,
    text: String,
    why: &'static str,
}

const MAX_CHARS: usize = 100;

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Tag {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, ParseNameError> {
        check("name", text).map(Self)
    }
}

impl FromStr for Tag {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, ParseNameError> {
        let tag = check("tag", text)?;
        if tag.contains(|c: char| c.is_whitespace() || c == ',') {
            return Err(error("tag", text, "it must be one word, without blanks and commas"));
        }
        Ok(Self(tag))
    }
}

fn check(what: &'static str, text: &str) -> Result<String, ParseNameError> {
    let why = if text.is_empty() {
        "it is empty"
    } else if text.chars().count() > MAX_CHARS {
        "it is longer than 100 characters"
    } else if text.trim() != text {
        "it begins or ends with a blank"
    } else if text.chars().any(is_unfit) {
        "it has a character that cannot be shown"
    } else {
        return Ok(text.to_owned());
    };
    Err(error(what, text, why))
}

/// Control characters, and those that change the direction of what is written around them.
fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn error(what: &'static str, text: &str, why: &'static str) -> ParseNameError {
    ParseNameError { what, text: text.chars().take(MAX_CHARS).collect(), why }
}

macro_rules! as_text {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

as_text! { Name Tag }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_people_write() {
        for text in ["web1", "Web server, Frankfurt", "größer", "x", &"n".repeat(100)] {
            assert_eq!(text.parse::<Name>().unwrap().as_str(), text);
        }
        assert_eq!("role=web".parse::<Tag>().unwrap().to_string(), "role=web");
    }

    #[test]
    fn what_would_break_a_screen_or_a_log_is_refused() {
        for text in ["", " x", "x\n", "a\tb", "a\u{1b}[31m", "a\u{202e}b", "\u{feff}", &"n".repeat(101)] {
            assert!(text.parse::<Name>().is_err(), "{text:?}");
            assert!(text.parse::<Tag>().is_err(), "{text:?}");
        }
        assert_eq!(
            "a b".parse::<Tag>().unwrap_err().to_string(),
            "\"a b\" cannot be a tag: it must be one word, without blanks and commas"
        );
    }
}
