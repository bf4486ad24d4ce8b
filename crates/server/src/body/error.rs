//! What is wrong with a value, and where.

use std::fmt;

use holdfast_api::FieldError;
use serde::de;

use holdfast_model::nearest;

/// What is wrong with a value.
#[derive(Debug)]
pub(crate) struct BodyError {
    /// Where, from the inside out.
    path: Vec<String>,
    message: String,
    suggestion: Option<String>,
}

impl BodyError {
    /// The same, seen from the value that holds it.
    pub(crate) fn within(mut self, name: impl Into<String>) -> Self {
        self.path.push(name.into());
        self
    }

    fn unknown(name: &str, what: &str, known: &'static [&'static str]) -> Self {
        let suggestion = nearest(name, known).map(str::to_owned);
        let shown: String = name.chars().take(80).collect();
        let message = match known {
            [] => format!("there is no {what} `{shown}`; there are none here"),
            _ => format!("there is no {what} `{shown}`; there are {}", known.join(", ")),
        };
        Self { path: Vec::new(), message, suggestion }
    }
}

impl From<BodyError> for FieldError {
    fn from(error: BodyError) -> Self {
        let path: Vec<String> = error.path.into_iter().rev().collect();
        Self { field: path.join("."), message: error.message, suggestion: error.suggestion }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for BodyError {}

impl de::Error for BodyError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { path: Vec::new(), message: message.to_string(), suggestion: None }
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        // A text may be a secret that was put into the wrong place: it is not repeated.
        let expected = wanted(&expected.to_string());
        match found {
            de::Unexpected::Str(_) => Self::custom(format!("it must be {expected}, not a text")),
            de::Unexpected::Unit => Self::custom(format!("it must be {expected}, not null")),
            de::Unexpected::Bool(truth) => Self::custom(format!("it must be {expected}, not {truth}")),
            de::Unexpected::Unsigned(number) => Self::custom(format!("it must be {expected}, not {number}")),
            de::Unexpected::Signed(number) => Self::custom(format!("it must be {expected}, not {number}")),
            de::Unexpected::Float(number) => Self::custom(format!("it must be {expected}, not {number}")),
            de::Unexpected::Map => Self::custom(format!("it must be {expected}, not an object")),
            de::Unexpected::Seq => Self::custom(format!("it must be {expected}, not a list")),
            found => Self::custom(format!("it must be {expected}, not {found}")),
        }
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown(field, "field", expected).within(field.chars().take(80).collect::<String>())
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown(variant, "such word as", expected)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom("it must be said").within(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::custom("it is said twice").within(field)
    }
}

/// What a value must be, in words that know nothing of types.
fn wanted(expected: &str) -> String {
    let (from, kind) = match expected.strip_prefix("a nonzero ") {
        Some(kind) => (1, kind),
        None => (0, expected),
    };
    let bits = |letter| kind.strip_prefix(letter).and_then(|bits| bits.parse::<u32>().ok());
    match (bits('u'), bits('i'), kind) {
        (Some(bits @ (8 | 16 | 32)), _, _) => format!("a whole number from {from} to {}", (1_u64 << bits) - 1),
        (Some(_), _, _) | (_, _, "usize") => format!("a whole number, at least {from}"),
        (_, Some(bits @ (8 | 16 | 32)), _) => {
            format!("a whole number from -{} to {}", 1_u64 << (bits - 1), (1_u64 << (bits - 1)) - 1)
        }
        (_, Some(_), _) | (_, _, "isize") => "a whole number".to_owned(),
        (_, _, "f32" | "f64") => "a number".to_owned(),
        (_, _, "a boolean") => "true or false".to_owned(),
        (_, _, "a string") => "a text".to_owned(),
        (_, _, "a sequence") => "a list".to_owned(),
        (_, _, "a map") => "an object".to_owned(),
        (_, _, other) if other.starts_with("struct ") => "an object".to_owned(),
        _ => expected.to_owned(),
    }
}
