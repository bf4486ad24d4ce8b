//! What was in directories before: all of it at once where that is not much, else row by row.

use std::collections::HashMap;

use super::{Entry, Listing, PAIRS_AT_ONCE, ROWS_AT_ONCE, Row, VALUES_AT_ONCE, kind_of};
use crate::codec::Columns;
use crate::connection::Reader;
use crate::error::{DbError, During};
use crate::statement::Statement;

/// Names with their numbers, and rows that have no end.
pub(super) type Before = (HashMap<String, i64>, HashMap<(i64, i64), Row>);

/// All that was in directories, if each of them is here as a whole and nothing very large is among them.
pub(super) async fn before(reader: &mut Reader, listings: &[Listing]) -> Result<Option<Before>, DbError> {
    let known: Vec<&Listing> = listings.iter().filter(|listing| !listing.directory.is_new).collect();
    if !known.iter().all(|listing| listing.is_first && listing.is_last) {
        return Ok(None);
    }
    let (mut names, mut open) = Before::default();
    for part in known.chunks(VALUES_AT_ONCE) {
        let mut statement = Statement::new(
            "SELECT e.directory AS directory, e.name AS name, e.kind AS kind, e.size AS size, e.modified AS modified, \
             e.content AS content, n.name AS text FROM catalog_entries AS e JOIN catalog_names AS n ON n.id = e.name",
        );
        statement.and("e.last = 0 AND e.directory IN ").bind_list(part.iter().map(|listing| listing.directory.id));
        statement.push(" LIMIT ").bind(2 * ROWS_AT_ONCE as i64);
        let rows = statement.query().fetch_all(reader.sql()).await.during("reading what was in directories")?;
        if rows.len() == 2 * ROWS_AT_ONCE {
            return Ok(None);
        }
        for row in &rows {
            let columns = Columns { table: "catalog_entries", row };
            let row = read_row(&columns)?;
            names.insert(columns.text("text")?, row.name);
            open.insert((row.directory, row.name), row);
        }
    }
    Ok(Some((names, open)))
}

/// Directories that are known, with the names of entries in them.
pub(super) fn pairs_of(
    listings: &[Listing],
    names: &HashMap<String, i64>,
    is_one: fn(&Entry) -> bool,
) -> Vec<[i64; 2]> {
    let known = listings.iter().filter(|listing| !listing.directory.is_new);
    let pairs = known.flat_map(|listing| {
        let entries = listing.entries.iter().filter(|entry| is_one(entry));
        entries.map(|entry| [listing.directory.id, names[&entry.name]])
    });
    pairs.collect()
}

/// Rows that have no end.
pub(super) async fn open_rows(reader: &mut Reader, pairs: &[[i64; 2]]) -> Result<HashMap<(i64, i64), Row>, DbError> {
    let mut found = HashMap::with_capacity(pairs.len());
    for part in pairs.chunks(PAIRS_AT_ONCE) {
        let mut statement =
            Statement::new("SELECT directory, name, kind, size, modified, content FROM catalog_entries");
        statement.and("last = 0");
        statement.and("(directory, name) IN ").bind_pairs(part.iter().copied());
        let rows = statement.query().fetch_all(reader.sql()).await.during("reading what was in a directory")?;
        for row in &rows {
            let columns = Columns { table: "catalog_entries", row };
            let row = read_row(&columns)?;
            found.insert((row.directory, row.name), row);
        }
    }
    Ok(found)
}

fn read_row(columns: &Columns<'_>) -> Result<Row, DbError> {
    Ok(Row {
        directory: columns.integer("directory")?,
        name: columns.integer("name")?,
        kind: kind_of(columns)?,
        size: columns.integer("size")?,
        modified: columns.integer("modified")?,
        content: columns.integer("content")?,
    })
}
