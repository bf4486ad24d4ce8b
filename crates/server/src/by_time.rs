//! Lists of what has a time: which times, and in which order.

use holdfast_model::Time;

use crate::failure::Failure;
use crate::query::{Query, wrong};

/// How such a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, utoipa::ToSchema)]
pub(crate) enum ByTime {
    /// The newest first.
    #[default]
    #[serde(rename = "-created")]
    NewestFirst,
    /// The oldest first.
    #[serde(rename = "created")]
    OldestFirst,
}

impl ByTime {
    const ALL: [Self; 2] = [Self::NewestFirst, Self::OldestFirst];

    /// As it stands in addresses and cursors.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NewestFirst => "-created",
            Self::OldestFirst => "created",
        }
    }

    /// What is asked for.
    pub(crate) fn of(query: &Query) -> Result<Self, Failure> {
        match query.words("sort", &Self::ALL, Self::as_str)?.as_slice() {
            [] => Ok(Self::default()),
            [sort] => Ok(*sort),
            _ => Err(wrong("sort", "it is given more than once")),
        }
    }

    /// Whether the oldest come first.
    pub(crate) fn is_oldest_first(self) -> bool {
        self == Self::OldestFirst
    }
}

/// From when, and until before when.
pub(crate) fn span(query: &Query) -> Result<(Option<Time>, Option<Time>), Failure> {
    Ok((query.one("since")?, query.one("until")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_the_same_word_in_the_document_and_when_it_is_read() {
        for sort in ByTime::ALL {
            assert_eq!(serde_json::to_value(sort).unwrap(), sort.as_str());
        }
    }
}
