//! The storage port: where the files of a repository are kept, and what every driver must promise.
//!
//! A store knows names, sizes and bytes; it knows neither keys nor what a file means.

#[doc(hidden)]
pub mod contract;
mod dry;
mod error;
pub mod fault;
mod helper;
mod hot;
mod http;
mod layout;
mod limit;
mod local;
mod memory;
mod open;
#[cfg(feature = "opendal")]
mod opendal;
mod options;
mod pause;
mod port;
mod rclone;
pub mod record;
mod rest;
mod retry;
mod secret;
mod sftp;
pub mod uri;
mod vectored;
mod wrap;

pub use dry::DryRunStore;
pub use error::{ErrorKind, StoreError};
pub use hot::{Compared, Copied, HotStore};
pub use http::Tls;
pub use limit::{LimitStore, Limits};
pub use local::LocalStore;
pub use memory::MemoryStore;
pub use open::{OpenError, open};
#[cfg(feature = "opendal")]
pub use opendal::OpenDalStore;
pub use options::{Environment, Listener, Options};
pub use pause::{Pause, Sleep};
pub use port::{FileInfo, FileKind, Store};
pub use rclone::{RcloneProgram, RcloneStore};
pub use rest::RestStore;
pub use retry::{Patience, RetryStore};
pub use secret::Secret;
pub use sftp::{SftpStore, SshProgram};
pub use uri::{Place, PlaceError};
pub use wrap::Verb;
