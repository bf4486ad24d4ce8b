//! What passes between the process that reads a client's bytes (the puller) and the one with the keys (the vault).
//!
//! Two rings in one sealed piece of shared memory: *up* from puller to vault, *down* from vault to puller, each with
//! one writer and one reader, and a doorbell each for whoever waits. The puller may have been taken over by what it
//! read, so the vault believes nothing that stands in the memory: positions are checked against its own, every record
//! is copied out once and checked on the copy, and no reference into the memory leaves this crate. What the records
//! mean is not known here.

mod bell;
mod ends;
mod error;
mod inherit;
mod layout;
mod mapping;
mod memory;
mod record;
mod ring;

pub use ends::{
    DownReceiver, DownSender, PullerEnd, PullerFds, RingSizes, UpReceiver, UpSender, VaultEnd, wait_for_either,
};
pub use error::{ErrorKind, HandoverError};
pub use inherit::MAX_FURTHER;
pub use record::{Counters, Down, FailureKind, MAX_NOISE, MAX_RECORD, MAX_TEXT, OwnedUp, Up};
pub use ring::Closer;
