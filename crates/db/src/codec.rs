//! How the model's values stand in columns: ids and words as text, times as microseconds since 1970, documents as JSON.
//!
//! Only texts, 64-bit integers and nothing: all that both databases have alike.

use std::str::FromStr;

use holdfast_model::Time;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::error::{DbError, During};

/// Microseconds since 1970.
pub(crate) fn micros(time: Time) -> i64 {
    time.as_microsecond()
}

/// A document.
pub(crate) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("the model's types have text for keys")
}

/// A row, and what it is a row of.
pub(crate) struct Columns<'a> {
    pub(crate) table: &'static str,
    pub(crate) row: &'a AnyRow,
}

impl Columns<'_> {
    pub(crate) fn text(&self, column: &'static str) -> Result<String, DbError> {
        self.row.try_get(column).during("reading a text")
    }

    pub(crate) fn optional_text(&self, column: &'static str) -> Result<Option<String>, DbError> {
        self.row.try_get(column).during("reading a text")
    }

    pub(crate) fn integer(&self, column: &'static str) -> Result<i64, DbError> {
        self.row.try_get(column).during("reading a number")
    }

    pub(crate) fn optional_integer(&self, column: &'static str) -> Result<Option<i64>, DbError> {
        self.row.try_get(column).during("reading a number")
    }

    pub(crate) fn flag(&self, column: &'static str) -> Result<bool, DbError> {
        Ok(self.integer(column)? != 0)
    }

    pub(crate) fn number<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, DbError> {
        let number = self.integer(column)?;
        T::try_from(number).map_err(|_| self.corrupt(column, &number.to_string()))
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Time, DbError> {
        self.as_time(column, self.integer(column)?)
    }

    pub(crate) fn optional_time(&self, column: &'static str) -> Result<Option<Time>, DbError> {
        let micros: Option<i64> = self.row.try_get(column).during("reading a time")?;
        micros.map(|micros| self.as_time(column, micros)).transpose()
    }

    pub(crate) fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T, DbError> {
        let text = self.text(column)?;
        text.parse().map_err(|_| self.corrupt(column, &text))
    }

    pub(crate) fn optional_parsed<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, DbError> {
        let text = self.optional_text(column)?;
        text.map(|text| text.parse().map_err(|_| self.corrupt(column, &text))).transpose()
    }

    /// One of some words.
    pub(crate) fn word<T: Copy>(
        &self,
        column: &'static str,
        words: &[T],
        as_str: impl Fn(T) -> &'static str,
    ) -> Result<T, DbError> {
        let text = self.text(column)?;
        words.iter().copied().find(|word| as_str(*word) == text).ok_or_else(|| self.corrupt(column, &text))
    }

    pub(crate) fn document<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, DbError> {
        let text = self.text(column)?;
        serde_json::from_str(&text).map_err(|_| self.corrupt(column, &text))
    }

    pub(crate) fn optional_document<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>, DbError> {
        let text = self.optional_text(column)?;
        text.map(|text| serde_json::from_str(&text).map_err(|_| self.corrupt(column, &text))).transpose()
    }

    fn as_time(&self, column: &'static str, micros: i64) -> Result<Time, DbError> {
        Time::from_microsecond(micros).map_err(|_| self.corrupt(column, &micros.to_string()))
    }

    pub(crate) fn corrupt(&self, column: &'static str, value: &str) -> DbError {
        DbError::Corrupt { table: self.table, column, value: value.chars().take(80).collect() }
    }
}
