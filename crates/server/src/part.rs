//! A part of a name, as lists are searched for it.

use std::fmt;
use std::str::FromStr;

/// A part of a name to look for, in any case.
pub(crate) struct Part(pub(crate) String);

impl FromStr for Part {
    type Err = PartError;

    fn from_str(text: &str) -> Result<Self, PartError> {
        let good = text.chars().count() <= 100 && !text.chars().any(char::is_control);
        if good { Ok(Self(text.to_owned())) } else { Err(PartError) }
    }
}

/// A text that stands in no name.
pub(crate) struct PartError;

impl fmt::Display for PartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no name has that in it: names have 100 characters at most, and no control characters")
    }
}
