//! Files, sockets and other processes, given up by Landlock.
//!
//! It is a second wall behind the filter of system calls, as high as the kernel has it: Debian 12's knows files alone, and some
//! kernels have none. What is open stays open.

use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetStatus, Scope};

use crate::error::ConfineError;

/// The newest that is known here; an older kernel does what it can.
const NEWEST: ABI = ABI::V6;

/// This thread, and those that it starts, open no file any more, make none, bind and connect nothing, and signal no other
/// process. Says whether the kernel knows how to hold them to it.
pub fn give_up_files() -> Result<bool, ConfineError> {
    let failed = ConfineError::during("Landlock");
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(NEWEST)))
        .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create);
    let status = rules.and_then(|rules| rules.restrict_self()).map_err(failed)?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}
