//! The bytes of two regular files, and the holes in one.

use std::fs::File;
use std::io::{self, Read};

use rustix::fs::SeekFrom;
use rustix::io::Errno;

/// The offset of the first byte that differs; `None` if the files are equal as far as both go.
pub(super) fn first_difference(a: &mut File, b: &mut File) -> io::Result<Option<u64>> {
    const STEP: usize = 1 << 20;
    let (mut left, mut right) = (vec![0; STEP], vec![0; STEP]);
    let mut offset = 0;
    loop {
        let read = read_up_to(a, &mut left)?.min(read_up_to(b, &mut right)?);
        if left[..read] != right[..read] {
            let at = left.iter().zip(&right).position(|(a, b)| a != b).expect("they are not equal");
            return Ok(Some(offset + at as u64));
        }
        if read < STEP {
            return Ok(None);
        }
        offset += read as u64;
    }
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// How many holes a file of this length has.
pub(super) fn holes(file: &File, length: u64) -> io::Result<u64> {
    let (mut count, mut at) = (0, 0);
    while at < length {
        let hole = rustix::fs::seek(file, SeekFrom::Hole(at))?;
        if hole >= length {
            break;
        }
        count += 1;
        at = match rustix::fs::seek(file, SeekFrom::Data(hole)) {
            Ok(data) => data,
            // There is no data after the last hole.
            Err(Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        };
    }
    Ok(count)
}
