//! Reads one directory: its names, through the filter, with their metadata.
//!
//! Nothing is kept: each finding goes to a visitor, so that a directory of any size takes the same memory. Nothing is
//! followed and nothing but the directory itself is opened. What can't be read is reported and makes the listing
//! unfit to be remembered.

use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::sync::Arc;

use holdfast_model::Timestamp;
use holdfast_wire::limits::{MAX_DIR_ENTRIES, MAX_NAME};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{FileType, OFlags, RawDir, SeekFrom};
use rustix::io::Errno;

use super::context::Context;
use super::elsewhere::{self, Names};
use super::filter::{Tag, tagged};
use super::handle::push_name;
use super::place::{Extent, Place, Subdir};
use super::record::Record;
use super::roots::RootNode;
use super::stat::{Kind, Stat};
use crate::stop::Stopped;

/// A file whose last change is younger may change again without any of its times telling.
const SETTLED_SECONDS: u64 = 2;

/// Memory of one thread that scans, used again for every directory.
pub(crate) struct Buffers {
    dirents: Vec<MaybeUninit<u8>>,
    record: Record,
}

impl Buffers {
    pub(crate) fn new() -> Self {
        Self { dirents: vec![MaybeUninit::uninit(); 64 << 10], record: Record::default() }
    }

    /// What stands in while they are lent out.
    pub(crate) fn empty() -> Self {
        Self { dirents: Vec::new(), record: Record::default() }
    }
}

/// What a scan finds.
pub(crate) enum Found<'a> {
    /// An entry that is no directory, by its name.
    Entry(&'a [u8], &'a Record, &'a Stat),
    /// A directory to go into.
    Subdir(Subdir),
    /// A directory that is stored without what is in it.
    Closed(Subdir, Stat),
}

/// Where a scan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// Whether everything was readable and nothing changed so lately that it could change again unseen.
    pub(crate) memorable: bool,
    /// Where to go on, if the visitor stopped it.
    pub(crate) paused: Option<u64>,
}

/// Decides what happens after a finding.
pub(crate) type Visitor<'a> = dyn FnMut(Found<'_>) -> Result<ControlFlow<()>, Stopped> + 'a;

/// One scan.
pub(crate) struct Scan<'a> {
    pub(crate) context: &'a Context,
    pub(crate) place: &'a Place,
    /// Whether the directory has been scanned before. What has vanished since is no problem then: it was there once, and
    /// the listing is not remembered. Everything else is, for this time it is what gets stored.
    pub(crate) again: bool,
}

struct State<'a> {
    scan: &'a Scan<'a>,
    dir: &'a OwnedFd,
    tags: Vec<Arc<Tag>>,
    /// What of it is no data of this machine's own.
    elsewhere: Option<Arc<Names>>,
    /// The directory's path; names are appended and taken off again.
    path: Vec<u8>,
    now: Timestamp,
    memorable: bool,
    record: &'a mut Record,
}

impl Scan<'_> {
    /// Scans from the beginning, or from where an earlier scan of the same directory was paused.
    pub(crate) fn run(
        &self,
        from: Option<u64>,
        buffers: &mut Buffers,
        visit: &mut Visitor<'_>,
    ) -> Result<Scanned, Stopped> {
        let Buffers { dirents, record } = buffers;
        let mut memorable = true;
        let mut paused = None;
        match self.open(from) {
            Ok((dir, listing)) => {
                let tags = match self.place.extent {
                    Extent::All => self.context.filter.tags_in(&dir, self.place.handle.cache()),
                    Extent::Way | Extent::Nothing => Vec::new(),
                };
                let path = self.place.handle.path();
                let now = self.context.clock.now();
                let elsewhere = self.context.elsewhere_in(&path);
                let mut state = State { scan: self, dir: &dir, tags, elsewhere, path, now, memorable, record };
                match self.place.extent {
                    Extent::Nothing => {}
                    Extent::Way => state.ways(visit)?,
                    Extent::All => {
                        if from.is_none() {
                            state.missing_roots()?;
                        }
                        paused = state.names(listing.as_ref().unwrap_or(&dir), dirents, visit)?;
                    }
                }
                memorable = state.memorable;
            }
            Err(error) => {
                memorable = false;
                self.problem(&self.place.handle.path(), "open directory", error)?;
            }
        }
        Ok(Scanned { memorable, paused })
    }

    /// The directory, and if its handle has been read from before, another one to read from.
    fn open(&self, from: Option<u64>) -> Result<(Arc<OwnedFd>, Option<OwnedFd>), Errno> {
        let dir = self.place.handle.fd()?;
        if from.is_none() && !self.again {
            return Ok((dir, None));
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = || super::handle::open_unseen(&dir, b".", flags);
        let listing = self.place.handle.cache().retry(open)?;
        if let Some(from) = from {
            rustix::fs::seek(&listing, SeekFrom::Start(from))?;
        }
        Ok((dir, Some(listing)))
    }

    fn problem(&self, path: &[u8], during: &str, error: Errno) -> Result<(), Stopped> {
        if self.again && error == Errno::NOENT { Ok(()) } else { self.context.problem(path, during, error) }
    }
}

