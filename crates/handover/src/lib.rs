//! Hands records between the puller, which reads a client's bytes, and the vault, which holds the keys.
//!
//! Both map one sealed piece of shared memory with a ring in each direction. The puller counts as hostile: a rooted
//! client may have taken it over. So the vault copies every record out exactly once before it looks at it, believes
//! no position or length that it has not checked, and never gives out a reference into the shared memory.

mod doorbell;
mod end;
mod map;
mod record;
mod ring;

#[cfg(test)]
mod tests;

pub use end::{HandoverError, PullerFds, Receiver, Sender, Sizes, puller_ends, vault_ends, wait_for_either};
pub use record::{Kind, MAX_RECORD, Record};
pub use ring::BrokenRing;
