//! The user that a process was started as, given up.

use rustix::process::{Gid, Uid, geteuid, getpid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid,
    set_thread_res_uid,
};

use crate::error::ConfineError;

/// Where users begin that nobody hands out: below lie those of systems, of containers and of systemd.
const UNUSED: u32 = 0x7000_0000;

/// Who is nobody in a namespace that has few users.
const NOBODY: u32 = 65_534;

/// This thread, and those that it starts, gain no privilege by what they execute and have no capability. Where it may (it is
/// root's, and no namespace keeps it from that) it becomes a user that no other process has. Says whether it did.
///
/// To be called while the process has one thread.
pub fn give_up_user() -> Result<bool, ConfineError> {
    set_no_new_privs(true).map_err(ConfineError::during("giving up privileges"))?;
    let pid = getpid().as_raw_nonzero().get().unsigned_abs();
    let has_changed = geteuid().is_root() && (become_user(UNUSED + pid) || become_user(NOBODY));
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
        .map_err(ConfineError::during("giving up capabilities"))?;
    Ok(has_changed)
}

fn become_user(number: u32) -> bool {
    let (user, group) = (Uid::from_raw(number), Gid::from_raw(number));
    // The user last: without it nothing else can be changed.
    set_thread_groups(&[]).is_ok()
        && set_thread_res_gid(group, group, group).is_ok()
        && set_thread_res_uid(user, user, user).is_ok()
}
