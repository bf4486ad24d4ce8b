//! The shared memory as a slice of atomic words.
//!
//! Whatever the other process does to the memory, reading it is defined: it is only ever read and written by atomic
//! operations, and it can't get shorter, because the file behind it is sealed.
#![expect(unsafe_code, reason = "only a mapping is memory that two processes share")]

use std::ops::Deref;
use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use rustix::fs::SealFlags;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::error::HandoverError;
use crate::layout::WORD;

/// A mapping of a whole sealed file; unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<AtomicU64>,
    words: usize,
}

// SAFETY: the mapping belongs to nobody's thread; it is accessed through `&[AtomicU64]` alone, which is `Sync`.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps a file of exactly so many words that is sealed against growing and shrinking.
    pub(crate) fn new(file: impl AsFd, words: usize) -> Result<Self, HandoverError> {
        let file = file.as_fd();
        let seals = rustix::fs::fcntl_get_seals(file).map_err(HandoverError::system("fcntl(F_GET_SEALS)"))?;
        if !seals.contains(SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL) {
            return Err(HandoverError::NotAHandover { fault: "the memory is not sealed" });
        }
        let size = rustix::fs::fstat(file).map_err(HandoverError::system("fstat"))?.st_size;
        let bytes = words * WORD;
        if u64::try_from(size) != Ok(bytes as u64) || bytes == 0 {
            return Err(HandoverError::NotAHandover { fault: "the memory has another size" });
        }
        // SAFETY: the address is chosen by the kernel, so that no other memory is replaced.
        let base = unsafe {
            let access = ProtFlags::READ | ProtFlags::WRITE;
            mmap(std::ptr::null_mut(), bytes, access, MapFlags::SHARED, file, 0)
        }
        .map_err(HandoverError::system("mmap"))?;
        let base = NonNull::new(base.cast()).expect("the kernel maps nothing at address 0 unasked");
        Ok(Self { base, words })
    }
}

impl Deref for Mapping {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: `base` is the page-aligned start of `words * WORD` mapped bytes, which stay mapped until `self` is
        // dropped, and backed, since the file is sealed against shrinking. Every bit pattern is an `AtomicU64`, which
        // others may change at any time.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.words) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this is the whole mapping, and no reference to it outlives `self`. If it fails it stays mapped.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.words * WORD) };
    }
}
