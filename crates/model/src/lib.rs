//! The vocabulary that every part of Holdfast shares: typed ids, timestamps, progress events, cancellation; what a server
//! keeps: clients, repositories, schedules, policies, jobs; and the rules that are pure functions: retention, protection,
//! when something is due, patterns, sources, sizes and durations as people write them.
//!
//! Everything here is pure: no file is opened, no clock is read except through [`Clock`], nothing is printed.
//! It knows nothing of the repository format, the wire or the database.

mod cancel;
pub mod client;
mod clock;
pub mod duration;
mod entry;
mod id;
pub mod job;
pub mod monitor;
mod name;
mod nearest;
pub mod object;
pub mod pattern;
pub mod policy;
pub mod protection;
pub mod repository;
pub mod retention;
pub mod schedule;
#[cfg(feature = "schema")]
mod schema;
mod secret;
mod settings;
pub mod size;
mod snapshot_file;
pub mod snapshot_path;
pub mod source;
pub mod tenant;
mod timestamp;
mod uid;
mod week;

pub use cancel::{CancelToken, Cancelled};
pub use clock::{Clock, SystemClock};
pub use entry::EntryKind;
pub use id::{BlobId, Id, IndexId, KeyId, LockId, PackId, ParseIdError, RepositoryId, SnapshotId, TreeId};
pub use monitor::{Monitor, Silent};
pub use name::{Name, ParseNameError, Tag};
pub use nearest::nearest;
pub use secret::{ParseSecretSourceError, SecretSource};
pub use settings::Settings;
pub use size::{ParseSizeError, parse_size};
pub use snapshot_file::{FileKind, SnapshotFile};
pub use snapshot_path::{ParseSnapshotPathError, SnapshotPath};
pub use timestamp::{Time, Timestamp};
pub use uid::{ClientUid, JobUid, ParseUidError, PolicyUid, RepositoryUid, RunUid, ScheduleUid, TenantUid};
pub use week::{ParseWeekSpanError, WeekSpan};
