//! The shared memory: a sealed memfd, mapped. All unsafe code of the crate is here.
//!
//! Memory that a hostile process writes to at the same time is only ever touched through atomics or through copies by
//! raw pointers; no Rust reference to its bytes exists. The seals keep it from shrinking: reading never faults.
#![expect(unsafe_code, reason = "shared memory is mapped and copied by pointers")]

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicU64;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, fstat, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

const SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::SEAL);

/// A mapping of shared memory.
pub(crate) struct Map {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to no thread; all accesses are atomic or raw copies of bytes.
unsafe impl Send for Map {}
// SAFETY: as above; that two sides write at once is expected, and no reference to the bytes is ever made.
unsafe impl Sync for Map {}

/// Makes shared memory of `len` bytes that nobody can resize.
pub(crate) fn create(len: usize) -> io::Result<OwnedFd> {
    let memory = memfd_create("holdfast-handover", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    ftruncate(&memory, len as u64)?;
    fcntl_add_seals(&memory, SEALS)?;
    Ok(memory)
}

impl Map {
    /// Maps memory of exactly `len` bytes, if it is sealed.
    pub(crate) fn new(memory: impl AsFd, len: usize) -> io::Result<Self> {
        let sealed = fcntl_get_seals(&memory)?.contains(SEALS);
        if !sealed || fstat(&memory)?.st_size != len as i64 || len == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the shared memory is not what it should be"));
        }
        // SAFETY: a fresh mapping at an address of the kernel's choice; the seals keep its pages there.
        let start =
            unsafe { mmap(ptr::null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, memory, 0)? };
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, len })
    }

    /// A counter at a multiple of eight bytes.
    pub(crate) fn counter(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8) && offset + 8 <= self.len, "a counter lies within the header");
        // SAFETY: within the mapping, aligned (mappings begin at a page), and only ever accessed as an atomic.
        unsafe { AtomicU64::from_ptr(self.start.as_ptr().add(offset).cast()) }
    }

    /// Copies bytes out.
    pub(crate) fn read(&self, offset: usize, into: &mut [u8]) {
        assert!(offset <= self.len && into.len() <= self.len - offset, "reads stay within the mapping");
        // SAFETY: both ranges are valid for the length and do not overlap. Bytes that the other side changes meanwhile
        // are copied as some mixture, which is as good as anything else it could have written.
        unsafe { ptr::copy_nonoverlapping(self.start.as_ptr().add(offset), into.as_mut_ptr(), into.len()) }
    }

    /// Copies bytes in.
    pub(crate) fn write(&self, offset: usize, from: &[u8]) {
        assert!(offset <= self.len && from.len() <= self.len - offset, "writes stay within the mapping");
        // SAFETY: as for reading.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr(), self.start.as_ptr().add(offset), from.len()) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nothing refers to it any more.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}
