//! Prune: giving back the space of blobs that no snapshot reaches. First a plan, then its execution.
//!
//! Invariant: at every moment, also after a crash, each blob that is used lies in a pack that exists and that an index
//! file names: packs are written before the index files that name them, index files are written before those that they
//! replace are deleted, and packs are deleted last. What is deleted was decided under the exclusive lock under which it is
//! deleted. The decisions are restic's (its `prune` command), so that either program finds the other's work done.

mod decide;
mod execute;
mod index_rewrite;
mod options;
mod plan;
mod repack;
mod stats;
mod survey;
mod used;

pub use self::execute::PruneReport;
pub use self::options::{MaxUnused, ParseMaxUnusedError, Pins, PruneOptions};
pub use self::plan::{PruneError, PrunePlan};
pub use self::stats::{BlobStats, ByteStats, PackStats, PruneStats};

#[cfg(test)]
mod tests;
