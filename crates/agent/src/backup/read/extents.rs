//! Where a file has data and where it has holes, asked of the file system as reading goes on.
//!
//! A hole is stored as zeros without being read, so that the answer has to be true. Of a file that has just been written
//! it is not everywhere: OpenZFS before 2.1.14 and 2.2.2 showed holes where data was still on its way to the disk. Such
//! a file is read from end to end, which costs time and nothing else, but for file systems that look at what is on its
//! way too.

use std::time::Duration;

use holdfast_model::Timestamp;
use rustix::fd::OwnedFd;
use rustix::fs::SeekFrom;
use rustix::io::{self, Errno};

use crate::backup::stat::Stat;

/// Longer than any file system takes to write back what is dirty (30 s on Linux, 5 s on ZFS).
const SETTLED: Duration = Duration::from_secs(60);

/// File systems that look for data in memory before they call something a hole, by the numbers in `linux/magic.h`.
const TRUE_AT_ONCE: [u32; 4] = [
    0xEF53,      // ext4
    0x5846_5342, // XFS
    0x9123_683E, // btrfs
    0x0102_1994, // tmpfs
];

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
    /// A file that takes as many blocks as it has bytes is not asked about, nor one of whose holes nothing is known yet.
    pub(super) fn of(file: &OwnedFd, stat: &Stat, now: Timestamp) -> Self {
        let settled = |time: Timestamp| now.since(time) >= SETTLED;
        let sparse = stat.blocks.saturating_mul(512) < stat.size
            && (settled(stat.mtime) && settled(stat.ctime) || is_true_at_once(file));
        Self { sparse, until: 0, is_hole: false }
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

fn is_true_at_once(file: &OwnedFd) -> bool {
    rustix::fs::fstatfs(file).is_ok_and(|system| TRUE_AT_ONCE.contains(&(system.f_type as u32)))
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
        // Just written, as it is, only those are asked that know.
        let first = Extents::of(&file, &stat, stat.ctime).at(&file, 0, stat.size).unwrap();
        assert_eq!(first, if is_true_at_once(&file) { Run::Hole(1 << 20) } else { Run::Data(stat.size) });
        assert!(!is_true_at_once(&File::open("/proc/self/stat").unwrap().into()));
        let later = Timestamp { seconds: stat.ctime.seconds + 61, ..stat.ctime };
        let mut extents = Extents::of(&file, &stat, later);
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
