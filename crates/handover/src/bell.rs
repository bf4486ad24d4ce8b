//! The doorbell of one ring: a socket pair over which each side wakes the other, and on which it sees the other end.
//!
//! A ring of the bell carries no meaning but "look again": lost ones, false ones and a flood of them cost no more than
//! a look each.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::error::HandoverError;

/// One side's end of a doorbell.
#[derive(Debug)]
pub(crate) struct Bell(UnixStream);

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// There may be something to do.
    Rung,
    /// The other side is gone, or this one has hung up.
    Gone,
    /// The deadline has passed.
    TimedOut,
}

impl Bell {
    /// A doorbell's two ends; the second is for the other process.
    pub(crate) fn pair() -> Result<(Self, OwnedFd), HandoverError> {
        let system = |source| HandoverError::System { call: "socketpair", source };
        let (ours, theirs) = UnixStream::pair().map_err(system)?;
        Ok((Self::new(ours)?, theirs.into()))
    }

    /// The end that another process gave.
    pub(crate) fn from_fd(fd: OwnedFd) -> Result<Self, HandoverError> {
        let stream = UnixStream::from(fd);
        if stream.peer_addr().is_err() {
            return Err(HandoverError::NotAHandover { fault: "a doorbell is no connected socket" });
        }
        Self::new(stream)
    }

    fn new(stream: UnixStream) -> Result<Self, HandoverError> {
        stream.set_nonblocking(true).map_err(|source| HandoverError::System { call: "ioctl(FIONBIO)", source })?;
        Ok(Self(stream))
    }

    /// Wakes the other side.
    pub(crate) fn ring(&self) {
        // A full socket has rung already, and that the other side is gone is seen by who waits for it.
        let _ = (&self.0).write(&[1]);
    }

    /// Waits until the bell rings. Once the deadline has passed that is all it tells, however often the bell rings.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Result<Woken, HandoverError> {
        let timeout = match timeout(deadline) {
            Some(Duration::ZERO) => return Ok(Woken::TimedOut),
            left => left.map(timespec),
        };
        match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], timeout.as_ref()) {
            Ok(0) => Ok(Woken::TimedOut),
            Ok(_) | Err(Errno::INTR) => self.answer(),
            Err(errno) => Err(HandoverError::system("poll")(errno)),
        }
    }

    /// Waits until one of two bells rings.
    pub(crate) fn wait_for_either(bells: [&Self; 2], deadline: Option<Instant>) -> Result<[Woken; 2], HandoverError> {
        let timeout = match timeout(deadline) {
            Some(Duration::ZERO) => return Ok([Woken::TimedOut; 2]),
            left => left.map(timespec),
        };
        match poll(&mut bells.map(|bell| PollFd::new(&bell.0, PollFlags::IN)), timeout.as_ref()) {
            Ok(0) => Ok([Woken::TimedOut; 2]),
            // The one that did not ring has nothing to answer, which is as good as a false ring.
            Ok(_) | Err(Errno::INTR) => Ok([bells[0].answer()?, bells[1].answer()?]),
            Err(errno) => Err(HandoverError::system("poll")(errno)),
        }
    }

    /// Waits until the other side is gone, or this one has hung up, and leaves the rings to others.
    pub(crate) fn wait_for_end(&self) -> Result<(), HandoverError> {
        loop {
            match poll(&mut [PollFd::new(&self.0, PollFlags::RDHUP)], None) {
                Ok(0) | Err(Errno::INTR) => (),
                Ok(_) => return Ok(()),
                Err(errno) => return Err(HandoverError::system("poll")(errno)),
            }
        }
    }

    /// Takes what has rung.
    fn answer(&self) -> Result<Woken, HandoverError> {
        match (&self.0).read(&mut [0; 256]) {
            Ok(0) => Ok(Woken::Gone),
            Ok(_) => Ok(Woken::Rung),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(Woken::Rung),
                io::ErrorKind::ConnectionReset => Ok(Woken::Gone),
                _ => Err(HandoverError::System { call: "recv", source: error }),
            },
        }
    }

    /// Ends the connection for both sides: all who wait wake up.
    pub(crate) fn hang_up(&self) {
        // It fails only if the other side is gone, which ends the connection as well.
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

fn timeout(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

fn timespec(left: Duration) -> Timespec {
    Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i32::MAX.into(), tv_nsec: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_before_the_wait_is_not_lost() {
        let (ours, theirs) = Bell::pair().unwrap();
        let theirs = Bell::from_fd(theirs).unwrap();
        theirs.ring();
        assert_eq!(ours.wait(None).unwrap(), Woken::Rung);
        assert_eq!(ours.wait(Some(Instant::now())).unwrap(), Woken::TimedOut);
    }

    #[test]
    fn ringing_never_blocks_and_stops_no_clock() {
        let (ours, theirs) = Bell::pair().unwrap();
        for _ in 0..100_000 {
            ours.ring();
        }
        let theirs = Bell::from_fd(theirs).unwrap();
        assert_eq!(theirs.wait(Some(Instant::now())).unwrap(), Woken::TimedOut);
        drop(theirs);
        ours.ring();
    }

    #[test]
    fn the_end_of_the_other_side_is_seen_after_its_last_ring() {
        let (ours, theirs) = Bell::pair().unwrap();
        let theirs = Bell::from_fd(theirs).unwrap();
        theirs.ring();
        drop(theirs);
        assert_eq!(ours.wait(None).unwrap(), Woken::Rung);
        assert_eq!(ours.wait(None).unwrap(), Woken::Gone);
    }

    #[test]
    fn hanging_up_wakes_both_sides() {
        let (ours, theirs) = Bell::pair().unwrap();
        let theirs = Bell::from_fd(theirs).unwrap();
        ours.hang_up();
        assert_eq!(ours.wait(None).unwrap(), Woken::Gone);
        assert_eq!(theirs.wait(None).unwrap(), Woken::Gone);
    }

    #[test]
    fn the_end_is_seen_without_taking_the_rings() {
        let (ours, theirs) = Bell::pair().unwrap();
        let theirs = Bell::from_fd(theirs).unwrap();
        theirs.ring();
        let waiting = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| ours.wait_for_end());
            theirs.hang_up();
            waiting.join().unwrap()
        });
        waiting.unwrap();
        assert_eq!(ours.wait(None).unwrap(), Woken::Rung);
        assert_eq!(ours.wait(None).unwrap(), Woken::Gone);
    }

    #[test]
    fn either_bell_wakes() {
        let (first, other_first) = Bell::pair().unwrap();
        let (second, other_second) = Bell::pair().unwrap();
        Bell::from_fd(other_second).unwrap().ring();
        assert_eq!(Bell::wait_for_either([&first, &second], None).unwrap(), [Woken::Rung, Woken::Rung]);
        drop(other_first);
        assert_eq!(Bell::wait_for_either([&first, &second], None).unwrap(), [Woken::Gone, Woken::Gone]);
    }

    #[test]
    fn a_file_is_no_bell() {
        let file = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        assert!(matches!(Bell::from_fd(file), Err(HandoverError::NotAHandover { .. })));
        let (ours, _theirs) = Bell::pair().unwrap();
        assert_eq!(ours.wait(Some(Instant::now() + Duration::from_millis(1))).unwrap(), Woken::TimedOut);
    }
}
