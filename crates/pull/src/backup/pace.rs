//! Whether a client goes on: one that was asked for something and brings next to nothing, or walks and walks without showing a
//! directory, keeps a session, a lock and a place at work from others.
//!
//! What counts is work that was asked for. What a client says of its own accord (how far its walk is, what it could not read) keeps
//! nobody waiting longer.

use std::time::{Duration, Instant};

use holdfast_wire::ViolationClass;

use crate::Violation;

/// So long one that owes something may take for [`LEAST`].
const WINDOW: Duration = Duration::from_secs(30 * 60);
/// Bytes of chunks, or of what stands for them, that it brings in that time at least: less than ten a second.
const LEAST: u64 = 16 << 10;
/// So long one may walk before it shows the next directory.
const WALK: Duration = Duration::from_secs(4 * 3600);
/// What an entry, the name of a chunk or the end of a file counts, in bytes.
pub(super) const SAID: u64 = 64;

/// How a client goes on.
#[derive(Debug)]
pub(super) struct Pace {
    /// Since when the work is counted.
    since: Instant,
    work: u64,
    /// When anything came last that counts.
    last: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, work: 0, last: now }
    }

    /// Something came that counts so many bytes; what counts nothing is as if it had not.
    pub(super) fn note(&mut self, bytes: u64, now: Instant) {
        if bytes > 0 {
            self.work = self.work.saturating_add(bytes);
            self.last = now;
        }
    }

    /// So long the client was not waited for, but it for us.
    pub(super) fn excuse(&mut self, took: Duration) {
        self.since += took;
        self.last += took;
    }

    /// Looks whether that is enough. `owes` says whether the client was asked for something that has not come.
    pub(super) fn check(&mut self, owes: bool, now: Instant) -> Result<(), Violation> {
        let too_slow = |what: &str| Err(Violation::new(ViolationClass::Deadline, what));
        if now.saturating_duration_since(self.last) >= WALK {
            return too_slow("nothing new within four hours");
        }
        let is_over = now.saturating_duration_since(self.since) >= WINDOW;
        if owes && is_over && self.work < LEAST {
            return too_slow("next to nothing of what was asked for within half an hour");
        }
        if is_over || !owes {
            (self.since, self.work) = (now, 0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(result: Result<(), Violation>) -> Option<ViolationClass> {
        result.err().map(|violation| violation.class)
    }

    #[test]
    fn whoever_owes_something_has_to_bring_it() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert_eq!(class(pace.check(true, start + WINDOW / 2)), None);
        pace.note(LEAST, start + WINDOW / 2);
        assert_eq!(class(pace.check(true, start + WINDOW)), None);
        // A byte a minute is not enough.
        let minute = Duration::from_secs(60);
        let trickled = (1..=30).try_for_each(|minutes| {
            pace.note(1, start + WINDOW + minutes * minute);
            pace.check(true, start + WINDOW + minutes * minute)
        });
        assert_eq!(class(trickled), Some(ViolationClass::Deadline));
    }

    #[test]
    fn whoever_walks_may_take_longer_but_not_forever() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert_eq!(class(pace.check(false, start + WALK - Duration::from_secs(1))), None);
        assert_eq!(class(pace.check(true, start + WALK - Duration::from_secs(1))), None, "it was asked just now");
        assert_eq!(class(pace.check(false, start + WALK)), Some(ViolationClass::Deadline));
    }
}
