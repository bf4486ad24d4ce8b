//! The closure proof: everything that a snapshot reaches is in the live index.
//!
//! Invariant: a tree counts as closed only if it and all that it reaches were found in index files that are all still
//! there, in no pack that is marked for deletion. What one session built it has looked at while building; what it took
//! over by id is read, unless it is remembered as closed ([`memory`]). So a proof costs what changed.

mod memory;
mod proof;
mod session;

pub(crate) use self::memory::ClosedTrees;
pub(crate) use self::proof::prove;
pub(crate) use self::session::SessionClosure;
