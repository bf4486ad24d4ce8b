//! Memory that chunks take again and again is kept: given back, it costs a fault and a cleared page each 4 KiB when it is
//! asked for once more, an eighth of the processor time of a first backup of one large file.

use std::num::NonZeroUsize;
use std::thread;

use holdfast_agent::memory::Allocation;

/// More than any chunk or piece of a pack, and the most that glibc takes.
const MAPPED: i32 = 32 << 20;
/// Some large chunks' worth: what comes free between two of them.
const KEPT: i32 = 16 << 20;

/// Settles how memory is allocated, before any thread is started.
pub fn settle() {
    // As many arenas as there are processors: more only hold more memory.
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let arenas = i32::try_from(processors).unwrap_or(i32::MAX).max(2);
    Allocation { mapped: MAPPED, kept: Some(KEPT), arenas }.settle();
}
