//! Where a file has data and where it has holes, asked of the file system as reading goes on.
//!
//! A wrong answer costs time, never content: a hole reads as zeros either way.

use rustix::fd::OwnedFd;
use rustix::fs::SeekFrom;
use rustix::io::{self, Errno};

use crate::backup::stat::Stat;

/// What is known of a file's extents.
pub(super) struct Extents {
    sparse: bool,
    /// The extent that was found last: where it ends, and whether it is a hole.
    until: u64,
    is_hole: bool,
}

/// So many bytes of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run {
    Data(u64),
    Hole(u64),
}

impl Extents {
    /// A file that takes as many blocks as it has bytes is not asked.
    pub(super) fn of(stat: &Stat) -> Self {
        Self { sparse: stat.blocks.saturating_mul(512) < stat.size, until: 0, is_hole: false }
    }

    /// What begins at `at`, up to `end`. Offsets must not go back.
    pub(super) fn at(&mut self, file: &OwnedFd, at: u64, end: u64) -> io::Result<Run> {
        if !self.sparse || at >= end {
            return Ok(Run::Data(end.saturating_sub(at)));
        }
        if at >= self.until {
            self.find(file, at, end)?;
        }
        let len = self.until.min(end) - at;
        Ok(if self.is_hole { Run::Hole(len) } else { Run::Data(len) })
    }

    fn find(&mut self, file: &OwnedFd, at: u64, end: u64) -> io::Result<()> {
        let data = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(data) => data,
            // Nothing but a hole, or a file that became shorter: reading will tell.
            Err(Errno::NXIO) if rustix::fs::seek(file, SeekFrom::End(0))? >= end => end,
            Err(Errno::NXIO | Errno::INVAL | Errno::NOTSUP) => {
                self.sparse = false;
                at
            }
            Err(error) => return Err(error),
        };
        self.is_hole = data > at;
        self.until = match self.is_hole {
            true => data,
            false if self.sparse => rustix::fs::seek(file, SeekFrom::Hole(at)).unwrap_or(end),
            false => end,
        };
        // Whatever the file system says, reading goes on.
        self.until = self.until.max(at + 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use rustix::fd::AsFd;

    use super::*;

    #[test]
    fn holes_are_found_where_they_are() {
        let path = tempfile::NamedTempFile::new().unwrap();
        let file = File::options().write(true).read(true).open(path.path()).unwrap();
        file.set_len(4 << 20).unwrap();
        file.write_all_at(&[1; 4096], 1 << 20).unwrap();
        let file = OwnedFd::from(file);
        let stat = Stat::of(file.as_fd()).unwrap();
        let mut extents = Extents::of(&stat);
        let mut runs = Vec::new();
        let mut at = 0;
        while at < stat.size {
            let run = extents.at(&file, at, stat.size).unwrap();
            let (Run::Data(len) | Run::Hole(len)) = run;
            runs.push(run);
            at += len;
        }
        assert_eq!(runs, [Run::Hole(1 << 20), Run::Data(4096), Run::Hole((3 << 20) - 4096)]);
    }
}
