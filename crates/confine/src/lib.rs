//! What a process gives up, for good, before it deals with strangers.
//!
//! Invariant: nothing here can be taken back by the process, whatever code runs in it afterwards. What a process needs it says
//! itself; what it is for is not known here.

mod error;
mod files;
mod limits;
mod system_calls;
mod user;

pub use error::ConfineError;
pub use files::give_up_files;
pub use limits::{Limits, limit};
pub use system_calls::{Argument, Filter};
pub use user::give_up_user;
