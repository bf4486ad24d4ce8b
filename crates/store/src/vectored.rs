//! Writing several slices as if they were one, without copying them together.
//!
//! Knows nothing of what is written nor where to.

use std::io::IoSlice;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, writev};

/// How many slices go into one `writev`: Linux's `UIO_MAXIOV`.
const MAX_SLICES: usize = 1024;

/// Writes all of all parts.
pub(crate) fn write_all(file: impl AsFd, parts: &[&[u8]]) -> Result<(), Errno> {
    write_with(&file, parts, || Err(Errno::AGAIN))
}

/// As [`write_all`], to a pipe or socket that does not block: fails with [`Errno::TIMEDOUT`] when nothing of it could be
/// written for so long.
pub(crate) fn write_all_within(file: impl AsFd, parts: &[&[u8]], patience: Duration) -> Result<(), Errno> {
    let timeout = Timespec::try_from(patience).map_err(|_| Errno::INVAL)?;
    write_with(&file, parts, || match poll(&mut [PollFd::new(&file, PollFlags::OUT)], Some(&timeout)) {
        Ok(0) => Err(Errno::TIMEDOUT),
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(errno),
    })
}

/// Writes all of all parts; calls `full` where it would have to wait.
fn write_with(file: impl AsFd, parts: &[&[u8]], full: impl Fn() -> Result<(), Errno>) -> Result<(), Errno> {
    let mut slices: Vec<IoSlice<'_>> = parts.iter().filter(|part| !part.is_empty()).map(|p| IoSlice::new(p)).collect();
    let mut left = slices.as_mut_slice();
    while !left.is_empty() {
        match writev(&file, &left[..left.len().min(MAX_SLICES)]) {
            Ok(0) => return Err(Errno::IO),
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => full()?,
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// The concatenation of `parts` in pieces of `size` bytes, the last one shorter, each as slices.
pub(crate) fn pieces<'a>(parts: &'a [&'a [u8]], size: usize) -> impl Iterator<Item = Vec<&'a [u8]>> {
    let mut rest = parts.iter().copied();
    let mut current: &[u8] = &[];
    std::iter::from_fn(move || {
        let (mut piece, mut room) = (Vec::new(), size);
        while room > 0 {
            if current.is_empty() {
                match rest.next() {
                    Some(part) => current = part,
                    None => break,
                }
            }
            let (taken, left) = current.split_at(current.len().min(room));
            if !taken.is_empty() {
                piece.push(taken);
            }
            (current, room) = (left, room - taken.len());
        }
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_reads_no_more_is_given_up() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let large = vec![1; 1 << 20];
        assert_eq!(write_all_within(&writer, &[&large], Duration::from_millis(1)), Err(Errno::TIMEDOUT));
        drop(reader);
        assert_eq!(write_all_within(&writer, &[&large], Duration::from_millis(1)), Err(Errno::PIPE));
    }

    #[test]
    fn what_is_read_is_written_whole() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let reading = std::thread::spawn(move || std::io::read_to_string(std::fs::File::from(reader)).unwrap());
        let (one, two) = (vec![b'a'; 300_000], vec![b'b'; 5]);
        write_all_within(&writer, &[&one, &two], Duration::from_secs(60)).unwrap();
        drop(writer);
        assert_eq!(reading.join().unwrap(), format!("{}bbbbb", "a".repeat(300_000)));
    }

    #[test]
    fn pieces_have_the_size_asked_for_and_lose_nothing() {
        let parts: [&[u8]; 6] = [b"", b"abc", b"", b"defgh", b"ij", b""];
        for size in 1..12 {
            let found: Vec<Vec<u8>> = pieces(&parts, size).map(|piece| piece.concat()).collect();
            assert_eq!(found.concat(), b"abcdefghij");
            assert!(found[..found.len() - 1].iter().all(|piece| piece.len() == size));
        }
        assert_eq!(pieces(&[b"", b""], 5).count(), 0);
    }
}
