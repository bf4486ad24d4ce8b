//! Ingest: many sessions at once store blobs in one repository and end in a snapshot each.
//!
//! Invariant: a blob counts as present for a session only if a durable index file names it, or if the session waits for
//! it; packs are durable before the index file that names them, index files before the snapshot. A failure strikes the
//! sessions whose blobs are concerned, and no other. What a blob belongs to, and who may know of it, is not known here.
//!
//! The way of a blob: a session's `put` queues it, within a budget of bytes ([`budget`]); a worker proves its hash, looks
//! whether it is there or on its way already ([`pending`]), encodes it and adds it to an open pack ([`packer`]); full packs
//! are written by uploaders ([`upload`]) and named by the next index file ([`indexer`]). A commit flushes all of that,
//! together with whoever commits at the same time ([`group`]).

mod budget;
mod error;
mod group;
mod indexer;
mod packer;
mod pending;
mod pipeline;
mod session;
mod state;
mod upload;
mod worker;

pub use self::error::IngestError;
pub(crate) use self::pipeline::Pipeline;
pub use self::session::{CommitReport, IngestSession};
pub use self::state::{Added, Counts, OnDurable};
pub use self::worker::Proof;

#[cfg(test)]
mod allowance;
#[cfg(test)]
mod tests;
