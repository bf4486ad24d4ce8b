//! Where the corpora and everything else goes: in memory if there is room, because disks and neighbours make noise.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What the memory must have left, in bytes, for it to be chosen.
const ENOUGH: u64 = 6 << 30;

const MEMORY: &str = "/dev/shm";

/// The folder to use when none is named.
pub(super) fn choose(target: &Path) -> PathBuf {
    let memory = Path::new(MEMORY);
    let in_memory = memory.join("holdfast-bench");
    let there = in_memory.exists() && rustix::fs::access(&in_memory, rustix::fs::Access::WRITE_OK).is_ok();
    if there || free(memory).is_ok_and(|free| free >= ENOUGH) { in_memory } else { target.join("bench") }
}

/// Bytes that can still be written; in memory no more than what the machine can spare.
pub(super) fn free(dir: &Path) -> Result<u64> {
    let fs = rustix::fs::statvfs(dir).with_context(|| format!("cannot look at {}", dir.display()))?;
    let free = fs.f_bavail.saturating_mul(fs.f_frsize);
    if !in_memory(dir)? {
        return Ok(free);
    }
    let meminfo = std::fs::read_to_string("/proc/meminfo").context("/proc is not mounted")?;
    // The programs need some themselves.
    Ok(free.min(available(&meminfo).saturating_sub(1 << 30)))
}

/// Whether the folder lies on a file system in memory.
pub(super) fn in_memory(dir: &Path) -> Result<bool> {
    let fs = rustix::fs::statfs(dir).with_context(|| format!("cannot look at {}", dir.display()))?;
    /// From the kernel's `linux/magic.h`.
    const TMPFS: i64 = 0x0102_1994;
    Ok(fs.f_type == TMPFS)
}

fn available(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_machine_can_spare_is_read() {
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:   12345 kB\n"), 12345 * 1024);
        assert_eq!(available(""), 0);
    }
}
