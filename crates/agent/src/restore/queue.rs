//! Work for a few threads, bounded by the bytes that wait.
//!
//! Whoever submits blocks while the queue is full; whoever drains waits until all that was submitted is done. What the
//! jobs are is not known here.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};

/// Bytes that may wait.
const MAX_BYTES: usize = 16 << 20;
/// Jobs that may wait.
const MAX_JOBS: usize = 1024;

/// A queue of jobs.
pub(super) struct Queue<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
    offered: Condvar,
}

struct State<J> {
    waiting: VecDeque<(J, usize)>,
    bytes: usize,
    running: usize,
    closed: bool,
    broken: bool,
}

/// A thread panicked in a job; nothing more will be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

impl<J> Queue<J> {
    pub(super) fn new() -> Self {
        let state = State { waiting: VecDeque::new(), bytes: 0, running: 0, closed: false, broken: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), offered: Condvar::new() }
    }

    /// Hands in a job that holds so many bytes; waits for room first.
    pub(super) fn submit(&self, job: J, bytes: usize) -> Result<(), Broken> {
        let mut state = self.state.lock();
        while !state.broken
            && !state.waiting.is_empty()
            && (state.bytes + bytes > MAX_BYTES || state.waiting.len() >= MAX_JOBS)
        {
            self.changed.wait(&mut state);
        }
        if state.broken {
            return Err(Broken);
        }
        state.bytes += bytes;
        state.waiting.push_back((job, bytes));
        self.offered.notify_one();
        Ok(())
    }

    /// Whether nothing waits to be done.
    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().waiting.is_empty()
    }

    /// Does jobs until the queue is closed and empty. `idle` is called after a job when none is waiting, before the job
    /// counts as done.
    pub(super) fn work(&self, mut run: impl FnMut(J), mut idle: impl FnMut()) {
        while let Some((job, bytes)) = self.take() {
            let done = Done { queue: self, bytes };
            run(job);
            if self.state.lock().waiting.is_empty() {
                idle();
            }
            drop(done);
        }
    }

    fn take(&self) -> Option<(J, usize)> {
        let mut state = self.state.lock();
        loop {
            if let Some(next) = state.waiting.pop_front() {
                state.running += 1;
                return Some(next);
            }
            if state.closed {
                return None;
            }
            self.offered.wait(&mut state);
        }
    }

    /// Waits until everything that was submitted is done.
    pub(super) fn drain(&self) -> Result<(), Broken> {
        let mut state = self.state.lock();
        while !state.broken && (state.running > 0 || !state.waiting.is_empty()) {
            self.changed.wait(&mut state);
        }
        if state.broken { Err(Broken) } else { Ok(()) }
    }

    /// Lets the threads end once the queue is empty.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.offered.notify_all();
    }
}

/// Counts a job as done, however it ended.
struct Done<'a, J> {
    queue: &'a Queue<J>,
    bytes: usize,
}

impl<J> Drop for Done<'_, J> {
    fn drop(&mut self) {
        let mut state = self.queue.state.lock();
        state.running -= 1;
        state.bytes -= self.bytes;
        state.broken |= std::thread::panicking();
        self.queue.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn drained_means_that_every_job_was_done() {
        let (queue, done) = (Queue::new(), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| queue.work(|n: usize| _ = done.fetch_add(n, Ordering::SeqCst), || ()));
            }
            for round in 1..=50 {
                (0..100).for_each(|_| queue.submit(1, 1 << 20).unwrap());
                queue.drain().unwrap();
                assert_eq!(done.load(Ordering::SeqCst), round * 100);
            }
            queue.close();
        });
    }

    #[test]
    fn a_panic_wakes_whoever_waits() {
        let queue = Queue::new();
        thread::scope(|scope| {
            let worker = scope.spawn(|| queue.work(|()| panic!("expected in this test"), || ()));
            queue.submit((), 1).unwrap();
            assert_eq!(queue.drain(), Err(Broken));
            assert_eq!(queue.submit((), 1), Err(Broken));
            assert!(worker.join().is_err());
        });
    }
}
