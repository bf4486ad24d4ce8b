//! The bytes that all sessions together may have on their way to a pack.
//!
//! Invariant: never more than the budget is given out, but for a single piece that is larger than all of it; and in the
//! order of asking, so that a large piece gets its turn whatever comes after it.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// A budget of bytes that many threads draw on.
#[derive(Debug)]
pub(super) struct Budget {
    total: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// Those who wait, the first in front; each is woken by itself.
    queue: VecDeque<Arc<Condvar>>,
}

/// Bytes that are taken; they are free again when this is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub(super) fn new(total: usize) -> Arc<Self> {
        Arc::new(Self { total, state: Mutex::new(State { free: total, queue: VecDeque::new() }) })
    }

    /// Waits until everyone who came before is served and so many bytes are free, and takes them.
    pub(super) fn take(self: &Arc<Self>, bytes: usize) -> Permit {
        let bytes = bytes.min(self.total);
        let mut state = self.state.lock();
        if !state.queue.is_empty() || state.free < bytes {
            let turn = Arc::new(Condvar::new());
            state.queue.push_back(turn.clone());
            let is_first = |state: &State| state.queue.front().is_some_and(|first| Arc::ptr_eq(first, &turn));
            turn.wait_while(&mut state, |state| !is_first(state) || state.free < bytes);
            state.queue.pop_front();
        }
        state.free -= bytes;
        state.wake_first();
        Permit { budget: self.clone(), bytes }
    }
}

impl State {
    fn wake_first(&self) {
        if let Some(first) = self.queue.front().filter(|_| self.free > 0) {
            first.notify_one();
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.budget.state.lock();
        state.free += self.bytes;
        state.wake_first();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    #[test]
    fn no_more_than_the_budget_is_out_at_any_time() {
        let budget = Budget::new(100);
        let out = AtomicUsize::new(0);
        thread::scope(|scope| {
            for n in 1..9 {
                let (budget, out) = (&budget, &out);
                scope.spawn(move || {
                    for round in 0..200 {
                        let bytes = 1 + (n * 31 + round * 17) % 100;
                        let permit = budget.take(bytes);
                        assert!(out.fetch_add(bytes, Ordering::SeqCst) + bytes <= 100);
                        out.fetch_sub(bytes, Ordering::SeqCst);
                        drop(permit);
                    }
                });
            }
        });
        assert_eq!(budget.state.lock().free, 100);
    }

    #[test]
    fn a_piece_larger_than_the_budget_takes_all_of_it() {
        let budget = Budget::new(10);
        let permit = budget.take(11);
        assert_eq!(budget.state.lock().free, 0);
        drop(permit);
        assert_eq!(budget.state.lock().free, 10);
    }

    #[test]
    fn a_large_piece_is_served_before_small_ones_that_came_later() {
        let budget = Budget::new(100);
        let order = Mutex::new(Vec::new());
        let held = budget.take(60);
        thread::scope(|scope| {
            for (waiting, bytes) in [100, 10, 20].into_iter().enumerate() {
                let (budget, order) = (&budget, &order);
                scope.spawn(move || {
                    let permit = budget.take(bytes);
                    order.lock().push(bytes);
                    drop(permit);
                });
                while budget.state.lock().queue.len() == waiting {
                    thread::yield_now();
                }
            }
            drop(held);
        });
        assert_eq!(order.lock()[0], 100);
        assert_eq!(budget.state.lock().free, 100);
    }
}
