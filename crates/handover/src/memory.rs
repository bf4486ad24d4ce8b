//! The file behind the shared memory: without a name, of a size that nobody can change.

use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering::Relaxed;

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;

use crate::error::HandoverError;
use crate::layout::{DESCRIPTION, Layout, WORD};
use crate::mapping::Mapping;

/// Makes the file and maps it; the puller finds its layout in it.
pub(crate) fn create(layout: Layout) -> Result<(OwnedFd, Mapping), HandoverError> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = match rustix::fs::memfd_create("holdfast-handover", flags | MemfdFlags::NOEXEC_SEAL) {
        // Linux before 6.3 does not know the last flag.
        Err(Errno::INVAL) => rustix::fs::memfd_create("holdfast-handover", flags),
        other => other,
    }
    .map_err(HandoverError::system("memfd_create"))?;
    let bytes = layout.words() * WORD;
    rustix::fs::ftruncate(&file, bytes as u64).map_err(HandoverError::system("ftruncate"))?;
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)
        .map_err(HandoverError::system("fcntl(F_ADD_SEALS)"))?;
    let mapping = Mapping::new(&file, layout.words())?;
    for (word, value) in mapping[DESCRIPTION..].iter().zip(layout.description()) {
        word.store(value, Relaxed);
    }
    Ok((file, mapping))
}

/// Maps a file that another process made.
pub(crate) fn open(file: &OwnedFd) -> Result<(Layout, Mapping), HandoverError> {
    let size = rustix::fs::fstat(file).map_err(HandoverError::system("fstat"))?.st_size;
    let words = usize::try_from(size).unwrap_or(0) / WORD;
    let mapping = Mapping::new(file, words)?;
    let description = mapping.get(DESCRIPTION..DESCRIPTION + 3).and_then(|words| {
        let mut words = words.iter().map(|word| word.load(Relaxed));
        Layout::of_description([words.next()?, words.next()?, words.next()?])
    });
    match description {
        Some(layout) if layout.words() == words => Ok((layout, mapping)),
        _ => Err(HandoverError::NotAHandover { fault: "the memory holds no rings" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_can_change_the_size_or_the_seals() {
        let (file, _mapping) = create(Layout::of_bytes(0, 0)).unwrap();
        assert!(rustix::fs::ftruncate(&file, 0).is_err());
        assert!(rustix::fs::ftruncate(&file, 1 << 40).is_err());
        assert!(rustix::fs::fcntl_add_seals(&file, SealFlags::WRITE).is_err());
        assert!(open(&file).is_ok());
    }

    #[test]
    fn memory_that_could_shrink_is_not_mapped() {
        let file = rustix::fs::memfd_create("test", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        rustix::fs::ftruncate(&file, 1 << 20).unwrap();
        assert!(matches!(open(&file), Err(HandoverError::NotAHandover { .. })));
        rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW).unwrap();
        assert!(matches!(open(&file), Err(HandoverError::NotAHandover { .. })));
    }

    #[test]
    fn memory_without_rings_is_refused() {
        for len in [0, 8, 4096, 1 << 20] {
            let file = rustix::fs::memfd_create("test", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
            rustix::fs::ftruncate(&file, len).unwrap();
            rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL).unwrap();
            assert!(matches!(open(&file), Err(HandoverError::NotAHandover { .. })), "{len}");
        }
    }
}
