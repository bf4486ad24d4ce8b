//! A link whose far end is a script: an agent that says whatever a test wants it to say.
//!
//! What it says goes through the same decoding and assembling as what a puller hands over, so that a script can send
//! what no agent would: [`Agent::raw`] takes any bytes for a message, [`Agent::data`] any bytes for those of chunks.
//! The steps of an honest conversation are methods, so that an attack says only what is wrong with it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use holdfast_chunker::sha256;
use holdfast_handover::Up as Record;
use holdfast_model::{BlobId, Timestamp};
use holdfast_wire::{
    Bits, BlobHeader, ChunkRef, DirDigest, DirEntries, Entry, EntryKind, FileEnd, FileOutcome, FromAgent, Need,
    RestoreOutcome, RestoredNode, ToAgent,
};

use super::intake::{Intake, Over};
use super::{ClientLink, LinkError, Traffic, Trust, Up};

/// The server has ended the session. Scripts end with it.
#[derive(Debug)]
pub(crate) struct Gone;

/// How a script ends.
pub(crate) type Played = Result<(), Gone>;

enum Said {
    Message(Vec<u8>),
    Data(Vec<u8>),
    End,
}

/// What a script drives. When the script ends, the agent has.
pub(crate) struct Agent {
    up: Sender<Said>,
    down: Receiver<ToAgent>,
    next_dir: AtomicU64,
}

/// The server's end.
pub(crate) struct ScriptedLink {
    up: Receiver<Said>,
    down: Sender<ToAgent>,
    intake: Intake,
    credit: u64,
    /// Whether the connection breaks before the last word.
    pub(crate) is_deaf_to_the_end: bool,
}

/// Both ends of a link with so much credit.
pub(crate) fn scripted(credit: u64) -> (ScriptedLink, Agent) {
    let (up_in, up) = unbounded();
    let (down, down_out) = unbounded();
    let link = ScriptedLink { up, down, intake: Intake::default(), credit, is_deaf_to_the_end: false };
    (link, Agent { up: up_in, down: down_out, next_dir: AtomicU64::new(0) })
}

/// A regular file of root's, changed long ago.
pub(crate) fn file(name: &str, size: u64) -> Entry {
    entry(name, EntryKind::File { size })
}

/// A directory that was announced under this number.
pub(crate) fn dir(name: &str, number: u64) -> Entry {
    entry(name, EntryKind::Dir { number })
}

/// Anything, of root's, changed long ago.
pub(crate) fn entry(name: &str, kind: EntryKind) -> Entry {
    let time = Timestamp { seconds: 1_000_000_000, nanoseconds: 5 };
    Entry {
        name: name.as_bytes().to_vec().into(),
        kind,
        mode: 0o600,
        uid: 0,
        gid: 0,
        mtime: time,
        atime: time,
        ctime: time,
        inode: 5,
        device: 6,
        links: 1,
        xattrs: Vec::new(),
    }
}

/// The chunk that these bytes are.
pub(crate) fn chunk(bytes: &[u8]) -> ChunkRef {
    ChunkRef { id: BlobId::new(sha256(bytes)), len: bytes.len() as u32 }
}

impl Agent {
    /// Sends a message, sensible or not.
    pub(crate) fn say(&self, message: FromAgent) -> Played {
        self.raw(postcard::to_stdvec(&message).unwrap())
    }

    /// Sends bytes as a message.
    pub(crate) fn raw(&self, bytes: Vec<u8>) -> Played {
        self.up.send(Said::Message(bytes)).map_err(|_| Gone)
    }

    /// Sends bytes of chunks.
    pub(crate) fn data(&self, bytes: &[u8]) -> Played {
        self.up.send(Said::Data(bytes.to_vec())).map_err(|_| Gone)
    }

    /// Ends the stream.
    pub(crate) fn stop(&self) {
        let _ = self.up.send(Said::End);
    }

    /// Ends the stream, and listens until the server has ended too.
    pub(crate) fn hang_up(&self) {
        self.stop();
        while self.hear().is_ok() {}
    }

    /// The next message of the server, but for the job and credit.
    pub(crate) fn hear(&self) -> Result<ToAgent, Gone> {
        loop {
            match self.down.recv().map_err(|_| Gone)? {
                ToAgent::Backup(_) | ToAgent::Command(_) | ToAgent::Restore(_) | ToAgent::Credit { .. } => {}
                message => return Ok(message),
            }
        }
    }

    /// Announces so many directories that are not to be remembered; gives the numbers of those that are wanted.
    pub(crate) fn dirs(&self, count: u64) -> Result<Vec<u64>, Gone> {
        let first = self.next_dir.fetch_add(count, Ordering::Relaxed);
        self.say(FromAgent::Dirs((first..first + count).map(digest).collect()))?;
        match self.hear()? {
            ToAgent::WantDirs { wanted, .. } => Ok(wanted),
            other => panic!("{other:?} instead of an answer about directories"),
        }
    }

    /// Tells all entries of a directory; gives those whose content is wanted.
    pub(crate) fn entries(&self, dir: u64, path: &str, entries: Vec<Entry>) -> Result<Vec<u32>, Gone> {
        self.some_entries(dir, path, entries, true)
    }

    /// Tells some entries of a directory.
    pub(crate) fn some_entries(&self, dir: u64, path: &str, all: Vec<Entry>, last: bool) -> Result<Vec<u32>, Gone> {
        let (path, last) = (path.as_bytes().to_vec().into(), last.then(|| digest(dir)));
        self.say(FromAgent::Entries(DirEntries { dir, path, entries: all, last }))?;
        match self.hear()? {
            ToAgent::WantFiles { entries, .. } => Ok(entries),
            other => panic!("{other:?} instead of an answer about files"),
        }
    }

