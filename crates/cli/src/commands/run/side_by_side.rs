//! Several pieces of work at once, each on a thread of its own.
//!
//! They are taken up in their order. One that panics keeps no other from being done.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

/// Does `work` for all items, for at most `parallel` at a time, and gives the results in the items' order: `None` for one
/// that panicked.
pub fn each<T: Sync, R: Send>(items: &[T], parallel: usize, work: impl Fn(&T) -> R + Sync) -> Vec<Option<R>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(items.iter().map(|_| None).collect::<Vec<Option<R>>>());
    let worker = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return };
            // Nothing that the work has touched is looked at again: what it shares with others has locks of its own.
            let done = catch_unwind(AssertUnwindSafe(|| work(item))).ok();
            results.lock()[index] = done;
        }
    };
    thread::scope(|scope| {
        for _ in 0..parallel.min(items.len()) {
            scope.spawn(worker);
        }
    });
    results.into_inner()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn so_many_are_at_work_at_once_and_no_more() {
        let (now, most, barrier) = (AtomicUsize::new(0), AtomicUsize::new(0), Barrier::new(3));
        let done = each(&[1, 2, 3, 4, 5, 6], 3, |item| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            barrier.wait();
            now.fetch_sub(1, Ordering::SeqCst);
            item * 10
        });
        assert_eq!(done, [10, 20, 30, 40, 50, 60].map(Some));
        assert_eq!(most.into_inner(), 3);
    }

    #[test]
    fn one_that_panics_keeps_no_other_from_being_done() {
        let done = each(&[1, 2, 3], 1, |item| {
            assert_ne!(*item, 2, "this one fails on purpose");
            *item
        });
        assert_eq!(done, [Some(1), None, Some(3)]);
        assert_eq!(each(&[0; 0], 4, |item| *item), []);
    }
}
