//! The catalog: which names were in which snapshots, so that they are found without opening a repository (docs/adr/0014).
//!
//! Snapshots of one client by one policy in one repository are a *chain*, and are numbered as they are cataloged. A name in a
//! directory is a row with the first and the last number at which it was so; one that stays the same costs nothing, and a
//! directory whose tree is still the same is not looked at. What is written for a number counts when the snapshot of that number
//! is noted, in the end: until then nothing that is asked for changes. Names are texts that the caller made of bytes; what they
//! mean is not known here.

mod before;
mod begin;
mod keep;
mod names;
mod search;
mod tidy;
mod undo;

use holdfast_model::{EntryKind, RepositoryUid, TenantUid, TreeId};

use crate::codec::Columns;
use crate::connection::Writer;
use crate::database::{Database, Engine};
use crate::error::{DbError, During};

pub use begin::Begun;
pub use names::NameBlock;
pub use search::{Chain, ChainFilter, Span};
pub use tidy::Tidied;

use names::Ids;

/// So many rows, at most, are written in one transaction: others must get their turn in between.
const ROWS_AT_ONCE: usize = 2000;
/// So many values stand in one statement, or half as many pairs. Each is a parameter with a name, and SQLite looks for names
/// one after another: twice as many take four times as long.
const VALUES_AT_ONCE: usize = 500;
const PAIRS_AT_ONCE: usize = VALUES_AT_ONCE / 2;

/// A snapshot that is being cataloged. Whoever has one holds the lease of its chain.
#[derive(Debug)]
pub struct Cataloging {
    db: Database,
    lease: Lease,
    chain: i64,
    snapshot: String,
    root: Directory,
    root_tree: String,
    /// The number before it, and its own.
    tip: i64,
    number: i64,
    names: Ids,
    directories: Ids,
    /// Names that were seen in directories that are not complete yet.
    seen: std::collections::HashMap<i64, std::collections::HashSet<i64>>,
}

/// That one job at a time works on a chain.
#[derive(Debug, Clone)]
struct Lease {
    name: String,
    holder: String,
}

/// A directory of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Directory {
    id: i64,
    /// Nothing was ever kept of it.
    is_new: bool,
}

/// A part of what is in a directory now.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The directory.
    pub directory: Directory,
    /// What is known of it.
    pub state: State,
    /// Whether it is the first part of it.
    pub is_first: bool,
    /// Whether nothing follows.
    pub is_last: bool,
    /// What is in it.
    pub entries: Vec<Entry>,
}

/// What is known of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It has this tree.
    Tree(TreeId),
    /// It is gone.
    Gone,
    /// What is in it cannot be said: it is looked at again with the next snapshot, even if nothing changes.
    Unknown,
}

/// Something in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name as a text of one line, without control characters.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of a file.
    pub size: i64,
    /// When it was changed, in microseconds since 1970; 0 for a directory.
    pub modified: i64,
    /// Something that is another when its content is another.
    pub content: i64,
    /// The tree of a directory.
    pub tree: Option<TreeId>,
}

/// A directory that has to be looked at next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subdirectory {
    /// Which.
    pub directory: Directory,
    /// In which of the listings it was found, and at which place; none, if it is gone.
    pub found: Option<(usize, usize)>,
}

impl Cataloging {
    /// The directory at which to begin; none, if its tree is what it was.
    pub fn root(&self, tree: TreeId) -> Option<Directory> {
        (self.root_tree != tree.to_string()).then_some(self.root)
    }
}

/// Waits until this transaction may write to the catalog: beside others that do, or alone, when names are taken out that nobody
/// uses. SQLite has one transaction that writes.
async fn lock(writer: &mut Writer, alone: bool) -> Result<(), DbError> {
    /// Any number will do, as long as nobody else's program takes it.
    const LOCK: i64 = 0x6863_6174_616c_6f67;
    if writer.engine() == Engine::Postgres {
        let function = if alone { "pg_advisory_xact_lock" } else { "pg_advisory_xact_lock_shared" };
        let mut statement = crate::statement::Statement::new(&format!("SELECT CAST({function}("));
        statement.bind(LOCK).push(") AS TEXT)");
        statement.query().execute(writer.sql()).await.during("locking the catalog")?;
    }
    Ok(())
}

/// A row of what is in directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    directory: i64,
    name: i64,
    kind: EntryKind,
    size: i64,
    modified: i64,
    content: i64,
}

fn kind_of(columns: &Columns<'_>) -> Result<EntryKind, DbError> {
    let code = columns.integer("kind")?;
    let kind = usize::try_from(code).ok().and_then(|code| EntryKind::ALL.get(code).copied());
    kind.ok_or_else(|| DbError::Corrupt { table: columns.table, column: "kind", value: code.to_string() })
}

fn code_of(kind: EntryKind) -> i64 {
    EntryKind::ALL.iter().position(|one| *one == kind).map_or(0, |place| place as i64)
}

/// The chain of a snapshot, by what it is told apart.
struct ChainKey {
    repository: RepositoryUid,
    tenant: TenantUid,
    client: String,
    policy: String,
    line: String,
}
