//! Names, each kept once for all clients, and the numbers of names and directories.

use std::collections::{BTreeSet, HashMap};

use super::{Cataloging, PAIRS_AT_ONCE, VALUES_AT_ONCE};
use crate::codec::Columns;
use crate::connection::{Reader, Writer};
use crate::database::Database;
use crate::error::{DbError, During};
use crate::statement::Statement;

/// Numbers that this job alone gives out.
#[derive(Debug)]
pub(super) struct Ids {
    counter: &'static str,
    next: i64,
    end: i64,
}

/// So many are reserved at once: with a row that all count on, jobs would wait for each other.
const RESERVED: i64 = 10_000;

impl Ids {
    pub(super) fn new(counter: &'static str) -> Self {
        Self { counter, next: 1, end: 1 }
    }

    /// Makes sure that there are so many, outside of any transaction.
    pub(super) async fn provide(&mut self, db: &Database, count: usize) -> Result<(), DbError> {
        let count = count as i64;
        if self.end - self.next < count {
            let mut writer = db.write().await?;
            let count = count.max(RESERVED);
            self.next = reserve(&mut writer, self.counter, count).await?;
            self.end = self.next + count;
            writer.commit().await?;
        }
        Ok(())
    }

    pub(super) fn next(&mut self) -> i64 {
        debug_assert!(self.next < self.end, "as many are provided as are needed");
        self.next += 1;
        self.next - 1
    }
}

/// Reserves numbers, and gives back the first of them.
pub(super) async fn reserve(writer: &mut Writer, counter: &str, count: i64) -> Result<i64, DbError> {
    let row = sqlx::query(
        "INSERT INTO counters (name, value) VALUES ($1, $2) \
         ON CONFLICT (name) DO UPDATE SET value = counters.value + $2 RETURNING value",
    )
    .bind(counter.to_owned())
    .bind(count)
    .fetch_one(writer.sql())
    .await
    .during("reserving numbers")?;
    Ok(Columns { table: "counters", row: &row }.integer("value")? - count + 1)
}

/// The numbers of names that are kept already.
pub(super) async fn known<'n>(
    reader: &mut Reader,
    names: impl IntoIterator<Item = &'n str>,
) -> Result<HashMap<String, i64>, DbError> {
    let names: Vec<&str> = names.into_iter().collect();
    let mut found = HashMap::with_capacity(names.len());
    for part in names.chunks(VALUES_AT_ONCE) {
        let mut statement = Statement::new("SELECT id, name FROM catalog_names");
        statement.and("name IN ").bind_list(part.iter().map(|name| (*name).to_owned()));
        let rows = statement.query().fetch_all(reader.sql()).await.during("looking for names")?;
        for row in &rows {
            let columns = Columns { table: "catalog_names", row };
            found.insert(columns.text("name")?, columns.integer("id")?);
        }
    }
    Ok(found)
}

impl Cataloging {
    /// The numbers of names, which are kept if they are not yet. In order, so that two jobs never wait for each other.
    pub(super) async fn intern(
        &mut self,
        writer: &mut Writer,
        names: &BTreeSet<&str>,
    ) -> Result<HashMap<String, i64>, DbError> {
        let mut found = known(writer, names.iter().copied()).await?;
        let missing: Vec<&str> = names.iter().copied().filter(|name| !found.contains_key(*name)).collect();
        for part in missing.chunks(PAIRS_AT_ONCE) {
            let mut statement = Statement::new("INSERT INTO catalog_names (id, name) VALUES ");
            let mut given = Vec::with_capacity(part.len());
            for (at, name) in part.iter().enumerate() {
                let id = self.names.next();
                statement.push(if at > 0 { ", (" } else { "(" }).bind(id).push(", ").bind((*name).to_owned()).push(")");
                given.push(((*name).to_owned(), id));
            }
            statement.push(" ON CONFLICT (name) DO NOTHING");
            let done = statement.query().execute(writer.sql()).await.during("keeping names")?;
            if done.rows_affected() == part.len() as u64 {
                found.extend(given);
            } else {
                // Another job was faster with some of them.
                found.extend(known(writer, part.iter().copied()).await?);
            }
        }
        Ok(found)
    }
}

/// Some names, in the order in which they became known.
#[derive(Debug)]
pub struct NameBlock {
    text: String,
    /// The number of the last one: the next block is behind it.
    pub last: i64,
}

impl NameBlock {
    /// Numbers and names.
    pub fn names(&self) -> impl Iterator<Item = (i64, &str)> {
        self.text.lines().filter_map(|line| {
            let (id, name) = line.split_once(' ')?;
            Some((id.parse().ok()?, name))
        })
    }
}

impl Reader {
    /// Names behind a number, at most so many; none, if there are no more. They come as one text, for to fetch a million rows
    /// takes longer than to search them.
    pub async fn catalog_names(&mut self, after: i64, most: u32) -> Result<Option<NameBlock>, DbError> {
        let row = sqlx::query(
            "SELECT string_agg(CAST(id AS TEXT) || ' ' || name, $3) AS text, MAX(id) AS last FROM \
             (SELECT id, name FROM catalog_names WHERE id > $1 ORDER BY id LIMIT $2) AS block",
        )
        .bind(after)
        .bind(i64::from(most))
        .bind("\n".to_owned())
        .fetch_one(self.sql())
        .await
        .during("reading names")?;
        let columns = Columns { table: "catalog_names", row: &row };
        let Some(text) = columns.optional_text("text")? else { return Ok(None) };
        Ok(Some(NameBlock { text, last: columns.integer("last")? }))
    }
}
