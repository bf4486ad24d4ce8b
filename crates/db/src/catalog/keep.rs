//! Keeping what is in directories now: rows of what is no longer so get an end, what is new gets a row, and what is the same is
//! not touched.
//!
//! The number of a directory is written before any of its rows changes, or in the same transaction.

use std::collections::{BTreeSet, HashMap};

use holdfast_model::{EntryKind, Time};

use super::before::{before, open_rows, pairs_of};
use super::{
    Cataloging, Directory, Entry, Listing, PAIRS_AT_ONCE, ROWS_AT_ONCE, Row, State, Subdirectory, VALUES_AT_ONCE,
};
use super::{code_of, kind_of, lock};
use crate::codec::Columns;
use crate::connection::{Reader, Writer};
use crate::error::{DbError, During};
use crate::statement::Statement;

/// A directory in another: its number, and its tree as far as that is known.
struct Known {
    id: i64,
    tree: String,
}

/// What is to be written.
#[derive(Default)]
struct Changes {
    ended: Vec<[i64; 2]>,
    begun: Vec<Row>,
    /// New directories: number, the one around it, name, tree.
    made: Vec<(i64, i64, i64, String)>,
    next: Vec<Subdirectory>,
    /// Whether what is gone from directories is among it already.
    is_swept: bool,
}

impl Known {
    fn gone(&self) -> Subdirectory {
        Subdirectory { directory: Directory { id: self.id, is_new: false }, found: None }
    }
}

impl Cataloging {
    /// Keeps what is in some directories. Gives back those that must be looked at next, or are gone with all that was in them.
    ///
    /// One transaction, and some more where much is gone at once. Listings should have some thousand entries together.
    pub async fn keep(&mut self, times: (Time, Time), listings: &[Listing]) -> Result<Vec<Subdirectory>, DbError> {
        let count: usize = listings.iter().map(|listing| listing.entries.len()).sum();
        self.names.provide(&self.db, count).await?;
        self.directories.provide(&self.db, count).await?;
        let mut writer = self.db.write().await?;
        self.lease.renew(&mut writer, times).await?;
        lock(&mut writer, false).await?;
        // A new one bears its tree from the start.
        let is_to_mark = |listing: &&Listing| listing.is_first && !listing.directory.is_new;
        self.mark(&mut writer, &listings.iter().filter(is_to_mark).collect::<Vec<_>>()).await?;
        for listing in listings.iter().filter(|listing| listing.state == State::Unknown) {
            self.mark_unknown(&mut writer, listing.directory).await?;
        }
        let mut changes = self.compare(&mut writer, listings).await?;
        self.write(&mut writer, &changes).await?;
        let swept: Vec<i64> = listings
            .iter()
            .filter(|listing| listing.is_last && !listing.directory.is_new && !changes.is_swept)
            .map(|listing| listing.directory.id)
            .collect();
        let mut after = Some((i64::MIN, i64::MIN));
        while let Some(from) = after {
            let (gone, last) = self.sweep(&mut writer, &swept, from).await?;
            changes.next.extend(gone);
            after = last;
            if after.is_some() {
                writer.commit().await?;
                writer = self.db.write().await?;
                self.lease.renew(&mut writer, times).await?;
                lock(&mut writer, false).await?;
            }
        }
        writer.commit().await?;
        for listing in listings.iter().filter(|listing| listing.is_last) {
            self.seen.remove(&listing.directory.id);
        }
        Ok(changes.next)
    }

    /// Notes that directories are no longer as they were.
    async fn mark(&self, writer: &mut Writer, listings: &[&Listing]) -> Result<(), DbError> {
        for part in listings.chunks(PAIRS_AT_ONCE) {
            let mut statement = Statement::new("UPDATE catalog_directories SET tree = v.column2, number = ");
            statement.bind(self.number).push(" FROM (VALUES ");
            for (at, listing) in part.iter().enumerate() {
                let tree = match listing.state {
                    State::Tree(tree) => tree.to_string(),
                    State::Gone | State::Unknown => String::new(),
                };
                statement.push(if at > 0 { ", (" } else { "(" }).bind(listing.directory.id);
                statement.push(", ").bind(tree).push(")");
            }
            statement.push(") AS v WHERE catalog_directories.id = v.column1");
            statement.query().execute(writer.sql()).await.during("noting changed directories")?;
        }
        Ok(())
    }

