//! What a server remembers: objects, jobs and their logs, snapshots that were seen and the names in them, events, secrets; in
//! SQLite or PostgreSQL, by the same statements.
//!
//! A change and the event that tells of it are one transaction. SQL stands here alone, one file for each thing that is kept;
//! what a job or a policy means is not known here beyond what the model says of it.

mod answers;
mod bus;
pub mod catalog;
mod codec;
mod connection;
mod database;
mod error;
mod events;
mod jobs;
mod last_backups;
mod leases;
mod log;
mod migrate;
mod objects;
mod repository_sizes;
mod secrets;
mod settings;
mod snapshots;
mod statement;

pub use answers::{Claim, KeptAnswer, RequestKey};
pub use connection::{Reader, Writer};
pub use database::{Database, Options, without_password};
pub use error::{DbError, DbErrorKind};
pub use events::{Event, NewEvent};
pub use jobs::{JobFilter, JobPage, Unfinished};
pub use last_backups::{LastBackup, LastBackups};
pub use log::{Level, LogLine};
pub use objects::{AllObjects, ObjectFilter, Order, Page, Unreadable};
pub use repository_sizes::SizeQuery;
pub use snapshots::{KnownSnapshot, SnapshotDetails, SnapshotQuery};
