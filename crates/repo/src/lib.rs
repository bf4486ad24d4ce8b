//! The engine: a repository of restic's format, opened, read, written, checked and cleaned up.
//!
//! Everything here works on a [`Store`](holdfast_store::Store) and knows neither clients nor networks. Nothing is printed.

pub mod catalogue;
pub mod config;
pub mod crypto;
mod error;
pub mod index;
mod json;
pub mod key;
pub mod lock;
pub mod pack;
mod process;
mod repository;
pub mod snapshot;
#[cfg(test)]
mod testing;
pub mod time;
pub mod tree;
mod unpacked;

pub use config::{ChunkerKind, Chunking};
pub use error::{FileFault, RepoError, RepoErrorKind};
pub use lock::{LockGuard, LockInfo, LockMode, LockWatch};
pub use repository::{InitOptions, OpenOptions, Repository, Snapshots};
pub use snapshot::{SavedSnapshot, Snapshot, SnapshotFilter};
