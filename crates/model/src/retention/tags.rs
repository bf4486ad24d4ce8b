//! Lists of tags that a snapshot must have all of.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Tags that belong together: `a,b` means both. An empty tag stands for a snapshot without any.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct TagList(pub Vec<String>);

impl TagList {
    /// Whether a snapshot with these tags has all of the list.
    pub fn matches(&self, tags: &[String]) -> bool {
        for wanted in &self.0 {
            // As in restic, the empty tag decides at once, whatever follows it.
            if wanted.is_empty() && tags.is_empty() {
                return true;
            }
            if !tags.contains(wanted) {
                return false;
            }
        }
        true
    }
}

impl FromStr for TagList {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.split(',').map(|tag| tag.trim().to_owned()).collect()))
    }
}

impl fmt::Display for TagList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.0.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_tags_of_a_list_are_asked_for() {
        let tags = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        for (list, have, matches) in [
            ("a", "a b", true),
            ("a, b", "b a", true),
            ("a,c", "a b", false),
            ("", "", true),
            ("", "a", false),
            ("a,", "a", false),
            (",a", "", true),
            ("a,", "", false),
        ] {
            let list: TagList = list.parse().unwrap();
            assert_eq!(list.matches(&tags(have)), matches, "{list} {have:?}");
        }
    }
}
