//! The vocabulary that every part of Holdfast shares: typed ids, timestamps, progress events, cancellation, and the
//! rules that are pure functions: retention, patterns, sources, sizes and durations as people write them.
//!
//! Everything here is pure: no file is opened, no clock is read except through [`Clock`], nothing is printed.
//! It knows nothing of the repository format, the wire or the database.

mod cancel;
mod clock;
pub mod duration;
mod id;
pub mod monitor;
pub mod pattern;
pub mod retention;
pub mod size;
pub mod source;
mod timestamp;

pub use cancel::{CancelToken, Cancelled};
pub use clock::{Clock, SystemClock};
pub use id::{BlobId, Id, IndexId, KeyId, LockId, PackId, ParseIdError, RepositoryId, SnapshotId, TreeId};
pub use monitor::{Monitor, Silent};
pub use size::{ParseSizeError, parse_size};
pub use timestamp::Timestamp;
