//! What a server would have stored of a directory: its nodes, parents first, and the blobs of its files.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

use holdfast_chunker::sha256;
use holdfast_model::{BlobId, Timestamp};
use holdfast_wire::{ChunkRef, Entry, EntryKind, RestoreNode, Xattr};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
use serde_bytes::ByteBuf;

/// Where files are cut.
pub(crate) const CHUNK: usize = 100_000;

/// Nodes and blobs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) nodes: Vec<RestoreNode>,
    pub(crate) blobs: HashMap<BlobId, Vec<u8>>,
}

impl Snapshot {
    /// Reads a directory, the node of the target itself first.
    pub(crate) fn of(root: &Path) -> Self {
        let mut reading = Reading::default();
        let dir = rustix::fs::open(root, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let stat = fstat(&dir).unwrap();
        let node = reading.node(Vec::new(), &stat, EntryKind::Dir { number: 0 }, xattrs(dir.as_fd()));
        reading.snapshot.nodes.push(node);
        reading.directory(dir, Vec::new());
        reading.snapshot
    }

    /// A node with nothing special about it. What is in a directory comes after it.
    pub(crate) fn add(&mut self, path: impl AsRef<[u8]>, kind: EntryKind, mode: u32) -> &mut RestoreNode {
        let path = path.as_ref().to_vec();
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec();
        let time = Timestamp { seconds: 1_600_000_000, nanoseconds: 5 };
        let entry = Entry {
            name: name.into(),
            kind,
            mode,
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            mtime: time,
            atime: time,
            ctime: time,
            inode: 1,
            device: 1,
            links: 1,
            xattrs: Vec::new(),
        };
        self.nodes.push(RestoreNode {
            path: path.into(),
            entry,
            user: String::new(),
            group: String::new(),
            whole: true,
            chunks: Vec::new(),
            hard_link_to: None,
        });
        self.nodes.last_mut().unwrap()
    }

    /// A directory.
    pub(crate) fn dir(&mut self, path: impl AsRef<[u8]>) -> &mut RestoreNode {
        self.add(path, EntryKind::Dir { number: 0 }, 0o755)
    }

    /// A symbolic link.
    pub(crate) fn symlink(&mut self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> &mut RestoreNode {
        self.add(path, EntryKind::Symlink { target: ByteBuf::from(target.as_ref().to_vec()) }, 0o777)
    }

    /// A regular file.
    pub(crate) fn file(&mut self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> &mut RestoreNode {
        let content = content.as_ref();
        let chunks = content.chunks(CHUNK).map(|data| self.blob(data)).collect();
        let node = self.add(path, EntryKind::File { size: content.len() as u64 }, 0o644);
        node.chunks = chunks;
        node
    }

    /// A further name of an earlier node.
    pub(crate) fn hard_link(&mut self, path: impl AsRef<[u8]>, first: impl AsRef<[u8]>) {
        let number = self.number(first.as_ref());
        let first = self.node(first);
        first.entry.links += 1;
        let mut node = first.clone();
        let path = path.as_ref();
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        (node.path, node.entry.name) = (path.to_vec().into(), name.to_vec().into());
        (node.chunks, node.hard_link_to) = (Vec::new(), Some(number));
        self.nodes.push(node);
    }

    fn blob(&mut self, data: &[u8]) -> ChunkRef {
        let id = BlobId::new(sha256(data));
        self.blobs.entry(id).or_insert_with(|| data.to_vec());
        ChunkRef { id, len: data.len() as u32 }
    }

    /// Number of the node at a path.
    pub(crate) fn number(&self, path: impl AsRef<[u8]>) -> u64 {
        let found = self.nodes.iter().position(|node| node.path == path.as_ref());
        found.unwrap_or_else(|| panic!("no node {}", path.as_ref().escape_ascii())) as u64
    }

    /// The node at a path.
    pub(crate) fn node(&mut self, path: impl AsRef<[u8]>) -> &mut RestoreNode {
        let number = self.number(path) as usize;
        &mut self.nodes[number]
    }
}

#[derive(Default)]
struct Reading {
    snapshot: Snapshot,
    first_names: HashMap<(u64, u64), u64>,
}

impl Reading {
    fn directory(&mut self, dir: OwnedFd, path: Vec<u8>) {
        let mut names: Vec<Vec<u8>> = Dir::read_from(&dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_bytes().to_vec())
            .filter(|name| name != b"." && name != b"..")
            .collect();
        names.sort();
        for name in names {
            let mut path = path.clone();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(&name);
            self.entry(&dir, &name, path);
        }
    }

    fn entry(&mut self, dir: &OwnedFd, name: &[u8], path: Vec<u8>) {
        let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).unwrap();
        let number = self.snapshot.nodes.len() as u64;
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => EntryKind::File { size: stat.st_size as u64 },
            FileType::Directory => EntryKind::Dir { number: 0 },
            FileType::Symlink => {
                let target = readlinkat(dir, name, Vec::new()).unwrap();
                EntryKind::Symlink { target: ByteBuf::from(target.as_bytes().to_vec()) }
            }
            FileType::BlockDevice => EntryKind::Block { rdev: stat.st_rdev },
            FileType::CharacterDevice => EntryKind::Char { rdev: stat.st_rdev },
            FileType::Fifo => EntryKind::Fifo,
            FileType::Socket => EntryKind::Socket,
            other => panic!("{other:?}"),
        };
        let handle = openat(dir, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let mut node = self.node(path.clone(), &stat, kind.clone(), xattrs(handle.as_fd()));
        let is_dir = matches!(kind, EntryKind::Dir { .. });
        if !is_dir && stat.st_nlink > 1 {
            let first = *self.first_names.entry((stat.st_dev, stat.st_ino)).or_insert(number);
            node.hard_link_to = (first != number).then_some(first);
        }
        if let (EntryKind::File { size }, None) = (&kind, node.hard_link_to) {
            let file = File::from(openat(dir, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).unwrap());
            let mut content = vec![0; *size as usize];
            file.read_exact_at(&mut content, 0).unwrap();
            node.chunks = content.chunks(CHUNK).map(|data| self.snapshot.blob(data)).collect();
        }
        self.snapshot.nodes.push(node);
        if is_dir {
            let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            self.directory(openat(dir, name, flags, Mode::empty()).unwrap(), path);
        }
    }

    fn node(&self, path: Vec<u8>, stat: &Stat, kind: EntryKind, xattrs: Vec<Xattr>) -> RestoreNode {
        let time = |seconds, nanoseconds: u64| Timestamp { seconds, nanoseconds: nanoseconds as u32 };
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec();
        let entry = Entry {
            name: name.into(),
            kind,
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            mtime: time(stat.st_mtime, stat.st_mtime_nsec),
            atime: time(stat.st_atime, stat.st_atime_nsec),
            ctime: time(stat.st_ctime, stat.st_ctime_nsec),
            inode: stat.st_ino,
            device: stat.st_dev,
            links: stat.st_nlink,
            xattrs,
        };
        let (user, group) = (String::new(), String::new());
        RestoreNode { path: path.into(), entry, user, group, whole: true, chunks: Vec::new(), hard_link_to: None }
    }
}

fn xattrs(handle: BorrowedFd<'_>) -> Vec<Xattr> {
    let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
    let mut names = vec![0; 1 << 16];
    let len = rustix::fs::listxattr(&path, &mut names[..]).unwrap_or(0);
    let names = names[..len].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let mut xattrs: Vec<Xattr> = names
        .map(|name| {
            let mut value = vec![0; 1 << 16];
            let len = rustix::fs::getxattr(&path, name, &mut value[..]).unwrap();
            value.truncate(len);
            Xattr { name: ByteBuf::from(name.to_vec()), value: ByteBuf::from(value) }
        })
        .collect();
    xattrs.sort();
    xattrs
}

/// The bytes of a path.
pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}
