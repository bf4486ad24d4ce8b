//! The bytes that all sessions together may have on their way to a pack.
//!
//! Invariant: never more than the budget is given out, but for a single piece that is larger than all of it.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// A budget of bytes that many threads draw on.
#[derive(Debug)]
pub(super) struct Budget {
    total: usize,
    free: Mutex<usize>,
    freed: Condvar,
}

/// Bytes that are taken; they are free again when this is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub(super) fn new(total: usize) -> Arc<Self> {
        Arc::new(Self { total, free: Mutex::new(total), freed: Condvar::new() })
    }

    /// Waits until so many bytes are free, and takes them.
    pub(super) fn take(self: &Arc<Self>, bytes: usize) -> Permit {
        let bytes = bytes.min(self.total);
        let mut free = self.free.lock();
        self.freed.wait_while(&mut free, |free| *free < bytes);
        *free -= bytes;
        Permit { budget: self.clone(), bytes }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.budget.free.lock() += self.bytes;
        self.budget.freed.notify_all();
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
        assert_eq!(*budget.free.lock(), 100);
    }

    #[test]
    fn a_piece_larger_than_the_budget_takes_all_of_it() {
        let budget = Budget::new(10);
        let permit = budget.take(11);
        assert_eq!(*budget.free.lock(), 0);
        drop(permit);
        assert_eq!(*budget.free.lock(), 10);
    }
}
