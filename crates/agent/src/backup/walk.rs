//! One thread of the crew: walks directories, completes them from the bottom up, and tells listings in between.
//!
//! A directory is complete when its own scan and all its subdirectories are. Only then it has a digest and a number.

use std::ops::ControlFlow;
use std::sync::Arc;

use holdfast_wire::limits::MAX_DEPTH;
use holdfast_wire::{DirDigest, FromAgent};
use rustix::fd::AsFd;
use rustix::io::Errno;

use super::Backup;
use super::crew::{Task, Work};
use super::digest::Sums;
use super::handle::{DirHandle, Follow};
use super::listing::{Charge, Listed};
use super::node::{Done, Names, Node, Parts};
use super::place::{Extent, Place, Subdir};
use super::record::Record;
use super::scan::{Buffers, Found, Scan, is_settled};
use super::stat::{Kind, Stat};
use super::tell::Teller;
use crate::stop::Stopped;

/// Bytes of entries that are collected before they are added to the directory's.
const COLLECTED: usize = 128 << 10;

/// A thread of the crew.
pub(crate) struct Walker {
    backup: Arc<Backup>,
    buffers: Buffers,
    names: Names,
    teller: Teller,
}

impl Walker {
    pub(crate) fn new(backup: &Arc<Backup>) -> Self {
        let teller = Teller::new(backup);
        Self { backup: Arc::clone(backup), buffers: Buffers::new(), names: Names::default(), teller }
    }

    /// Works until the session is over.
    pub(crate) fn run(mut self) -> Result<(), Stopped> {
        let backup = Arc::clone(&self.backup);
        let mut held_back = false;
        loop {
            let work = backup.crew.wait(|crew| crew.next().or(held_back.then_some(Work::Rest)))?;
            held_back = !matches!(work, Work::Rest);
            match work {
                Work::Walk(Task::Enter(parent, subdir)) => self.enter(&parent, subdir)?,
                Work::Walk(Task::GoOn(node, from)) => self.list(&node, Some(from))?,
                Work::Tell(number, listed) => self.teller.tell(number, listed)?,
                Work::Rest => backup.context.announcer.flush(&backup.context.outbox)?,
            }
            if held_back {
                backup.context.breathe()?;
            }
        }
    }

    fn enter(&mut self, parent: &Arc<Node>, mut subdir: Subdir) -> Result<(), Stopped> {
        let above = &parent.place.handle;
        if above.depth() + 1 >= MAX_DEPTH {
            return self.not_entered(parent, subdir, Errno::NAMETOOLONG);
        }
        let on_the_way = parent.place.extent == Extent::Way && subdir.extent == Extent::Way;
        let follow = if on_the_way && self.backup.follow_ways { Follow::Yes } else { Follow::No };
        match above.open(&subdir.name, follow) {
            Ok((handle, stat)) if self.is_elsewhere(parent, &handle, &subdir)? => {
                subdir.extent = if subdir.roots.is_some() { Extent::Way } else { Extent::Nothing };
                let node = self.child(parent, handle, &stat, subdir);
                if node.place.extent == Extent::Nothing { self.close(node) } else { self.list(&node, None) }
            }
            Ok((handle, stat)) => {
                let node = self.child(parent, handle, &stat, subdir);
                self.list(&node, None)
            }
            Err(error) => self.not_entered(parent, subdir, error),
        }
    }

    /// Whether what is found in a directory is left out, although it was not known by its name: it was mounted since, or its
    /// path leads through a symbolic link.
    fn is_elsewhere(&self, parent: &Node, handle: &Arc<DirHandle>, subdir: &Subdir) -> Result<bool, Stopped> {
        let context = &self.backup.context;
        let above = parent.place.handle.device();
        let Some(elsewhere) = context.elsewhere.as_ref().filter(|_| handle.device() != above && !subdir.is_root) else {
            return Ok(false);
        };
        let why = handle.fd().ok().and_then(|dir| elsewhere.of_device(handle.device(), &dir));
        match why {
            Some(why) if subdir.extent == Extent::All => context.left_out(handle.path(), &why).map(|()| true),
            _ => Ok(false),
        }
    }

    /// A directory that can't be read is stored as it stands there, with nothing in it.
    fn not_entered(&mut self, parent: &Arc<Node>, mut subdir: Subdir, error: Errno) -> Result<(), Stopped> {
        let above = &parent.place.handle;
        let path = above.path_of(&subdir.name);
        let lost_roots = subdir.roots.as_ref().map_or(Vec::new(), |roots| roots.beneath(&path));
        if subdir.extent != Extent::Way {
            self.backup.context.problem(&path, "open directory", error)?;
        }
        for root in lost_roots {
            self.backup.context.problem(&root, "open", error)?;
        }
        parent.with(|parts| parts.memorable = false);
        match above.fd().and_then(|dir| Stat::at(dir.as_fd(), &*subdir.name)) {
            Ok(stat) if stat.kind == Kind::Dir => {
                subdir.extent = Extent::Nothing;
                let stat = self.backup.context.seen(stat);
                let handle = above.unopened(&subdir.name, &stat);
                let node = self.child(parent, handle, &stat, subdir);
                self.close(node)
            }
            _ => self.close(Arc::clone(parent)),
        }
    }

    fn child(&self, parent: &Arc<Node>, handle: Arc<DirHandle>, stat: &Stat, subdir: Subdir) -> Arc<Node> {
        let context = &self.backup.context;
        let mut record = Record::default();
        record.set(&subdir.name, &context.seen(*stat), b"");
        let own_device = context.filter.one_file_system.then_some(stat.device);
        let device = if subdir.is_root { own_device } else { parent.place.device };
        let place = Place { handle, extent: subdir.extent, roots: subdir.roots, device };
        Node::new(place, Some(Arc::clone(parent)), record, is_settled(stat, context.clock.now()))
    }

