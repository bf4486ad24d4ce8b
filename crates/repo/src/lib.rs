//! The engine: a repository of restic's format, opened, read, written, checked and cleaned up.
//!
//! Everything here works on a [`Store`](holdfast_store::Store) and knows neither clients nor networks. Nothing is printed.

pub mod catalogue;
pub mod check;
mod closure;
pub mod config;
mod copy;
pub mod crypto;
mod cursor;
pub mod engine;
mod error;
mod id_table;
pub mod index;
pub mod ingest;
mod json;
pub mod key;
pub mod lock;
pub mod pack;
mod process;
pub mod prune;
pub mod reader;
mod repository;
mod saved;
pub mod snapshot;
#[cfg(test)]
mod testing;
pub mod time;
pub mod tree;
mod tree_walk;
mod unpacked;

pub use config::{ChunkerKind, Chunking};
pub use copy::{CopyError, CopyReport, copy_snapshots};
pub use engine::{CheckpointPolicy, Engine, EngineOptions};
pub use error::{FileFault, RepoError, RepoErrorKind};
/// How those that wait for a lock wait.
pub use holdfast_store::{Pause, Sleep};
pub use ingest::{CommitReport, IngestError, IngestSession, Proof};
pub use lock::{LockGuard, LockInfo, LockMode, LockWatch};
pub use pack::{BlobKind, Compression};
pub use reader::ReadError;
pub use repository::{HotReport, InitOptions, OpenOptions, Repository, Snapshots};
pub use snapshot::{SavedSnapshot, Snapshot, SnapshotFilter};
pub use tree_walk::WalkError;
