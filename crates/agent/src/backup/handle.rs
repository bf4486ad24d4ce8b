//! Directories as handles: each is opened by its name relative to the one above it, never by a path.
//!
//! Few are open at one time. One that was closed is opened again the same way, and must then be the same directory:
//! a tree that is moved or swapped meanwhile is noticed, never followed.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::{self, Errno};

use super::stat::Stat;

/// How many directories are kept open, unless they are in use.
const OPEN: usize = 256;

/// A directory of the tree.
pub(crate) struct DirHandle {
    parent: Option<Arc<DirHandle>>,
    name: Box<[u8]>,
    follow: Follow,
    identity: (u64, u64),
    depth: usize,
    fd: Mutex<Option<Arc<OwnedFd>>>,
    cache: Arc<HandleCache>,
}

/// Whether a symbolic link at the last component is followed when a directory is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    /// On the way to a root, as the administrator wrote it.
    Yes,
    /// In the tree.
    No,
}

/// The directories that are open.
pub(crate) struct HandleCache {
    open: Mutex<VecDeque<Weak<DirHandle>>>,
    limit: usize,
}

impl HandleCache {
    pub(crate) fn new() -> Arc<Self> {
        Self::with_limit(OPEN)
    }

    pub(crate) fn with_limit(limit: usize) -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), limit })
    }

    fn opened(&self, handle: &Arc<DirHandle>) {
        let mut open = self.open.lock();
        open.push_back(Arc::downgrade(handle));
        let surplus = open.len().saturating_sub(self.limit);
        let closing: Vec<_> = open.drain(..surplus).collect();
        drop(open);
        close(closing);
    }

    fn close_all(&self) {
        let closing: Vec<_> = self.open.lock().drain(..).collect();
        close(closing);
    }

    /// Opens, and once more after closing what can be closed if there are too many open files.
    pub(crate) fn retry<T>(&self, open: impl Fn() -> io::Result<T>) -> io::Result<T> {
        match open() {
            Err(Errno::MFILE | Errno::NFILE) => {
                self.close_all();
                open()
            }
            other => other,
        }
    }
}

fn close(handles: Vec<Weak<DirHandle>>) {
    for handle in handles.iter().filter_map(Weak::upgrade) {
        *handle.fd.lock() = None;
    }
}

impl DirHandle {
    /// The root of the file system.
    pub(crate) fn root(cache: &Arc<HandleCache>) -> io::Result<Arc<Self>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open("/", flags, Mode::empty())?;
        let identity = Stat::of(fd.as_fd())?.identity();
        Ok(Self::opened(None, b"", Follow::Yes, identity, fd, cache))
    }

    /// Opens a directory within this one; gives its metadata as well.
    pub(crate) fn open(self: &Arc<Self>, name: &[u8], follow: Follow) -> io::Result<(Arc<Self>, Stat)> {
        let above = self.fd()?;
        let fd = self.cache.retry(|| open_dir(&above, name, follow))?;
        let stat = Stat::of(fd.as_fd())?;
        Ok((Self::opened(Some(Arc::clone(self)), name, follow, stat.identity(), fd, &self.cache), stat))
    }

    /// A directory that is not opened, unless somebody asks for it.
    pub(crate) fn unopened(self: &Arc<Self>, name: &[u8], stat: &Stat) -> Arc<Self> {
        Arc::new(Self {
            parent: Some(Arc::clone(self)),
            name: name.into(),
            follow: Follow::No,
            identity: stat.identity(),
            depth: self.depth + 1,
            fd: Mutex::new(None),
            cache: Arc::clone(&self.cache),
        })
    }

    fn opened(
        parent: Option<Arc<Self>>,
        name: &[u8],
        follow: Follow,
        identity: (u64, u64),
        fd: OwnedFd,
        cache: &Arc<HandleCache>,
    ) -> Arc<Self> {
        let depth = parent.as_ref().map_or(0, |parent| parent.depth + 1);
        let (name, fd) = (name.into(), Mutex::new(Some(Arc::new(fd))));
        let handle = Arc::new(Self { parent, name, follow, identity, depth, fd, cache: Arc::clone(cache) });
        cache.opened(&handle);
        handle
    }

    /// The open directory; opened again if it was closed, with all above it that were.
    ///
    /// Fails with `STALE` if another directory is in its place now.
    pub(crate) fn fd(self: &Arc<Self>) -> io::Result<Arc<OwnedFd>> {
        let mut closed = Vec::new();
        let mut at = self;
        let mut fd = loop {
            let open = at.fd.lock().clone();
            match (open, &at.parent) {
                (Some(fd), _) => break fd,
                (None, Some(parent)) => {
                    closed.push(at);
                    at = parent;
                }
                (None, None) => break at.reopen(None)?,
            }
        };
        for handle in closed.into_iter().rev() {
            fd = handle.reopen(Some(&fd))?;
        }
        Ok(fd)
    }

    fn reopen(self: &Arc<Self>, above: Option<&OwnedFd>) -> io::Result<Arc<OwnedFd>> {
        let fd = self.cache.retry(|| match above {
            Some(above) => open_dir(above, &self.name, self.follow),
            None => rustix::fs::open("/", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()),
        })?;
        if Stat::of(fd.as_fd())?.identity() != self.identity {
            return Err(Errno::STALE);
        }
        let fd = Arc::new(fd);
        *self.fd.lock() = Some(Arc::clone(&fd));
        self.cache.opened(self);
        Ok(fd)
    }

    /// How many directories are above it.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    pub(crate) fn device(&self) -> u64 {
        self.identity.0
    }

    /// The name in the directory above; empty for the root of the file system.
    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    pub(crate) fn cache(&self) -> &HandleCache {
        &self.cache
    }

    /// The absolute path, for people, patterns and the server; nothing is opened by it.
    pub(crate) fn path(&self) -> Vec<u8> {
        let mut names = Vec::new();
        let mut at = self;
        while let Some(parent) = &at.parent {
            names.push(&at.name);
            at = parent;
        }
        let mut path = Vec::new();
        for name in names.into_iter().rev() {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        if path.is_empty() { b"/".to_vec() } else { path }
    }

    /// The absolute path of a name in it.
    pub(crate) fn path_of(&self, name: &[u8]) -> Vec<u8> {
        let mut path = self.path();
        push_name(&mut path, name);
        path
    }
}