    /// Scans a directory, all of it or as far as there is room for its subdirectories.
    pub(crate) fn list(&mut self, node: &Arc<Node>, from: Option<u64>) -> Result<(), Stopped> {
        let room = self.backup.crew.with(|crew| crew.room());
        self.names.clear();
        if let Some(names) = node.with(|parts| parts.names.take()) {
            self.names = names;
        }
        let backup = Arc::clone(&self.backup);
        let mut buffers = std::mem::replace(&mut self.buffers, Buffers::empty());
        let mut collector = Collector {
            walker: self,
            node,
            keep: node.with(|parts| parts.content.is_kept()),
            room,
            listing: Vec::new(),
            sums: Sums::default(),
            subdirs: Vec::new(),
            files: (0, 0),
        };
        let scan = Scan { context: &backup.context, place: &node.place, again: false };
        let scanned = scan.run(from, &mut buffers, &mut |found| collector.take(found))?;
        collector.store();
        let Collector { sums, subdirs, files, .. } = collector;
        self.buffers = buffers;
        self.backup.context.walked.add(files.0, files.1);
        node.with(|parts| {
            parts.sums.entries += sums.entries;
            parts.memorable &= scanned.memorable;
            if scanned.paused.is_some() && parts.content.is_kept() {
                parts.names = Some(std::mem::take(&mut self.names));
            }
        });
        node.open(subdirs.len() + usize::from(scanned.paused.is_some()));
        self.backup.crew.change(|crew| crew.push(node, subdirs, scanned.paused));
        self.close(Arc::clone(node))
    }

    /// A part of a directory is finished. The last one completes it, and perhaps the one above, and so on.
    fn close(&self, mut node: Arc<Node>) -> Result<(), Stopped> {
        let backup = &self.backup;
        while let Some(parts) = node.close() {
            let done = self.announce(&node, parts);
            match &node.parent {
                None => return self.walked(done.number),
                Some(parent) => {
                    parent.add(&node, &done, &backup.context.digester, &backup.walking);
                    let parent = Arc::clone(parent);
                    node = parent;
                }
            }
        }
        Ok(())
    }

    fn announce(&self, node: &Node, mut parts: Parts) -> Done {
        let Backup { context, crew, walking, .. } = &*self.backup;
        let (sums, memorable) = (parts.sums, parts.memorable);
        let digest = context.digester.directory(&sums);
        parts.content.finish(walking);
        let charge = Charge::walked(crew, &parts.content);
        let listed = Listed {
            place: node.place.clone(),
            sums,
            digest: DirDigest { digest, memorable },
            content: parts.content,
            charge,
        };
        Done { number: context.announcer.add(listed, context.clock.instant()), digest, memorable }
    }

    fn walked(&self, root: u64) -> Result<(), Stopped> {
        let context = &self.backup.context;
        context.announcer.flush(&context.outbox)?;
        context.outbox.send(context.walked.message())?;
        context.outbox.send(FromAgent::Root { dir: root })
    }
}

/// What is said of a name that comes up again.
pub(crate) const LISTED_TWICE: &str =
    "it was listed twice, for its directory changed while it was read; it is stored once";

/// Takes in what a scan finds.
struct Collector<'a> {
    walker: &'a mut Walker,
    node: &'a Arc<Node>,
    /// Whether entries are kept.
    keep: bool,
    room: usize,
    listing: Vec<u8>,
    sums: Sums,
    subdirs: Vec<Subdir>,
    /// Count and bytes.
    files: (u64, u64),
}

impl Collector<'_> {
    fn take(&mut self, found: Found<'_>) -> Result<ControlFlow<()>, Stopped> {
        match found {
            Found::Entry(name, record, stat) => {
                if self.is_new(name)? {
                    self.entry(record, stat);
                }
            }
            Found::Subdir(subdir) => {
                if self.is_new(&subdir.name)? {
                    self.subdirs.push(subdir);
                }
                if self.subdirs.len() >= self.room {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Found::Closed(subdir, stat) => {
                if self.is_new(&subdir.name)? {
                    let handle = self.node.place.handle.unopened(&subdir.name, &stat);
                    let child = self.walker.child(self.node, handle, &stat, subdir);
                    self.node.open(1);
                    self.walker.close(child)?;
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn entry(&mut self, record: &Record, stat: &Stat) {
        if stat.kind == Kind::File {
            self.files = (self.files.0 + 1, self.files.1 + stat.size);
        }
        self.sums.entries += self.walker.backup.context.digester.entry(record.digested());
        if self.keep {
            record.append_to(&mut self.listing, None);
            if self.listing.len() >= COLLECTED {
                self.store();
            }
        }
    }

    fn store(&mut self) {
        let Backup { context, walking, .. } = &*self.walker.backup;
        let listing = std::mem::take(&mut self.listing);
        self.keep = self.node.with(|parts| {
            parts.content.extend(&listing, walking, &context.digester);
            parts.content.is_kept()
        });
    }

    /// A directory that changes while it is read may show a name twice: it is stored once.
    fn is_new(&mut self, name: &[u8]) -> Result<bool, Stopped> {
        if !self.keep || self.walker.names.insert(name) {
            return Ok(true);
        }
        let path = self.node.place.handle.path_of(name);
        self.walker.backup.context.outbox.problem(&path, "list", LISTED_TWICE)?;
        Ok(false)
    }
}

/// The first directory: the root of the session.
pub(crate) fn session_root(place: Place) -> Arc<Node> {
    Node::new(place, None, Record::default(), true)
}
