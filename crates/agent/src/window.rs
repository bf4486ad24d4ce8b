//! The memory that file contents may take at one time, over all threads.
//!
//! Room is given in the order of asking and all at once. The window never locks up: whoever waits for room has announced
//! what it holds, which is sent or dropped when the server's answer comes, but for [`UNANNOUNCED`] bytes a reader. What a
//! reader holds beyond that it announces before it waits.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::stop::{Gate, Stop, Stopped};

/// Bytes that one reader may hold without having announced them while it waits for room.
pub(crate) const UNANNOUNCED: usize = 256 << 10;

/// The window; cloned by whoever reserves room in it.
#[derive(Clone)]
pub(crate) struct Window(Arc<Gate<State>>);

struct State {
    free: usize,
    /// Who waits, first come first.
    queue: VecDeque<u64>,
    next: u64,
    /// Free bytes at which the first who waits goes on.
    wakes_at: usize,
    /// Whoever had to wait goes on when so much is free: else each chunk that leaves would wake a thread to read the next.
    slack: usize,
}

/// Room that is held until it is dropped.
pub(crate) struct Room {
    window: Window,
    bytes: usize,
}

impl Window {
    pub(crate) fn new(stop: &Arc<Stop>, bytes: usize) -> Self {
        let state = State { free: bytes, queue: VecDeque::new(), next: 0, wakes_at: usize::MAX, slack: bytes / 8 };
        Self(Gate::new(stop, state))
    }

    /// Waits for room. Never ask for more than the largest chunk, nor while holding more than [`UNANNOUNCED`] bytes
    /// that are not announced.
    pub(crate) fn reserve(&self, bytes: usize) -> Result<Room, Stopped> {
        let mut ticket = None;
        self.0.wait(|state| {
            match ticket {
                None if state.queue.is_empty() && state.free >= bytes => {}
                None => {
                    ticket = Some(state.next);
                    state.queue.push_back(state.next);
                    state.next += 1;
                    if state.queue.len() == 1 {
                        state.wakes_at = bytes.max(state.slack);
                    }
                    return None;
                }
                Some(mine) => {
                    if state.queue.front() != Some(&mine) {
                        return None;
                    }
                    state.wakes_at = bytes.max(state.slack);
                    if state.free < state.wakes_at {
                        return None;
                    }
                    state.queue.pop_front();
                    state.wakes_at = usize::MAX;
                }
            }
            state.free -= bytes;
            Some(())
        })?;
        if ticket.is_some() {
            // The next in the queue may fit as well.
            self.0.change_if(|state| !state.queue.is_empty());
        }
        Ok(Room { window: self.clone(), bytes })
    }

    /// Takes room if it is there and nobody waits for it. Whoever holds chunks that are not announced may ask so for any.
    pub(crate) fn try_reserve(&self, bytes: usize) -> Option<Room> {
        let take = |state: &mut State| {
            let is_free = state.queue.is_empty() && state.free >= bytes;
            state.free -= if is_free { bytes } else { 0 };
            is_free
        };
        self.0.with(take).then(|| Room { window: self.clone(), bytes })
    }
}

impl Room {
    /// Gives back what turned out not to be needed.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let surplus = self.bytes.saturating_sub(bytes);
        self.bytes -= surplus;
        self.window.0.change_if(|state| {
            state.free += surplus;
            state.free >= state.wakes_at
        });
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.shrink(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Recorder;

    #[test]
    fn room_is_given_in_the_order_of_asking() {
        let stop = Stop::new(Recorder::new());
        let window = Window::new(&stop, 10);
        let mut first = window.reserve(8).unwrap();
        let large = {
            let window = window.clone();
            std::thread::spawn(move || drop(window.reserve(9).unwrap()))
        };
        while window.0.with(|state| state.queue.is_empty()) {
            std::thread::yield_now();
        }
        let small = {
            let window = window.clone();
            std::thread::spawn(move || drop(window.reserve(1).unwrap()))
        };
        while window.0.with(|state| state.queue.len() < 2) {
            std::thread::yield_now();
        }
        assert_eq!(window.0.with(|state| state.free), 2);
        assert!(window.try_reserve(1).is_none(), "nobody overtakes who waits");
        first.shrink(1);
        large.join().unwrap();
        small.join().unwrap();
        drop(first);
        assert_eq!(window.0.with(|state| state.free), 10);
    }

    #[test]
    fn room_that_is_free_is_taken_without_waiting() {
        let stop = Stop::new(Recorder::new());
        let window = Window::new(&stop, 10);
        let held = window.try_reserve(6).unwrap();
        assert!(window.try_reserve(5).is_none());
        let more = window.try_reserve(4).unwrap();
        drop((held, more));
        assert!(window.try_reserve(10).is_some());
    }

    #[test]
    fn whoever_waits_for_room_hears_of_the_end() {
        let stop = Stop::new(Recorder::new());
        let window = Window::new(&stop, 1);
        let waiting = {
            let window = window.clone();
            std::thread::spawn(move || window.reserve(2).is_err())
        };
        stop.finish();
        assert!(waiting.join().unwrap());
    }
}
