//! The storage port: where the files of a repository are kept, and what every driver must promise.
//!
//! A store knows names, sizes and bytes; it knows neither keys nor what a file means.

mod error;
mod layout;
mod local;
mod memory;
mod port;

pub use error::{ErrorKind, StoreError};
pub use local::LocalStore;
pub use memory::MemoryStore;
pub use port::{FileInfo, FileKind, Store};

#[doc(hidden)]
pub mod contract;
