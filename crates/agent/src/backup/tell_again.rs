//! Reads directories again whose listings were too large to keep, and tells them.
//!
//! One thread does this, one directory after another, as far ahead as there is room. Subdirectories keep the numbers
//! that they were announced with; what was created since is left to the next backup. If the directory is no longer as
//! it was walked, what is sent is not to be remembered.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use holdfast_wire::DirDigest;
use rustix::fd::AsFd;
use rustix::io::Errno;

use super::Backup;
use super::digest::Sums;
use super::listing::{Charge, Content, Listed};
use super::record::{self, Record};
use super::requests::Listing;
use super::scan::{Buffers, Found, Scan};
use super::stat::{Kind, Stat};
use super::tell::{Teller, Telling};
use super::walk::LISTED_TWICE;
use crate::stop::Stopped;

/// The thread that reads again.
pub(crate) struct Relister {
    backup: Arc<Backup>,
    teller: Teller,
    buffers: Buffers,
}

impl Relister {
    pub(crate) fn new(backup: &Arc<Backup>) -> Self {
        Self { backup: Arc::clone(backup), teller: Teller::new(backup), buffers: Buffers::new() }
    }

    /// Works until the session is over.
    pub(crate) fn run(mut self) -> Result<(), Stopped> {
        loop {
            let (number, listed) = self.backup.crew.wait(|crew| crew.next_again())?;
            self.tell(number, &listed)?;
        }
    }

    fn tell(&mut self, number: u64, listed: &Listed) -> Result<(), Stopped> {
        let Content::Dropped(numbers) = &listed.content else { return Ok(()) };
        let backup = Arc::clone(&self.backup);
        let telling = self.teller.begin(number, &listed.place)?;
        let sums = Sums { subdirs: listed.sums.subdirs, ..Sums::default() };
        let mut again =
            Again { relister: self, listed, numbers, told: HashSet::new(), telling, listing: Vec::new(), sums };
        let mut buffers = std::mem::replace(&mut again.relister.buffers, Buffers::empty());
        let scan = Scan { context: &backup.context, place: &listed.place, again: true };
        let scanned = scan.run(None, &mut buffers, &mut |found| again.take(found))?;
        let same = again.sums == listed.sums;
        let memorable = same && scanned.memorable && listed.digest.memorable && again.telling.is_flawless();
        let digest = DirDigest { digest: backup.context.digester.directory(&again.sums), memorable };
        again.send(Some(digest))?;
        self.buffers = buffers;
        Ok(())
    }
}

struct Again<'a> {
    relister: &'a mut Relister,
    listed: &'a Listed,
    /// The numbers of the subdirectories by their names' hashes, sorted.
    numbers: &'a [(u64, u64)],
    /// Those of them that were told: a directory that changes while it is read may show a name twice.
    told: HashSet<u64>,
    telling: Telling<'a>,
    /// The records of the batch.
    listing: Vec<u8>,
    sums: Sums,
}

impl Again<'_> {
    fn take(&mut self, found: Found<'_>) -> Result<ControlFlow<()>, Stopped> {
        match found {
            Found::Entry(_, record, _) => self.add(record, None)?,
            Found::Subdir(subdir) => self.subdir(&subdir.name, None)?,
            Found::Closed(subdir, stat) => self.subdir(&subdir.name, Some(stat))?,
        }
        Ok(ControlFlow::Continue(()))
    }

    /// A subdirectory, with its metadata if they are known.
    fn subdir(&mut self, name: &[u8], stat: Option<Stat>) -> Result<(), Stopped> {
        let context = &self.relister.backup.context;
        let hash = context.digester.name(name);
        let at = self.numbers.partition_point(|(other, _)| *other < hash);
        // Of several, the walk saw the name more than once too, and each time walked all beneath it.
        let number = match self.numbers.get(at) {
            Some((other, number)) if *other == hash => *number,
            // New since the walk.
            _ => {
                self.telling.flaw();
                return Ok(());
            }
        };
        if !self.told.insert(number) {
            self.telling.flaw();
            let path = self.listed.place.handle.path_of(name);
            return context.outbox.problem(&path, "list", LISTED_TWICE);
        }
        let look = || self.listed.place.handle.fd().and_then(|dir| Stat::at(dir.as_fd(), name));
        let stat = stat.map_or_else(look, Ok);
        match stat {
            Ok(stat) if stat.kind == Kind::Dir => {
                let mut record = Record::default();
                record.set(name, &context.seen(stat), b"");
                self.add(&record, Some(number))
            }
            // It vanished, or became something else: the next backup will see.
            Ok(_) | Err(Errno::NOENT) => {
                self.telling.flaw();
                Ok(())
            }
            Err(error) => {
                self.telling.flaw();
                context.problem(&self.listed.place.handle.path_of(name), "stat", error)
            }
        }
    }

    fn add(&mut self, record: &Record, number: Option<u64>) -> Result<(), Stopped> {
        if self.telling.is_full() {
            self.send(None)?;
        }
        self.sums.entries += self.relister.backup.context.digester.entry(record.digested());
        let offset = self.listing.len() as u32;
        record.append_to(&mut self.listing, number);
        if let Some(body) = record::record_at(&self.listing, offset) {
            self.relister.teller.add(&mut self.telling, offset, body)?;
        }
        Ok(())
    }

    fn send(&mut self, last: Option<DirDigest>) -> Result<(), Stopped> {
        let crew = &self.relister.backup.crew;
        crew.wait(|crew| crew.kept.has_room_again().then_some(()))?;
        let bytes = std::mem::take(&mut self.listing);
        let charge = Charge::again(crew, bytes.len());
        let listing = Arc::new(Listing { dir: Arc::clone(&self.listed.place.handle), bytes, _charge: charge });
        self.relister.teller.send(&mut self.telling, &listing, last)
    }
}