/// Appends a name to an absolute path.
pub(crate) fn push_name(path: &mut Vec<u8>, name: &[u8]) {
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}

fn open_dir(above: &OwnedFd, name: &[u8], follow: Follow) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let flags = if follow == Follow::No { flags | OFlags::NOFOLLOW } else { flags };
    open_unseen(above, name, flags)
}

/// Opens without leaving a trace in the access time, where that is allowed (to the owner and to root).
pub(crate) fn open_unseen(above: &OwnedFd, name: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
    match rustix::fs::openat(above, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => rustix::fs::openat(above, name, flags, Mode::empty()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use super::*;

    fn walk(path: &Path, cache: &Arc<HandleCache>) -> io::Result<Arc<DirHandle>> {
        let names = path.as_os_str().as_bytes().split(|b| *b == b'/').filter(|name| !name.is_empty());
        names.into_iter().try_fold(DirHandle::root(cache)?, |at, name| Ok(at.open(name, Follow::No)?.0))
    }

    #[test]
    fn a_closed_directory_is_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        fs::create_dir_all(&deep).unwrap();
        let cache = HandleCache::with_limit(1);
        let handle = walk(&deep, &cache).unwrap();
        cache.close_all();
        let fd = handle.fd().unwrap();
        assert_eq!(Stat::of(fd.as_fd()).unwrap().identity(), handle.identity);
        assert_eq!(handle.path(), deep.as_os_str().as_bytes());
        let open = |handle: &DirHandle| handle.fd.lock().is_some();
        assert!(open(&handle) && !open(handle.parent.as_ref().unwrap()), "only as many stay open as allowed");
    }

    #[test]
    fn another_directory_in_its_place_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        let cache = HandleCache::new();
        let handle = walk(&dir.path().join("a/b"), &cache).unwrap();
        cache.close_all();
        fs::rename(dir.path().join("a"), dir.path().join("moved")).unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        assert_eq!(handle.fd().unwrap_err(), Errno::STALE);
    }

    #[test]
    fn a_symbolic_link_is_followed_only_on_the_way_to_a_root() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("real")).unwrap();
        std::os::unix::fs::symlink("real", dir.path().join("link")).unwrap();
        let above = walk(dir.path(), &HandleCache::new()).unwrap();
        assert!(above.open(b"link", Follow::No).is_err());
        let (through, stat) = above.open(b"link", Follow::Yes).unwrap();
        assert_eq!(stat.identity(), through.identity);
    }
}
