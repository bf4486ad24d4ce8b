//! What runs on a client: walks, reads, cuts and sends; in a restore receives, proves and writes.
//!
//! It holds no key, knows no repository and keeps nothing between runs. It links nothing that does.

mod link;
pub mod restore;

pub use link::{Down, Downlink, LinkClosed, Uplink};
