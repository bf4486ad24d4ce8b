//! Statements that are put together: what is asked for decides which conditions they have.
//!
//! Values never become part of the text: each is bound, by its number.

use sqlx::any::{Any, AnyArguments};
use sqlx::query::Query;
use sqlx::{Arguments, AssertSqlSafe, Encode, Type};

/// A statement under construction.
pub(crate) struct Statement {
    sql: String,
    arguments: AnyArguments,
    has_condition: bool,
}

impl Statement {
    pub(crate) fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), arguments: AnyArguments::default(), has_condition: false }
    }

    /// Adds text, with a `?` for each value.
    pub(crate) fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Adds a value in its place.
    pub(crate) fn bind<'t, T: Encode<'t, Any> + Type<Any>>(&mut self, value: T) -> &mut Self {
        self.arguments.add(value).expect("texts and numbers are always taken");
        self.sql.push_str(&format!("${}", self.arguments.len()));
        self
    }

    /// Adds a list of values in brackets; a list without any holds nothing.
    pub(crate) fn bind_list<'t, T: Encode<'t, Any> + Type<Any>>(
        &mut self,
        values: impl IntoIterator<Item = T>,
    ) -> &mut Self {
        self.sql.push('(');
        let before = self.arguments.len();
        for value in values {
            if self.arguments.len() > before {
                self.sql.push_str(", ");
            }
            self.bind(value);
        }
        if self.arguments.len() == before {
            self.sql.push_str("NULL");
        }
        self.sql.push(')');
        self
    }

    /// Adds rows of numbers, each in brackets, as they stand behind `VALUES`.
    pub(crate) fn bind_rows<const N: usize>(&mut self, rows: impl IntoIterator<Item = [i64; N]>) -> &mut Self {
        for (at, row) in rows.into_iter().enumerate() {
            self.sql.push_str(if at > 0 { ", (" } else { "(" });
            for (place, value) in row.into_iter().enumerate() {
                if place > 0 {
                    self.sql.push_str(", ");
                }
                self.bind(value);
            }
            self.sql.push(')');
        }
        self
    }

    /// Adds a list of pairs, for `IN`. SQLite looks such pairs up one by one; with `VALUES` alone it reads the whole table.
    pub(crate) fn bind_pairs(&mut self, pairs: impl IntoIterator<Item = [i64; 2]>) -> &mut Self {
        self.push("(SELECT column1, column2 FROM (VALUES ").bind_rows(pairs).push(") AS pairs)")
    }

    /// Begins one more condition, all of which must hold.
    pub(crate) fn and(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(if std::mem::replace(&mut self.has_condition, true) { " AND " } else { " WHERE " });
        self.push(sql)
    }

    pub(crate) fn query(self) -> Query<'static, Any, AnyArguments> {
        sqlx::query_with(AssertSqlSafe(self.sql), self.arguments)
    }
}

/// A pattern of `LIKE … ESCAPE '\'` for texts in which `part` stands, in small letters.
pub(crate) fn containing(part: &str) -> String {
    let mut pattern = String::from("%");
    for c in part.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