    /// Notes that a directory, and so all in which it lies, must be looked at again.
    async fn mark_unknown(&self, writer: &mut Writer, directory: Directory) -> Result<(), DbError> {
        sqlx::query(
            "UPDATE catalog_directories SET tree = '' WHERE id IN (WITH RECURSIVE up (id, parent) AS (\
             SELECT id, parent FROM catalog_directories WHERE id = $1 UNION ALL SELECT d.id, d.parent FROM up \
             JOIN catalog_directories AS d ON d.id = up.parent) SELECT id FROM up)",
        )
        .bind(directory.id)
        .execute(writer.sql())
        .await
        .during("noting an unknown directory")
        .map(drop)
    }

    async fn compare(&mut self, writer: &mut Writer, listings: &[Listing]) -> Result<Changes, DbError> {
        let before = before(writer, listings).await?;
        let is_whole = before.is_some();
        let (mut names, open) = before.unwrap_or_default();
        let texts = listings.iter().flat_map(|listing| listing.entries.iter().map(|entry| entry.name.as_str()));
        let missing: BTreeSet<&str> = texts.filter(|name| !names.contains_key(*name)).collect();
        names.extend(self.intern(writer, &missing).await?);
        let open = if is_whole { open } else { open_rows(writer, &pairs_of(listings, &names, |_| true)).await? };
        let mut changes = Changes { is_swept: is_whole, ..Changes::default() };
        let directories = self.known_directories(writer, listings, &names, &open).await?;
        for (at, listing) in listings.iter().enumerate() {
            for (place, entry) in listing.entries.iter().enumerate() {
                let key = (listing.directory.id, names[&entry.name]);
                if !self.seen.entry(key.0).or_default().insert(key.1) {
                    // The same name twice: the first one counts.
                    continue;
                }
                self.compare_entry(&mut changes, key, (at, place), entry, open.get(&key), directories.get(&key));
            }
        }
        if is_whole {
            let is_seen = |row: &&Row| self.seen.get(&row.directory).is_some_and(|seen| seen.contains(&row.name));
            for row in open.values().filter(|row| !is_seen(row)) {
                changes.ended.push([row.directory, row.name]);
                changes.next.extend(directories.get(&(row.directory, row.name)).map(Known::gone));
            }
        }
        Ok(changes)
    }

    fn compare_entry(
        &mut self,
        changes: &mut Changes,
        key: (i64, i64),
        found: (usize, usize),
        entry: &Entry,
        open: Option<&Row>,
        known: Option<&Known>,
    ) {
        let row = row_of(key, entry);
        let was_directory = open.is_some_and(|open| open.kind == EntryKind::Directory);
        if open != Some(&row) {
            changes.ended.extend(open.map(|_| [key.0, key.1]));
            changes.begun.push(row);
        }
        match (entry.tree, known) {
            (Some(tree), Some(known)) => {
                if !was_directory || known.tree != tree.to_string() {
                    let directory = Directory { id: known.id, is_new: false };
                    changes.next.push(Subdirectory { directory, found: Some(found) });
                }
            }
            (Some(tree), None) => {
                let id = self.directories.next();
                changes.made.push((id, key.0, key.1, tree.to_string()));
                let directory = Directory { id, is_new: true };
                changes.next.push(Subdirectory { directory, found: Some(found) });
            }
            (None, Some(known)) if was_directory => {
                changes.next.push(known.gone());
            }
            (None, _) => {}
        }
    }

    /// The directories among the entries, and those that were one, as far as they are known.
    async fn known_directories(
        &self,
        reader: &mut Reader,
        listings: &[Listing],
        names: &HashMap<String, i64>,
        open: &HashMap<(i64, i64), Row>,
    ) -> Result<HashMap<(i64, i64), Known>, DbError> {
        let now = pairs_of(listings, names, |entry| entry.tree.is_some()).into_iter();
        let before = open.values().filter(|row| row.kind == EntryKind::Directory);
        let pairs: BTreeSet<[i64; 2]> = now.chain(before.map(|row| [row.directory, row.name])).collect();
        self.directories_at(reader, &pairs.into_iter().collect::<Vec<_>>()).await
    }

