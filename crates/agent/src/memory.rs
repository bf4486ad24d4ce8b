//! Keeps the C library's allocator from holding on to memory: chunks come and go in all sizes, and a client's memory is
//! not ours.

/// Allocations from this size on are mappings of their own, and go back to the system at once.
#[cfg(target_env = "gnu")]
const MAPPED: libc::c_int = 256 << 10;

/// Settles how memory is allocated, before any thread is started.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "the C library offers this in no other way")]
pub(crate) fn settle() {
    // SAFETY: both calls set a number within the allocator, and no other thread allocates yet. If one is refused, the
    // allocator goes on as it was.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED);
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

/// Other C libraries return memory by themselves.
#[cfg(not(target_env = "gnu"))]
pub(crate) fn settle() {}
