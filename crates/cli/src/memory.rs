//! Lets the C library's allocator keep what it will need again: chunks of some MiB come and go by the thousand, and memory
//! that went back to the system costs a fault and a cleared page each 4 KiB when it is asked for once more.

/// Allocations from this size on, in bytes, are mappings of their own: more than any chunk or piece of a pack.
#[cfg(target_env = "gnu")]
const MAPPED: libc::c_int = 32 << 20;
/// Free bytes at the end of an arena that are kept.
#[cfg(target_env = "gnu")]
const KEPT: libc::c_int = 64 << 20;
/// Arenas that threads share: what one of them freed another can use.
#[cfg(target_env = "gnu")]
const ARENAS: libc::c_int = 2;

/// Settles how memory is allocated, before any thread is started.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "the C library offers this in no other way")]
pub fn settle() {
    // SAFETY: each call sets a number within the allocator, and no other thread allocates yet. If one is refused, the
    // allocator goes on as it was.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
    }
}

/// Other C libraries have nothing to set.
#[cfg(not(target_env = "gnu"))]
pub fn settle() {}