    async fn directories_at(
        &self,
        reader: &mut Reader,
        pairs: &[[i64; 2]],
    ) -> Result<HashMap<(i64, i64), Known>, DbError> {
        let mut found = HashMap::new();
        for part in pairs.chunks(PAIRS_AT_ONCE) {
            let mut statement = Statement::new("SELECT id, parent, name, tree FROM catalog_directories");
            statement.and("chain = ").bind(self.chain);
            statement.and("(parent, name) IN ").bind_pairs(part.iter().copied());
            let rows = statement.query().fetch_all(reader.sql()).await.during("looking for directories")?;
            for row in &rows {
                let columns = Columns { table: "catalog_directories", row };
                let known = Known { id: columns.integer("id")?, tree: columns.text("tree")? };
                found.insert((columns.integer("parent")?, columns.integer("name")?), known);
            }
        }
        Ok(found)
    }

    async fn write(&self, writer: &mut Writer, changes: &Changes) -> Result<(), DbError> {
        self.end(writer, &changes.ended).await?;
        for part in changes.begun.chunks(VALUES_AT_ONCE / 9) {
            let mut statement = Statement::new(
                "INSERT INTO catalog_entries (directory, name, first, last, chain, kind, size, modified, content) VALUES ",
            );
            statement.bind_rows(part.iter().map(|row| {
                let (kind, first) = (code_of(row.kind), self.number);
                [row.directory, row.name, first, 0, self.chain, kind, row.size, row.modified, row.content]
            }));
            statement.query().execute(writer.sql()).await.during("keeping what is in a directory")?;
        }
        for part in changes.made.chunks(VALUES_AT_ONCE / 6) {
            let mut statement =
                Statement::new("INSERT INTO catalog_directories (id, chain, parent, name, tree, number) VALUES ");
            for (at, (id, parent, name, tree)) in part.iter().enumerate() {
                statement.push(if at > 0 { ", (" } else { "(" }).bind(*id).push(", ").bind(self.chain);
                statement.push(", ").bind(*parent).push(", ").bind(*name).push(", ").bind(tree.clone());
                statement.push(", ").bind(self.number).push(")");
            }
            statement.query().execute(writer.sql()).await.during("keeping directories")?;
        }
        Ok(())
    }

    /// Gives rows an end: the snapshot before this one was the last that had them.
    async fn end(&self, writer: &mut Writer, pairs: &[[i64; 2]]) -> Result<(), DbError> {
        for part in pairs.chunks(PAIRS_AT_ONCE) {
            let mut statement = Statement::new("UPDATE catalog_entries SET last = ");
            statement.bind(self.tip).and("last = 0 AND first < ").bind(self.number);
            statement.and("(directory, name) IN ").bind_pairs(part.iter().copied());
            statement.query().execute(writer.sql()).await.during("ending what is no longer in a directory")?;
        }
        Ok(())
    }

    /// Ends some of what was in these directories and is not any more. Gives back the directories among it, and where to go on.
    async fn sweep(
        &mut self,
        writer: &mut Writer,
        directories: &[i64],
        from: (i64, i64),
    ) -> Result<(Vec<Subdirectory>, Option<(i64, i64)>), DbError> {
        if directories.is_empty() {
            return Ok((Vec::new(), None));
        }
        let mut statement = Statement::new("SELECT directory, name, kind FROM catalog_entries");
        statement.and("directory IN ").bind_list(directories.iter().copied());
        statement.and("last = 0 AND first < ").bind(self.number);
        statement.and("(directory, name) > (").bind(from.0).push(", ").bind(from.1).push(")");
        statement.push(" ORDER BY directory, name LIMIT ").bind(2 * ROWS_AT_ONCE as i64);
        let rows = statement.query().fetch_all(writer.sql()).await.during("looking for what is gone")?;
        let (mut ended, mut gone, mut last) = (Vec::new(), Vec::new(), None);
        for row in &rows {
            let columns = Columns { table: "catalog_entries", row };
            let key = (columns.integer("directory")?, columns.integer("name")?);
            last = Some(key);
            if self.seen.get(&key.0).is_some_and(|seen| seen.contains(&key.1)) {
                continue;
            }
            ended.push([key.0, key.1]);
            if kind_of(&columns)? == EntryKind::Directory {
                gone.push([key.0, key.1]);
            }
        }
        self.end(writer, &ended).await?;
        let gone = self.directories_at(writer, &gone).await?;
        let gone = gone.values().map(Known::gone);
        Ok((gone.collect(), last.filter(|_| rows.len() == 2 * ROWS_AT_ONCE)))
    }
}

fn row_of((directory, name): (i64, i64), entry: &Entry) -> Row {
    let Entry { kind, size, modified, content, .. } = *entry;
    Row { directory, name, kind, size, modified, content }
}
