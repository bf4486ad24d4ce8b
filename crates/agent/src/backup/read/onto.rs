//! Reads into the spare capacity of a vector, so that memory is not cleared before it is written.
#![expect(unsafe_code, reason = "only so can a vector take in what the kernel wrote behind its end")]

use rustix::fd::OwnedFd;
use rustix::io::{self, Errno};

/// Appends up to `len` bytes from the offset `at`, never more than there is capacity for. 0 is the end of the file.
pub(super) fn pread_onto(file: &OwnedFd, bytes: &mut Vec<u8>, len: usize, at: u64) -> io::Result<usize> {
    let spare = bytes.spare_capacity_mut();
    let len = len.min(spare.len());
    let read = loop {
        match rustix::io::pread(file, &mut spare[..len], at) {
            Err(Errno::INTR) => {}
            other => break other?.0.len(),
        }
    };
    // SAFETY: the kernel has written the first `read` bytes of the spare capacity, as rustix gave them back initialized.
    unsafe { bytes.set_len(bytes.len() + read) };
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_asked_for_or_than_there_is_room() {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), b"0123456789").unwrap();
        let file = OwnedFd::from(std::fs::File::open(path.path()).unwrap());
        let mut bytes = Vec::with_capacity(8);
        assert_eq!(pread_onto(&file, &mut bytes, 3, 1), Ok(3));
        assert_eq!(bytes, b"123");
        let room = bytes.capacity() - 3;
        assert_eq!(pread_onto(&file, &mut bytes, 100, 4), Ok(room.min(6)));
        assert_eq!(bytes[..8], b"12345678"[..]);
        assert_eq!(pread_onto(&file, &mut Vec::with_capacity(1), 1, 10), Ok(0));
    }
}