    /// Lists chunks of a file; gives which are wanted.
    pub(crate) fn chunks(&self, file: u64, chunks: &[ChunkRef]) -> Result<Vec<bool>, Gone> {
        self.say(FromAgent::Chunks { file, chunks: chunks.to_vec() })?;
        match self.hear()? {
            ToAgent::WantChunks(bits) => Ok((0..bits.len()).map(|at| bits.get(at)).collect()),
            other => panic!("{other:?} instead of an answer about chunks"),
        }
    }

    /// The file is stored as listed.
    pub(crate) fn end(&self, file: u64) -> Played {
        self.say(FromAgent::FileEnd(FileEnd { file, outcome: FileOutcome::Stored }))
    }

    /// The walk is complete.
    pub(crate) fn root(&self, dir: u64) -> Played {
        self.say(FromAgent::Root { dir })
    }

    /// Backs up one file in `/` as an honest agent does, and hears the end; gives whether its bytes were wanted.
    pub(crate) fn one_file(&self, name: &str, content: &[u8]) -> Result<bool, Gone> {
        let [dir] = self.dirs(1)?[..] else { panic!("a new directory is wanted") };
        let wanted = !self.entries(dir, "/", vec![file(name, content.len() as u64)])?.is_empty();
        let mut sent = false;
        if wanted {
            sent = self.chunks(0, &[chunk(content)])? == [true];
            if sent {
                self.data(content)?;
            }
            self.end(0)?;
        }
        self.root(dir)?;
        match self.hear()? {
            ToAgent::Finish => Ok(sent),
            other => panic!("{other:?} instead of the end"),
        }
    }

    /// Takes a restore to its end as an agent to which all is as it should be; gives all that it heard.
    pub(crate) fn restored(&self) -> Result<Vec<ToAgent>, Gone> {
        let mut heard = Vec::new();
        let mut next = 0;
        loop {
            let message = self.hear()?;
            if let ToAgent::Nodes(nodes) = &message {
                for node in nodes {
                    if matches!(node.entry.kind, EntryKind::File { .. }) && node.hard_link_to.is_none() {
                        let chunks: Bits = node.chunks.iter().map(|_| false).collect();
                        self.say(FromAgent::Needs(vec![Need { node: next, chunks }]))?;
                    }
                    self.outcome(next)?;
                    next += 1;
                }
            }
            let is_end = matches!(message, ToAgent::Finish);
            heard.push(message);
            if is_end {
                self.say(FromAgent::RestoreEnd { deleted: 0, owners_kept: 0 })?;
                return Ok(heard);
            }
        }
    }

    /// A node is as it should be.
    pub(crate) fn outcome(&self, node: u64) -> Played {
        self.say(FromAgent::Restored(vec![RestoredNode { node, outcome: RestoreOutcome::Unchanged }]))
    }
}

/// The digest under which [`Agent::dirs`] announces a directory.
pub(crate) fn digest(dir: u64) -> DirDigest {
    DirDigest { digest: u128::from(dir).to_le_bytes(), memorable: false }
}

impl ScriptedLink {
    fn take(&mut self, said: Said) -> Result<(), LinkError> {
        let taken = match said {
            Said::Message(bytes) => self.intake.take(Record::Message(&bytes)),
            Said::Data(bytes) => self.intake.take(Record::Data(&bytes)),
            Said::End => return Err(LinkError::Closed),
        };
        taken.map_err(error_of)
    }
}

fn error_of(over: Over) -> LinkError {
    match over {
        Over::Error(error) => error,
        over => panic!("{over:?}"),
    }
}

impl ClientLink for ScriptedLink {
    fn recv(&mut self) -> Result<Up, LinkError> {
        loop {
            if let Some(up) = self.intake.pop().map_err(error_of)? {
                return Ok(up);
            }
            let said = self.up.recv().map_err(|_| LinkError::Closed)?;
            self.take(said)?;
        }
    }

    fn recv_within(&mut self, patience: Duration) -> Result<Option<Up>, LinkError> {
        loop {
            if let Some(up) = self.intake.pop().map_err(error_of)? {
                return Ok(Some(up));
            }
            match self.up.recv_timeout(patience) {
                Ok(said) => self.take(said)?,
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => return Err(LinkError::Closed),
            }
        }
    }

    fn expect_chunk(&mut self, len: u32) {
        self.intake.assembly.expect(len as usize);
    }

    fn send(&mut self, message: ToAgent) -> Result<(), LinkError> {
        holdfast_wire::encode(&message).map_err(LinkError::Encode)?;
        if self.is_deaf_to_the_end && matches!(message, ToAgent::Finish) {
            return Err(LinkError::Closed);
        }
        self.down.send(message).map_err(|_| LinkError::Closed)
    }

    fn send_blobs(&mut self, blobs: Vec<(BlobHeader, Bytes)>) -> Result<(), LinkError> {
        blobs.into_iter().try_for_each(|(header, _)| self.send(ToAgent::Blob(header)))
    }

    fn trust(&self) -> Trust {
        Trust::Stranger
    }

    fn credit(&self) -> Option<u64> {
        Some(self.credit)
    }

    fn take_message_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.intake.message_bytes)
    }

    fn take_data_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.intake.data_bytes)
    }

    fn finish(&mut self) -> Traffic {
        Traffic::default()
    }
}
