//! Wakes the other side: a pair of connected sockets that carry nothing but rings of a bell.
//!
//! The end of the stream tells that the other process is gone, however it ended.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair};

/// One end of the bell.
pub(crate) struct Doorbell(OwnedFd);

/// What waiting ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    Rung,
    Gone,
    TimedOut,
}

/// Two connected ends.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}

impl Doorbell {
    pub(crate) fn new(socket: OwnedFd) -> Self {
        Self(socket)
    }

    /// Rings. If the bell has rung so often that nothing more fits, the other side will wake anyway.
    pub(crate) fn ring(&self) {
        let _ = send(&self.0, &[1], SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
    }

    /// Waits until the bell rings.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> io::Result<Wake> {
        let timeout = timeout
            .map(|timeout| Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: timeout.subsec_nanos().into() });
        match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], timeout.as_ref()) {
            Ok(0) => Ok(Wake::TimedOut),
            Ok(_) | Err(Errno::INTR) => self.answer(),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes all rings that have come.
    fn answer(&self) -> io::Result<Wake> {
        let mut rings = [0; 256];
        match recv(self.0.as_fd(), &mut rings, RecvFlags::DONTWAIT) {
            Ok((_, 0)) | Err(Errno::CONNRESET) => Ok(Wake::Gone),
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Ok(Wake::Rung),
            Err(error) => Err(error.into()),
        }
    }
}

/// Waits until one of two bells rings; says what each did.
pub(crate) fn wait_for_either(a: &Doorbell, b: &Doorbell) -> io::Result<(Option<Wake>, Option<Wake>)> {
    let mut polled = [PollFd::new(&a.0, PollFlags::IN), PollFd::new(&b.0, PollFlags::IN)];
    match poll(&mut polled, None) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let [first, second] = polled.map(|polled| !polled.revents().is_empty());
    Ok((first.then(|| a.answer()).transpose()?, second.then(|| b.answer()).transpose()?))
}
