//! How the puller's end gets into the puller's process: as inherited descriptors whose numbers are an argument.
//!
//! The descriptors stay closed-on-exec in this process, so that no other child, started meanwhile by another thread,
//! gets them; only the one child, between fork and exec, lets them pass.
#![expect(unsafe_code, reason = "a child is prepared between fork and exec, and descriptors come as numbers")]

use std::collections::BTreeSet;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};

use crate::ends::PullerFds;
use crate::error::HandoverError;

/// Descriptors that may be passed besides those of the handover.
pub const MAX_FURTHER: usize = 64;

/// Whether this process has taken its inherited end: descriptors belong to the process, and only one may own them.
static TAKEN: AtomicBool = AtomicBool::new(false);

impl PullerFds {
    /// Starts the puller with these descriptors; the last argument, for [`Self::from_argument`], is added here.
    /// This process keeps none of them.
    pub fn spawn(self, mut command: Command) -> Result<Child, HandoverError> {
        let three = [&self.memory, &self.up_bell, &self.down_bell];
        let numbers: Vec<RawFd> = three.into_iter().chain(&self.further).map(AsRawFd::as_raw_fd).collect();
        command.arg(numbers.iter().map(RawFd::to_string).collect::<Vec<_>>().join(","));
        let let_pass = move || {
            // All of this program's are closed on exec, but some library's may not be. Kernels before 5.11 cannot do it at once.
            // SAFETY: nothing is closed yet; this child executes the puller next, or ends.
            unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
            for number in &numbers {
                // SAFETY: `self` is dropped after the child has been started, so that the child has copies.
                let fd = unsafe { BorrowedFd::borrow_raw(*number) };
                fcntl_setfd(fd, FdFlags::empty())?;
            }
            Ok(())
        };
        // SAFETY: the closure makes system calls only; it neither allocates nor takes locks.
        unsafe { command.pre_exec(let_pass) };
        let child = command.spawn().map_err(|source| HandoverError::System { call: "starting the puller", source });
        drop(self);
        child
    }

    /// Takes the descriptors that this process was started with, once.
    pub fn from_argument(argument: &str) -> Result<Self, HandoverError> {
        let not = |fault| HandoverError::NotAHandover { fault };
        let numbers = argument.split(',').map(str::parse).collect::<Result<Vec<RawFd>, _>>();
        let numbers = numbers.map_err(|_| not("the argument is not made of numbers"))?;
        if !(3..=3 + MAX_FURTHER).contains(&numbers.len()) {
            return Err(not("the argument has too few or too many numbers"));
        }
        let own: BTreeSet<RawFd> = numbers.iter().copied().filter(|number| *number >= 3).collect();
        if own.len() != numbers.len() {
            return Err(not("the numbers are not all different and their own"));
        }
        if TAKEN.swap(true, SeqCst) {
            return Err(not("it was taken before"));
        }
        for number in &numbers {
            // SAFETY: the number is not -1, and if nothing is open under it, the calls fail.
            let fd = unsafe { BorrowedFd::borrow_raw(*number) };
            fcntl_getfd(fd)
                .and_then(|flags| fcntl_setfd(fd, flags | FdFlags::CLOEXEC))
                .map_err(|_| not("nothing is open under one of the numbers"))?;
        }
        // SAFETY: they are open, different, none is a standard stream, and whoever started this process gave them for
        // this purpose alone; they are taken only once.
        let mut fds = numbers.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
        let mut next = || fds.next().ok_or_else(|| not("the argument has too few numbers"));
        Ok(Self { memory: next()?, up_bell: next()?, down_bell: next()?, further: fds.collect() })
    }
}
