//! The parameters behind the `?`. One that is not known, or is given twice, is not passed over.

use std::fmt::Display;
use std::str::FromStr;

use holdfast_api::{Code, FieldError};

use crate::failure::Failure;
use holdfast_model::nearest;

/// The parameters of a request.
#[derive(Debug)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

/// So many are read.
const MOST: usize = 100;

impl Query {
    /// Reads them; these are known.
    pub(crate) fn read(raw: Option<&str>, known: &[&str]) -> Result<Self, Failure> {
        let pairs: Vec<_> = form_urlencoded::parse(raw.unwrap_or_default().as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .take(MOST + 1)
            .collect();
        if pairs.len() > MOST {
            return Err(Failure::new(Code::InvalidQuery, format!("there are more than {MOST} parameters")));
        }
        match pairs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(Self { pairs }),
            Some((name, _)) => Err(unknown(name, known)),
        }
    }

    /// All values of a parameter.
    pub(crate) fn many<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Vec<T>, Failure> {
        self.values(name).map(|value| value.parse().map_err(|error: T::Err| wrong(name, error.to_string()))).collect()
    }

    /// The value of a parameter that is given at most once.
    pub(crate) fn one<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Failure> {
        let mut values = self.many(name)?;
        if values.len() > 1 {
            return Err(wrong(name, "it is given more than once"));
        }
        Ok(values.pop())
    }

    /// A number within limits.
    pub(crate) fn number(&self, name: &str, from: u64, to: u64) -> Result<Option<u64>, Failure> {
        let text = self.one::<String>(name)?;
        let number = |text: String| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|number| digits && (from..=to).contains(number));
            number.ok_or_else(|| wrong(name, format!("it must be a whole number from {from} to {to}")))
        };
        text.map(number).transpose()
    }

    /// A parameter that is a truth.
    pub(crate) fn truth(&self, name: &str) -> Result<Option<bool>, Failure> {
        let word = |text: String| match text.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(wrong(name, "it must be true or false")),
        };
        self.one::<String>(name)?.map(word).transpose()
    }

    /// All values of a parameter that is one of some words.
    pub(crate) fn words<T: Copy>(
        &self,
        name: &str,
        all: &[T],
        as_str: impl Fn(T) -> &'static str,
    ) -> Result<Vec<T>, Failure> {
        let known: Vec<&str> = all.iter().map(|word| as_str(*word)).collect();
        let word = |value: &str| {
            let found = all.iter().copied().find(|word| as_str(*word) == value);
            found.ok_or_else(|| {
                let message = format!("there is no {name} of this name; there are {}", known.join(", "));
                let suggestion = nearest(value, &known).map(str::to_owned);
                Failure::parameter(Code::InvalidQuery, FieldError { field: name.to_owned(), message, suggestion })
            })
        };
        self.values(name).map(word).collect()
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

/// A parameter that is not what it should be.
pub(crate) fn wrong(name: &str, message: impl Into<String>) -> Failure {
    Failure::parameter(Code::InvalidQuery, FieldError::new(name, message))
}

fn unknown(name: &str, known: &[&str]) -> Failure {
    let field: String = name.chars().take(80).collect();
    let message = match known {
        [] => "there is no such parameter; there are none here".to_owned(),
        known => format!("there is no such parameter; there are {}", known.join(", ")),
    };
    let suggestion = nearest(name, known).map(str::to_owned);
    Failure::parameter(Code::InvalidQuery, FieldError { field, message, suggestion })
}
