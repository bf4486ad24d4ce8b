//! The system's allocator, counting: for tests of how much memory something takes, and how often it asks for some.
//!
//! It counts whatever the process does, so that a test program that installs it runs one measurement at a time.

#![expect(unsafe_code, reason = "an allocator is unsafe by its nature")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// To be installed with `#[global_allocator]`.
#[derive(Debug, Default)]
pub struct CountingAllocator {
    calls: AtomicU64,
    in_use: AtomicUsize,
    most: AtomicUsize,
}

impl CountingAllocator {
    /// Counts from nothing on.
    pub const fn new() -> Self {
        Self { calls: AtomicU64::new(0), in_use: AtomicUsize::new(0), most: AtomicUsize::new(0) }
    }

    /// How often memory was asked for.
    pub fn calls(&self) -> u64 {
        self.calls.load(Relaxed)
    }

    /// Bytes in use.
    pub fn in_use(&self) -> usize {
        self.in_use.load(Relaxed)
    }

    /// The most bytes that were in use at once during `work`, beyond those that were before it.
    pub fn most_during<T>(&self, work: impl FnOnce() -> T) -> (T, usize) {
        let before = self.in_use();
        self.most.store(before, Relaxed);
        let done = work();
        (done, self.most.load(Relaxed) - before)
    }
}

// SAFETY: every call goes to the system's allocator unchanged. What grows or is zeroed comes here as `alloc` too.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.calls.fetch_add(1, Relaxed);
        self.most.fetch_max(self.in_use.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.in_use.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps to the contract of `dealloc`, and `alloc` gave what `System` gave.
        unsafe { System.dealloc(pointer, layout) }
    }
}
