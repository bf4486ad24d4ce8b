//! Waits for a child and learns what it and everything that it waited for have used.
//!
//! The kernel's own account: nothing is sampled, and nothing of a short process is missed.

#![expect(unsafe_code, reason = "neither the standard library nor rustix offers wait4")]

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::Duration;

/// What a child and all its descendants that were waited for have used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    pub(super) status: ExitStatus,
    pub(super) user: Duration,
    pub(super) system: Duration,
    /// The largest single process, in bytes.
    pub(super) largest: u64,
}

/// Waits until the child ends. Its id may be another process's from then on.
pub(super) fn wait(child: Child) -> io::Result<Usage> {
    let pid = libc::pid_t::try_from(child.id()).map_err(io::Error::other)?;
    let mut status = 0;
    // SAFETY: all-zero bytes are a valid `rusage`: it holds integers only.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to live, writable values of the types that the call fills in.
        let ended = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
        if ended == pid {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    let time = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec.unsigned_abs()) + Duration::from_micros(time.tv_usec.unsigned_abs())
    };
    Ok(Usage {
        status: ExitStatus::from_raw(status),
        user: time(usage.ru_utime),
        system: time(usage.ru_stime),
        largest: usage.ru_maxrss.unsigned_abs() * 1024,
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_grandchild_that_was_waited_for_is_counted() {
        let burn = "sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'; exit 3";
        let child = Command::new("sh").args(["-c", burn]).spawn().unwrap();
        let usage = wait(child).unwrap();
        assert_eq!(usage.status.code(), Some(3));
        assert!(usage.user + usage.system > Duration::from_millis(5), "{usage:?}");
        assert!(usage.largest > 100 << 10);
    }
}
