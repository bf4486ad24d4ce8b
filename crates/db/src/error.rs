//! What can go wrong with a database. Callers decide by the kind.

use std::path::PathBuf;

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DbErrorKind {
    /// There is no such thing.
    NotFound,
    /// There is one of that name already.
    Exists,
    /// It was changed since it was read.
    Changed,
    /// Something else needs it.
    InUse,
    /// It names something that is not there.
    Dangling,
    /// It can be tried again.
    Unavailable,
    /// What is stored cannot be read.
    Corrupt,
    /// The database is of a newer release, or not ours.
    Version,
    /// Anything else.
    Other,
}

/// An operation on the database that did not work.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// There is no such thing.
    #[error("there is no {what} {name}")]
    NotFound {
        /// What it should be.
        what: &'static str,
        /// Its name or id.
        name: String,
    },
    /// A name is taken.
    #[error("there is a {what} {name} already")]
    Exists {
        /// What it is.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Somebody was faster.
    #[error("the {what} {name} was changed meanwhile: read it again")]
    Changed {
        /// What it is.
        what: &'static str,
        /// Its name or id.
        name: String,
    },
    /// Something needs it.
    #[error("the {what} {name} is needed by {}", by.join(", "))]
    InUse {
        /// What it is.
        what: &'static str,
        /// Its name.
        name: String,
        /// What needs it, some of it.
        by: Vec<String>,
    },
    /// A name leads nowhere.
    #[error("there is no {what} {name}, which it names")]
    Dangling {
        /// What should be there.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A job cannot become what it was to become.
    #[error("job {job} is {status} and cannot become {to}")]
    Transition {
        /// The job.
        job: String,
        /// Where it stands.
        status: String,
        /// Where it should come.
        to: String,
    },
    /// A row is not what was written.
    #[error("{column} of {table} holds what cannot be read: {value:?}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The beginning of its value.
        value: String,
    },
    /// An address that names no database.
    #[error("{address} names no database: write sqlite:/PATH/holdfast.db or postgres://USER@HOST/NAME")]
    Address {
        /// As given, without a password.
        address: String,
    },
    /// The file cannot be there.
    #[error("cannot keep a database at {}", path.display())]
    Place {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database was made by a newer release.
    #[error("the database is of version {found}, and this release knows versions up to {known}: install a newer one")]
    TooNew {
        /// Its version.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// The database does not do what it was asked.
    #[error("the database does not do what it was asked, while {during}")]
    Database {
        /// What was being done.
        during: &'static str,
        /// What it said.
        #[source]
        source: sqlx::Error,
    },
}

impl DbError {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> DbErrorKind {
        match self {
            Self::NotFound { .. } => DbErrorKind::NotFound,
            Self::Exists { .. } => DbErrorKind::Exists,
            Self::Changed { .. } | Self::Transition { .. } => DbErrorKind::Changed,
            Self::InUse { .. } => DbErrorKind::InUse,
            Self::Dangling { .. } => DbErrorKind::Dangling,
            Self::Corrupt { .. } => DbErrorKind::Corrupt,
            Self::TooNew { .. } | Self::Address { .. } => DbErrorKind::Version,
            Self::Place { .. } => DbErrorKind::Other,
            Self::Database { source, .. } => kind_of(source),
        }
    }
}

fn kind_of(error: &sqlx::Error) -> DbErrorKind {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            DbErrorKind::Unavailable
        }
        sqlx::Error::Database(error) => {
            // SQLite: busy and locked. PostgreSQL: serialization failure, deadlock, too many connections, shutdown.
            let passing = ["5", "6", "261", "517", "40001", "40P01", "53300", "57P01", "57P03"];
            let passes = error.code().is_some_and(|code| passing.contains(&&*code));
            if passes { DbErrorKind::Unavailable } else { DbErrorKind::Other }
        }
        _ => DbErrorKind::Other,
    }
}

/// Says what was being done when the database failed.
pub(crate) trait During<T> {
    fn during(self, during: &'static str) -> Result<T, DbError>;
}

impl<T> During<T> for Result<T, sqlx::Error> {
    fn during(self, during: &'static str) -> Result<T, DbError> {
        self.map_err(|source| DbError::Database { during, source })
    }
}
