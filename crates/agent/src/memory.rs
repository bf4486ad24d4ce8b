//! How the C library's allocator deals with memory that comes free. The agent gives it back, for a client's memory is not
//! ours; the server keeps what it will need again.

/// What to settle.
#[derive(Debug, Clone, Copy)]
pub struct Allocation {
    /// Allocations from this size on, in bytes, are mappings of their own, and go back to the system at once.
    pub mapped: i32,
    /// Free bytes at the end of an arena that are kept; if none are named, what the C library thinks.
    pub kept: Option<i32>,
    /// Arenas that the threads share: what one of them freed another can use.
    pub arenas: i32,
}

impl Allocation {
    /// Settles it, before any thread is started.
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "the C library offers this in no other way")]
    pub fn settle(self) {
        let set = |parameter, value| {
            // SAFETY: the call sets a number within the allocator, and no other thread allocates yet. If it is refused, the
            // allocator goes on as it was.
            unsafe { libc::mallopt(parameter, value) };
        };
        set(libc::M_MMAP_THRESHOLD, self.mapped);
        set(libc::M_ARENA_MAX, self.arenas);
        if let Some(kept) = self.kept {
            set(libc::M_TRIM_THRESHOLD, kept);
        }
    }

    /// Other C libraries have nothing to settle.
    #[cfg(not(target_env = "gnu"))]
    pub fn settle(self) {}
}
