//! Committing in groups: one flush serves all sessions that were ready when it began.
//!
//! Invariant: whoever calls [`Group::flush`] returns only after a flush that began after the call. At most one flush runs,
//! so that 200 sessions that commit at the same moment make two flushes, not 200 small packs.

use parking_lot::{Condvar, Mutex};

#[derive(Default)]
pub(super) struct Group {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    begun: u64,
    ended: u64,
    running: bool,
}

impl Group {
    /// Runs `flush`, or waits for another caller's run of it that has yet to begin.
    pub(super) fn flush(&self, flush: impl FnOnce()) {
        let mut state = self.state.lock();
        let mine = state.begun + 1;
        self.ended.wait_while(&mut state, |state| state.running && state.ended < mine);
        if state.ended >= mine {
            return;
        }
        state.begun += 1;
        state.running = true;
        let number = state.begun;
        drop(state);
        let _end = End { group: self, number };
        flush();
    }
}

/// Ends a run, also one that panics.
struct End<'a> {
    group: &'a Group,
    number: u64,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        let mut state = self.group.state.lock();
        state.running = false;
        state.ended = self.number;
        self.group.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Barrier};
    use std::thread;

    use super::*;

    #[test]
    fn those_who_come_during_a_flush_share_the_next_one() {
        let group = Arc::new(Group::default());
        let (flushes, started, waiting) = (AtomicUsize::new(0), Barrier::new(2), AtomicUsize::new(0));
        let go_on = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                group.flush(|| {
                    flushes.fetch_add(1, Ordering::SeqCst);
                    started.wait();
                    go_on.wait();
                });
            });
            started.wait();
            for _ in 0..20 {
                scope.spawn(|| {
                    waiting.fetch_add(1, Ordering::SeqCst);
                    let before = flushes.load(Ordering::SeqCst);
                    group.flush(|| {
                        flushes.fetch_add(1, Ordering::SeqCst);
                    });
                    assert!(flushes.load(Ordering::SeqCst) > before);
                });
            }
            while waiting.load(Ordering::SeqCst) < 20 {
                thread::yield_now();
            }
            go_on.wait();
        });
        // Those who had not reached the lock yet may need one more.
        assert!((2..=21).contains(&flushes.load(Ordering::SeqCst)));
    }
}
