//! Tells the server the entries of a directory that it wants, with everything that is only read when it is wanted.
//!
//! Entries go in batches. What the server may ask for next is kept before a batch leaves. An entry that the wire can't
//! carry is reported and left out.

use std::sync::Arc;

use holdfast_wire::limits::{MAX_LINK_TARGET, MAX_MESSAGE, MAX_XATTRS};
use holdfast_wire::{DirDigest, DirEntries, Entry, FromAgent, encoded_len};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use serde_bytes::ByteBuf;

use super::Backup;
use super::context::explain;
use super::elsewhere::Names;
use super::handle::DirHandle;
use super::listing::{Content, Listed};
use super::place::{Extent, Place};
use super::record;
use super::requests::{Listing, Told};
use super::xattr::{XattrError, XattrReader};
use crate::stop::Stopped;

/// Encoded bytes of the entries of one message, before the last one is added.
const BATCH: usize = 180 << 10;
// A message holds the path, a full batch and one entry of the largest kind.
const _: () =
    assert!(holdfast_wire::limits::MAX_PATH + BATCH + MAX_XATTRS + MAX_LINK_TARGET + (8 << 10) <= MAX_MESSAGE);

/// Tells listings; one per thread.
pub(crate) struct Teller {
    backup: Arc<Backup>,
    xattrs: XattrReader,
}

/// A directory whose entries are being told.
pub(crate) struct Telling<'a> {
    number: u64,
    dir: &'a Arc<DirHandle>,
    /// To read attributes by; nothing if the directory can't be opened any more.
    fd: Option<Arc<OwnedFd>>,
    /// Entries of which nothing is asked.
    elsewhere: Option<Arc<Names>>,
    /// Entries sent in earlier batches.
    sent: u32,
    batch: Vec<Entry>,
    offsets: Vec<u32>,
    bytes: usize,
    /// Whether everything could be read.
    flawless: bool,
}

impl Teller {
    pub(crate) fn new(backup: &Arc<Backup>) -> Self {
        Self { backup: Arc::clone(backup), xattrs: XattrReader::new() }
    }

    /// Tells a directory whose listing was kept.
    pub(crate) fn tell(&mut self, number: u64, listed: Listed) -> Result<(), Stopped> {
        let Listed { place, digest, content, charge, .. } = listed;
        let Content::Kept(bytes) = content else { return Ok(()) };
        let listing = Arc::new(Listing { dir: Arc::clone(&place.handle), bytes, _charge: charge });
        let mut telling = self.begin(number, &place)?;
        for (offset, body) in record::records(&listing.bytes) {
            if telling.bytes >= BATCH {
                self.send(&mut telling, &listing, None)?;
            }
            self.add(&mut telling, offset, body)?;
        }
        let digest = DirDigest { memorable: digest.memorable && telling.flawless, ..digest };
        self.send(&mut telling, &listing, Some(digest))
    }

    pub(crate) fn begin<'a>(&self, number: u64, place: &'a Place) -> Result<Telling<'a>, Stopped> {
        let dir = &place.handle;
        let telling = |fd, elsewhere, flawless| {
            let (batch, offsets) = (Vec::new(), Vec::new());
            Telling { number, dir, fd, elsewhere, sent: 0, batch, offsets, bytes: 0, flawless }
        };
        if place.extent == Extent::Nothing {
            // It has no entries, and is not opened: who mounts it may not answer.
            return Ok(telling(None, None, true));
        }
        let fd = match dir.fd() {
            Ok(fd) => Some(fd),
            Err(Errno::ACCESS) => None,
            Err(error) => {
                self.backup.context.problem(&dir.path(), "read extended attributes", error)?;
                None
            }
        };
        let flawless = fd.is_some();
        let context = &self.backup.context;
        let elsewhere = context.elsewhere.as_ref().and_then(|elsewhere| elsewhere.within(&dir.path()).cloned());
        Ok(telling(fd, elsewhere, flawless))
    }

    /// Adds an entry to the batch.
    pub(crate) fn add(&mut self, telling: &mut Telling<'_>, offset: u32, body: &[u8]) -> Result<(), Stopped> {
        let Some(mut entry) = record::entry(body) else { return Ok(()) };
        let is_elsewhere = telling.elsewhere.as_ref().is_some_and(|names| names.contains_key(&**entry.name));
        if let Some(fd) = telling.fd.as_ref().filter(|_| !is_elsewhere) {
            match self.xattrs.of(fd, &entry.name) {
                Ok(xattrs) => entry.xattrs = xattrs,
                Err(error) => {
                    telling.flawless = false;
                    self.no_attributes(telling.dir, &entry.name, error)?;
                }
            }
        }
        if let Err(violation) = entry.validate() {
            telling.flawless = false;
            let path = telling.dir.path_of(&entry.name);
            return self.backup.context.outbox.problem(&path, "list", &violation.to_string());
        }
        telling.bytes += encoded_len(&entry);
        telling.batch.push(entry);
        telling.offsets.push(offset);
        Ok(())
    }

    fn no_attributes(&self, dir: &Arc<DirHandle>, name: &[u8], error: XattrError) -> Result<(), Stopped> {
        let message = match error {
            XattrError::System(Errno::NOENT) if !std::fs::exists("/proc/self/fd").unwrap_or(false) => {
                "/proc is not mounted: mount it, or extended attributes, ACLs and capabilities can't be read".into()
            }
            // It vanished: a file is missed when it is to be read, the rest is stored as it was seen.
            XattrError::System(Errno::NOENT) => return Ok(()),
            XattrError::System(error) => explain(error),
            XattrError::TooMany => error.to_string(),
        };
        self.backup.context.outbox.problem(&dir.path_of(name), "read extended attributes", &message)
    }

    /// Sends the batch, which with a digest is the last one.
    pub(crate) fn send(
        &self,
        telling: &mut Telling<'_>,
        listing: &Arc<Listing>,
        last: Option<DirDigest>,
    ) -> Result<(), Stopped> {
        let entries = std::mem::take(&mut telling.batch);
        let offsets = std::mem::take(&mut telling.offsets);
        let first = telling.sent;
        telling.sent += entries.len() as u32;
        telling.bytes = 0;
        self.backup.tell_owners(&entries)?;
        let turn = self.backup.context.outbox.turn();
        // Before the message leaves: the answer may come at once.
        let told = Told { listing: Arc::clone(listing), first, offsets };
        self.backup.requests.with(|requests| requests.tell(telling.number, told));
        let path = ByteBuf::from(telling.dir.path());
        turn.send(FromAgent::Entries(DirEntries { dir: telling.number, path, entries, last }))
    }
}

impl Telling<'_> {
    /// Whether the batch is large enough to be sent.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= BATCH
    }

    /// Something is missing in what was sent.
    pub(crate) fn flaw(&mut self) {
        self.flawless = false;
    }

    pub(crate) fn is_flawless(&self) -> bool {
        self.flawless
    }
}
