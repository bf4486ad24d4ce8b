//! Builds directory trees with every kind of file there is.
//!
//! Paths are relative to the tree's root; directories on the way are made. Whatever fails panics with the path.
//! Making an entry changes its directory's time, so times of directories are set last.

mod acl;
mod every_kind;

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Timespec, Timestamps, XattrFlags};

use crate::Prng;

pub use acl::{Acl, AclEntry};

/// A directory and what a test puts into it.
#[derive(Debug, Clone)]
pub struct Tree {
    root: PathBuf,
}

impl Tree {
    /// A tree whose root is this directory, made if it is not there.
    pub fn create(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        std::fs::create_dir_all(&root).unwrap_or_else(|error| panic!("cannot make {}: {error}", root.display()));
        Self { root }
    }

    /// The root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where an entry of the tree is.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// A directory.
    pub fn dir(&self, path: impl AsRef<Path>) -> &Self {
        let path = self.path(path);
        must(&path, std::fs::create_dir_all(&path));
        self
    }

    /// A regular file with this content; one that is there is written anew.
    pub fn file(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> &Self {
        let path = self.new_entry(path);
        must(&path, std::fs::write(&path, content));
        self
    }

    /// A regular file of so many bytes that no compressor can shrink, the same for the same seed.
    pub fn random_file(&self, path: impl AsRef<Path>, length: u64, seed: u64) -> &Self {
        let path = self.new_entry(path);
        let mut file = must(&path, File::create(&path));
        let (mut prng, mut buffer, mut left) = (Prng::new(seed), vec![0; 1 << 20], length);
        while left > 0 {
            let part = left.min(buffer.len() as u64) as usize;
            prng.fill(&mut buffer[..part]);
            must(&path, file.write_all(&buffer[..part]));
            left -= part as u64;
        }
        self
    }

    /// `count` small text files in directories of up to a hundred.
    pub fn many_files(&self, path: impl AsRef<Path>, count: usize, seed: u64) -> &Self {
        let mut prng = Prng::new(seed);
        for number in 0..count {
            let length = prng.below(2_000) as usize;
            let name = format!("{:04}/{number:06}.txt", number / 100);
            self.file(path.as_ref().join(name), prng.text(length));
        }
        self
    }

    /// A file of this length that is a hole but for the given pieces.
    pub fn sparse_file(&self, path: impl AsRef<Path>, length: u64, pieces: &[(u64, &[u8])]) -> &Self {
        let path = self.new_entry(path);
        let file = must(&path, File::create(&path));
        must(&path, file.set_len(length));
        for (offset, bytes) in pieces {
            must(&path, file.write_all_at(bytes, *offset));
        }
        self
    }

    /// A symbolic link; its target need not be there.
    pub fn symlink(&self, path: impl AsRef<Path>, target: impl AsRef<Path>) -> &Self {
        let path = self.new_entry(path);
        must(&path, std::os::unix::fs::symlink(target, &path));
        self
    }

    /// Another name for a file of the tree.
    pub fn hard_link(&self, path: impl AsRef<Path>, existing: impl AsRef<Path>) -> &Self {
        let path = self.new_entry(path);
        must(&path, rustix::fs::linkat(CWD, self.path(existing), CWD, &path, AtFlags::empty()));
        self
    }

    /// A named pipe.
    pub fn fifo(&self, path: impl AsRef<Path>) -> &Self {
        self.node(path, FileType::Fifo, 0)
    }

    /// A socket that nobody listens on.
    pub fn socket(&self, path: impl AsRef<Path>) -> &Self {
        self.node(path, FileType::Socket, 0)
    }

    /// A character device. Needs root.
    pub fn char_device(&self, path: impl AsRef<Path>, major: u32, minor: u32) -> &Self {
        self.node(path, FileType::CharacterDevice, rustix::fs::makedev(major, minor))
    }

    /// A block device. Needs root.
    pub fn block_device(&self, path: impl AsRef<Path>, major: u32, minor: u32) -> &Self {
        self.node(path, FileType::BlockDevice, rustix::fs::makedev(major, minor))
    }

    fn node(&self, path: impl AsRef<Path>, kind: FileType, device: u64) -> &Self {
        let path = self.new_entry(path);
        must(&path, rustix::fs::mknodat(CWD, &path, kind, Mode::from_raw_mode(0o640), device));
        self
    }

    /// Directories in directories, `levels` deep, with a small file in the last; the whole path may be longer than
    /// any system call takes.
    pub fn deep(&self, path: impl AsRef<Path>, name: impl AsRef<OsStr>, levels: usize) -> &Self {
        let path = self.path(path);
        must(&path, std::fs::create_dir_all(&path));
        let name = CString::new(name.as_ref().as_bytes()).expect("a name without NUL");
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let mut dir = must(&path, rustix::fs::open(&path, flags, Mode::empty()));
        for _ in 0..levels {
            must(&path, rustix::fs::mkdirat(&dir, &name, Mode::from_raw_mode(0o755)));
            dir = must(&path, rustix::fs::openat(&dir, &name, flags, Mode::empty()));
        }
        let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = must(&path, rustix::fs::openat(&dir, c"bottom", flags, Mode::from_raw_mode(0o644)));
        must(&path, File::from(file).write_all(b"at the bottom\n"));
        self
    }

    /// Permission bits, setuid, setgid and sticky among them. (Changing the owner clears some: set that before.)
    pub fn mode(&self, path: impl AsRef<Path>, mode: u32) -> &Self {
        let path = self.path(path);
        must(&path, std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)));
        self
    }

    /// Owner and group, of a symbolic link itself. Needs root.
    pub fn owner(&self, path: impl AsRef<Path>, uid: u32, gid: u32) -> &Self {
        let path = self.path(path);
        must(&path, std::os::unix::fs::lchown(&path, Some(uid), Some(gid)));
        self
    }

    /// When the content changed last: seconds since 1970 (negative before) and nanoseconds; of a symbolic link itself.
    pub fn mtime(&self, path: impl AsRef<Path>, seconds: i64, nanoseconds: u32) -> &Self {
        let path = self.path(path);
        let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() };
        let times = Timestamps { last_access: time, last_modification: time };
        must(&path, rustix::fs::utimensat(CWD, &path, &times, AtFlags::SYMLINK_NOFOLLOW));
        self
    }

    /// An extended attribute, of a symbolic link itself.
    pub fn xattr(&self, path: impl AsRef<Path>, name: &str, value: impl AsRef<[u8]>) -> &Self {
        let path = self.path(path);
        must(&path, rustix::fs::lsetxattr(&path, name, value.as_ref(), XattrFlags::empty()));
        self
    }

    /// Who may access the entry, beyond its mode.
    pub fn acl(&self, path: impl AsRef<Path>, acl: &Acl) -> &Self {
        self.xattr(path, "system.posix_acl_access", acl.to_bytes())
    }

    /// Who may access what is made in this directory later.
    pub fn default_acl(&self, path: impl AsRef<Path>, acl: &Acl) -> &Self {
        self.xattr(path, "system.posix_acl_default", acl.to_bytes())
    }

    /// Gives a program capabilities, as a set of bits (1 << 13 is `cap_net_raw`), permitted and effective. Needs root.
    pub fn capabilities(&self, path: impl AsRef<Path>, permitted: u64) -> &Self {
        // linux/capability.h: revision 2 with the effective flag, then permitted and inheritable, low words first.
        let words = [0x0200_0001, permitted as u32, 0, (permitted >> 32) as u32, 0];
        self.xattr(path, "security.capability", words.map(u32::to_le_bytes).concat())
    }

    /// Takes an entry away, with all that is beneath it.
    pub fn remove(&self, path: impl AsRef<Path>) -> &Self {
        let path = self.path(path);
        let kind = must(&path, std::fs::symlink_metadata(&path)).file_type();
        must(&path, if kind.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) });
        self
    }

    fn new_entry(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = self.path(path);
        let parent = path.parent().expect("an entry lies beneath the root");
        must(parent, std::fs::create_dir_all(parent));
        path
    }
}

fn must<T, E: std::fmt::Display>(path: &Path, result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("cannot set up {}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
