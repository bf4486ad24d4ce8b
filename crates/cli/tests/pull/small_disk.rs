//! A disk that is soon full. It is seen through `/proc`, mounted only for a process that is gone when the test is.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use holdfast_testkit::{TempDir, require_root, skip, temp_dir};

/// A small file system in memory.
pub(crate) struct SmallDisk {
    holder: Child,
    mount: TempDir,
}

impl SmallDisk {
    /// One of so many KiB. Without the right to mount, the test is skipped and must return.
    pub(crate) fn new(kib: u32) -> Option<Self> {
        if !require_root() {
            return None;
        }
        let mount = temp_dir();
        let script =
            format!("mount -t tmpfs -o size={kib}k none '{}' && echo ready && exec cat", mount.path().display());
        let mut holder = Command::new("unshare");
        holder.args(["--mount", "--propagation", "private", "sh", "-c", &script]);
        let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let mut ready = [0; 6];
        let mounted = holder.stdout.as_mut().is_some_and(|out| out.read_exact(&mut ready).is_ok());
        let disk = Self { holder, mount };
        if !mounted {
            skip("needs the right to mount");
            return None;
        }
        Some(disk)
    }

    /// A path on it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let mount = self.mount.path().strip_prefix("/").unwrap();
        PathBuf::from(format!("/proc/{}/root", self.holder.id())).join(mount).join(name)
    }

    /// Fills it to the last byte.
    pub(crate) fn fill(&self) {
        let mut zeros = std::io::repeat(0);
        let mut file = std::fs::File::create(self.path("filler")).unwrap();
        let full = std::io::copy(&mut zeros, &mut file).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    }

    /// Makes room again.
    pub(crate) fn free(&self) {
        std::fs::remove_file(self.path("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
