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

pub use end::{End, Event, HandoverError, PullerFds, Sizes, puller_end, vault_end};
pub use record::{Kind, MAX_RECORD, Record};
