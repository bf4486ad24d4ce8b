//! File systems whose files say that they are empty, whatever is in them: those of the kernel, and some of FUSE's.
//!
//! There, what says so is read to its end. Nothing waits: files are opened so that they do not.

use std::collections::HashMap;
use std::sync::Arc;

use crate::backup::handle::DirHandle;

/// Bytes of one such file: some go on for ever.
pub(super) const MOST: u64 = 1 << 30;

/// Types of such file systems as `statfs` gives them (`include/uapi/linux/magic.h`): proc, sysfs, cgroup, cgroup2,
/// debugfs, tracefs, configfs, securityfs, FUSE.
const TYPES: [u64; 9] =
    [0x9fa0, 0x6265_6572, 0x0027_e0eb, 0x6367_7270, 0x6462_6720, 0x7472_6163, 0x6265_6570, 0x7363_6673, 0x6573_5546];

/// What is known of devices.
#[derive(Debug, Default)]
pub(super) struct UnsizedFiles(HashMap<u64, bool>);

impl UnsizedFiles {
    /// Whether a directory is on such a file system. One that cannot be asked is not.
    pub(super) fn are_in(&mut self, dir: &Arc<DirHandle>) -> bool {
        *self.0.entry(dir.device()).or_insert_with(|| {
            let stat = dir.fd().and_then(|fd| rustix::fs::fstatfs(&*fd));
            stat.is_ok_and(|stat| TYPES.contains(&u64::from(stat.f_type as u32)))
        })
    }
}