impl State<'_> {
    fn names(
        &mut self,
        listing: &OwnedFd,
        dirents: &mut [MaybeUninit<u8>],
        visit: &mut Visitor<'_>,
    ) -> Result<Option<u64>, Stopped> {
        let mut dir = RawDir::new(listing, dirents);
        let mut count = 0;
        loop {
            if dir.is_buffer_empty() {
                self.now = self.scan.context.clock.now();
                self.scan.context.breathe()?;
            }
            let dirent = match dir.next() {
                None => return Ok(None),
                Some(Ok(dirent)) => dirent,
                Some(Err(error)) => {
                    self.flaw("read directory", error)?;
                    return Ok(None);
                }
            };
            let name = dirent.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            count += 1;
            if count > MAX_DIR_ENTRIES {
                self.flaw("read directory", Errno::OVERFLOW)?;
                return Ok(None);
            }
            let is_dir = dirent.file_type() == FileType::Directory;
            if self.consider(name, is_dir, visit)?.is_break() {
                return Ok(Some(dirent.next_entry_cookie()));
            }
        }
    }

    /// Passes one name through the filter.
    fn consider(&mut self, name: &[u8], is_dir: bool, visit: &mut Visitor<'_>) -> Result<ControlFlow<()>, Stopped> {
        if name.len() > MAX_NAME {
            self.flaw_of(name, "list", Errno::NAMETOOLONG)?;
            return Ok(ControlFlow::Continue(()));
        }
        let roots = self.scan.place.roots.as_ref().and_then(|roots| roots.children.get(name)).cloned();
        let is_root = roots.as_ref().is_some_and(|roots| roots.is_root);
        let excluded = !is_root && self.excludes_name(name);
        if excluded && roots.is_none() {
            return Ok(ControlFlow::Continue(()));
        }
        if let Some(why) = self.elsewhere.as_ref().and_then(|names| names.get(name)).cloned() {
            return self.elsewhere((name, is_dir), &why, roots, visit);
        }
        let device = if is_root { None } else { self.scan.place.device };
        if is_dir && device.is_none() {
            return visit(Found::Subdir(subdir(name, excluded, roots)));
        }
        let stat = match self.stat(name)? {
            Some(stat) => stat,
            None => return Ok(ControlFlow::Continue(())),
        };
        match stat.kind {
            Kind::Dir if device.is_some_and(|device| device != stat.device) => {
                self.mount_point(subdir(name, excluded, roots), stat, visit)
            }
            Kind::Dir => visit(Found::Subdir(subdir(name, excluded, roots))),
            _ => {
                self.lost_roots(name, roots.as_deref())?;
                if excluded || !is_root && self.scan.context.filter.excludes_stat(&stat, device) {
                    return Ok(ControlFlow::Continue(()));
                }
                self.entry(name, stat, visit)
            }
        }
    }

    /// A directory where another file system is mounted stays, empty but for the ways to roots within it.
    fn mount_point(
        &mut self,
        mut subdir: Subdir,
        stat: Stat,
        visit: &mut Visitor<'_>,
    ) -> Result<ControlFlow<()>, Stopped> {
        if subdir.roots.is_some() {
            subdir.extent = Extent::Way;
            return visit(Found::Subdir(subdir));
        }
        subdir.extent = Extent::Nothing;
        self.settle(&stat);
        visit(Found::Closed(subdir, stat))
    }

    /// Nothing is asked of what is mounted from elsewhere: whoever is asked may never answer. The directory that it is mounted
    /// on stays, empty; a file is left out.
    fn elsewhere(
        &mut self,
        (name, is_dir): (&[u8], bool),
        why: &str,
        roots: Option<Arc<RootNode>>,
        visit: &mut Visitor<'_>,
    ) -> Result<ControlFlow<()>, Stopped> {
        if roots.is_some() {
            // But for the way to what the job names itself.
            return visit(Found::Subdir(subdir(name, true, roots)));
        }
        if !self.scan.again {
            self.scan.context.left_out(self.scan.place.handle.path_of(name), why)?;
        }
        match elsewhere::covered(self.dir, name, is_dir) {
            Ok(Some(stat)) => {
                let stat = self.scan.context.seen(stat);
                self.mount_point(subdir(name, false, None), stat, visit)
            }
            Ok(None) => Ok(ControlFlow::Continue(())),
            Err(error) => self.flaw_of(name, "stat", error).map(|()| ControlFlow::Continue(())),
        }
    }

    fn entry(&mut self, name: &[u8], stat: Stat, visit: &mut Visitor<'_>) -> Result<ControlFlow<()>, Stopped> {
        let target = match stat.kind {
            Kind::Symlink => match rustix::fs::readlinkat(self.dir, name, Vec::new()) {
                Ok(target) => target.into_bytes(),
                Err(error) => {
                    self.flaw_of(name, "read link", error)?;
                    return Ok(ControlFlow::Continue(()));
                }
            },
            _ => Vec::new(),
        };
        self.settle(&stat);
        self.record.set(name, &stat, &target);
        visit(Found::Entry(name, self.record, &stat))
    }

    /// The names that lead to roots, and the roots among them, where nothing else is backed up.
    fn ways(&mut self, visit: &mut Visitor<'_>) -> Result<(), Stopped> {
        let Some(roots) = self.scan.place.roots.clone() else { return Ok(()) };
        for (name, child) in &roots.children {
            if !child.is_root {
                let _goes_on = visit(Found::Subdir(subdir(name, true, Some(Arc::clone(child)))))?;
                continue;
            }
            let Some(stat) = self.stat(name)? else { continue };
            let _goes_on = if stat.kind == Kind::Dir {
                visit(Found::Subdir(subdir(name, false, Some(Arc::clone(child)))))?
            } else {
                self.lost_roots(name, Some(child))?;
                self.entry(name, stat, visit)?
            };
        }
        Ok(())
    }

    /// Reports the roots directly within this directory that do not exist: the names will not come up.
    fn missing_roots(&mut self) -> Result<(), Stopped> {
        let Some(roots) = self.scan.place.roots.clone() else { return Ok(()) };
        for (name, child) in &roots.children {
            if let Err(error) = Stat::at(self.dir.as_fd(), &**name) {
                let path = self.scan.place.handle.path_of(name);
                self.lost(child.is_root.then(|| path.clone()).into_iter().chain(child.beneath(&path)), error)?;
            }
        }
        Ok(())
    }

    /// Reports the roots beneath something that is no directory.
    fn lost_roots(&mut self, name: &[u8], roots: Option<&RootNode>) -> Result<(), Stopped> {
        let Some(roots) = roots else { return Ok(()) };
        let path = self.scan.place.handle.path_of(name);
        self.lost(roots.beneath(&path), Errno::NOTDIR)
    }

    fn lost(&mut self, roots: impl IntoIterator<Item = Vec<u8>>, error: Errno) -> Result<(), Stopped> {
        for root in roots {
            self.memorable = false;
            self.scan.problem(&root, "open", error)?;
        }
        Ok(())
    }

    fn excludes_name(&mut self, name: &[u8]) -> bool {
        if tagged(&self.tags, name) {
            return true;
        }
        let before = self.path.len();
        push_name(&mut self.path, name);
        let excluded = self.scan.context.filter.excludes_path(&self.path);
        self.path.truncate(before);
        excluded
    }

    fn stat(&mut self, name: &[u8]) -> Result<Option<Stat>, Stopped> {
        match Stat::at(self.dir.as_fd(), name) {
            Ok(stat) => Ok(Some(self.scan.context.seen(stat))),
            Err(error) => {
                self.flaw_of(name, "stat", error)?;
                Ok(None)
            }
        }
    }

    fn settle(&mut self, stat: &Stat) {
        self.memorable &= is_settled(stat, self.now);
    }

    fn flaw(&mut self, during: &str, error: Errno) -> Result<(), Stopped> {
        self.memorable = false;
        let path = self.scan.place.handle.path();
        self.scan.problem(&path, during, error)
    }

    fn flaw_of(&mut self, name: &[u8], during: &str, error: Errno) -> Result<(), Stopped> {
        self.memorable = false;
        let path = self.scan.place.handle.path_of(name);
        self.scan.problem(&path, during, error)
    }
}

/// Whether the next change will show in the times. One that lies in the future tells nothing.
pub(crate) fn is_settled(stat: &Stat, now: Timestamp) -> bool {
    now.since(stat.ctime).as_secs() >= SETTLED_SECONDS
}

fn subdir(name: &[u8], way: bool, roots: Option<Arc<RootNode>>) -> Subdir {
    let is_root = roots.as_ref().is_some_and(|roots| roots.is_root);
    let extent = if way { Extent::Way } else { Extent::All };
    let roots = roots.filter(|roots| !roots.children.is_empty());
    Subdir { name: name.into(), extent, is_root, roots }
}
