//! Takes what the server sends, in order, and hands the work out.
//!
//! One thread receives and makes directories; everything else is done by a few others, which get many small jobs at a
//! time. Files that are sure to be missing cost nothing until their content comes. Every bound of the protocol that
//! concerns more than one message is checked here.

use bytes::Bytes;
use holdfast_chunker::{TOGETHER_BYTES, waits_for_more};
use holdfast_wire::{BlobHeader, ChunkRef, EntryKind, FromAgent, RestoreNode, RestoreOutcome, ToAgent, limits};
use rustix::fs::FileType;

use super::blob::{self, Decoder, Stored};
use super::content::{BUFFER, Content};
use super::dirs::Dirs;
use super::files::FileNode;
use super::node::Node;
use super::queue::{Broken, Queue};
use super::report::RestoreSummary;
use super::session::Session;
use super::trouble::{RestoreError, Trouble};
use crate::{Down, Downlink};

/// Chunks of one file: their need must fit into a message.
const MAX_CHUNKS: usize = limits::MAX_FILE_CHUNKS as usize;
/// Jobs that are handed over together, at most: waking a thread costs as much as a small one.
const BATCH_JOBS: usize = 64;
/// Bytes that they hold, about.
const BATCH_BYTES: usize = 256 << 10;

/// Work for any thread.
pub(super) enum Job {
    File(Box<FileNode>),
    Special(Box<Node>),
    Link { first: u64, link: Box<Node> },
    Blob(Stored),
}

/// Does jobs until there are no more.
pub(super) fn work(session: &Session, queue: &Queue<Vec<Job>>) {
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; BUFFER];
    let mut blobs = Vec::new();
    let run = |jobs: Vec<Job>| {
        let mut jobs = jobs.into_iter().peekable();
        while let Some(job) = jobs.next() {
            if session.is_stopped() {
                return;
            }
            match job {
                Job::File(file) => session.place_file(*file, &mut buffer),
                Job::Special(node) => session.place_special(&node),
                Job::Link { first, link } => session.place_link(first, *link),
                Job::Blob(blob) => {
                    blobs.push(blob);
                    if !matches!(jobs.peek(), Some(Job::Blob(_))) {
                        session.write_blobs(&blobs, &mut decoder, &mut buffer);
                        blobs.clear();
                    }
                }
            }
        }
    };
    queue.work(run, || session.report.flush_restored());
}

/// The thread that receives.
pub(super) struct Receiver<'a, D> {
    session: &'a Session,
    queue: &'a Queue<Vec<Job>>,
    down: D,
    dirs: Dirs,
    /// What is to be handed over next, and the bytes that it holds.
    batch: Vec<Job>,
    batch_bytes: usize,
    /// Plaintext bytes of the blobs among it.
    batch_plain: u32,
    /// Bytes of the largest of them.
    batch_largest: u32,
    /// Number of the next node.
    next: u64,
    /// A blob whose bytes come next.
    announced: Option<BlobHeader>,
    /// A file of whose content more is to come.
    incoming: Option<Incoming>,
    /// Whether there is a node for the target itself.
    restores_target: bool,
}

/// A regular file whose content is being listed.
struct Incoming {
    number: u64,
    /// `None` if it is not restored: the list is only counted then.
    node: Option<Node>,
    content: Content,
    chunks: usize,
    /// Whether all is within bounds.
    bounded: bool,
}

impl From<Broken> for RestoreError {
    fn from(_: Broken) -> Self {
        Self::Defect
    }
}

impl<'a, D: Downlink> Receiver<'a, D> {
    pub(super) fn new(session: &'a Session, queue: &'a Queue<Vec<Job>>, down: D, target_existed: bool) -> Self {
        Self {
            session,
            queue,
            down,
            dirs: Dirs::new(target_existed),
            batch: Vec::new(),
            batch_bytes: 0,
            batch_plain: 0,
            batch_largest: 0,
            next: 0,
            announced: None,
            incoming: None,
            restores_target: false,
        }
    }

    /// Whether the snapshot said what the target itself is to be like.
    pub(super) fn restores_target(&self) -> bool {
        self.restores_target
    }

    /// Receives until the server says that nothing more will come.
    pub(super) fn run(&mut self) -> Result<(), RestoreError> {
        loop {
            let next = self.down.next()?;
            if self.session.is_stopped() {
                return Ok(());
            }
            match (next, self.announced.take()) {
                (Down::Blob(stored), Some(header)) => {
                    self.blob(header, stored.into())?;
                    // Blobs come together only while there is other work: on a slow link each is written at once.
                    if self.queue.is_empty() {
                        self.hand_over()?;
                    }
                }
                (Down::Blobs(blobs), None) => {
                    for (header, stored) in blobs {
                        blob::check(&header)?;
                        self.blob(header, stored)?;
                    }
                    self.hand_over()?;
                }
                (Down::Message(_) | Down::Blobs(_), Some(_)) => {
                    return Err(protocol("it announced a blob and sent something else"));
                }
                (Down::Blob(_), None) => return Err(protocol("it sent a blob without announcing it")),
                (Down::Message(ToAgent::Finish), None) => return self.finish(),
                (Down::Message(message), None) => self.message(message)?,
            }
        }
    }

    fn message(&mut self, message: ToAgent) -> Result<(), RestoreError> {
        if !matches!(message, ToAgent::MoreChunks(_) | ToAgent::Credit { .. }) {
            self.end_of_content()?;
        }
        // What waits for the rest of its batch does so only as long as nothing but blobs comes.
        if !matches!(message, ToAgent::Blob(_) | ToAgent::Credit { .. }) {
            self.hand_over()?;
        }
        match message {
            ToAgent::Nodes(nodes) => {
                nodes.into_iter().try_for_each(|node| self.node(node))?;
                self.hand_over()
            }
            ToAgent::MoreChunks(chunks) => self.more_chunks(chunks),
            ToAgent::WindowEnd => {
                self.session.report.window_end();
                Ok(())
            }
            ToAgent::Blob(header) => {
                blob::check(&header)?;
                self.announced = Some(header);
                Ok(())
            }
            ToAgent::CloseDirs(numbers) => self.close(&numbers),
            // Credit is the link's matter.
            ToAgent::Credit { .. } => Ok(()),
            _ => Err(protocol("it sent a message that does not belong into a restore")),
        }
    }

    fn node(&mut self, mut node: RestoreNode) -> Result<(), RestoreError> {
        self.end_of_content()?;
        let number = self.next;
        self.next += 1;
        let chunks = std::mem::take(&mut node.chunks);
        let (first, whole, path) = (node.hard_link_to, node.whole, node.path.clone());
        let is_file = matches!(node.entry.kind, EntryKind::File { .. }) && first.is_none();
        let accepted = match Node::new(number, node) {
            Ok(node) => self.accept(node, first.is_none()),
            Err(bad) => {
                self.session.trouble_at(&path, &bad.into());
                self.session.report.outcome(number, RestoreOutcome::Failed);
                None
            }
        };
        if is_file {
            self.session.report.expect_need();
            let content = Content::default();
            self.incoming = Some(Incoming { number, node: accepted, content, chunks: 0, bounded: true });
            return self.more_chunks(chunks);
        }
        match (accepted, first) {
            (None, _) => Ok(()),
            (Some(node), Some(first)) => self.submit(Job::Link { first, link: Box::new(node) }, 0),
            (Some(node), None) if node.file_type() == FileType::Directory => {
                self.restores_target |= node.path.as_bytes().is_empty();
                self.dirs.make(self.session, node, whole);
                Ok(())
            }
            (Some(node), None) => self.submit(Job::Special(Box::new(node)), 0),
        }
    }

    /// Notes the node where that matters later. A node in a directory that failed fails without being tried.
    fn accept(&mut self, node: Node, is_first_name: bool) -> Option<Node> {
        self.dirs.ensure_parent(self.session, &node.path);
        self.dirs.keep(&node.path);
        if node.file_type() == FileType::Directory {
            return Some(node);
        }
        if is_first_name {
            self.session.expect_links(&node);
        }
        match self.dirs.check_parent(&node.path) {
            Ok(()) => Some(node),
            Err(trouble) => {
                self.session.fail_node(&node, &trouble);
                None
            }
        }
    }

    /// Takes the next part of the content of the file that came last.
    fn more_chunks(&mut self, chunks: Vec<ChunkRef>) -> Result<(), RestoreError> {
        let Some(incoming) = &mut self.incoming else {
            return Err(protocol("it sent content without a file"));
        };
        incoming.chunks += chunks.len();
        incoming.bounded &= incoming.chunks <= MAX_CHUNKS && incoming.content.extend(chunks);
        Ok(())
    }

    /// Something else follows: the content of the file that came last is complete, and it can be worked on.
    fn end_of_content(&mut self) -> Result<(), RestoreError> {
        let Some(Incoming { number, node, content, chunks, bounded }) = self.incoming.take() else { return Ok(()) };
        match node {
            Some(node) if bounded => {
                let bytes = chunks * size_of::<ChunkRef>();
                let file = FileNode { node, content };
                let left = match self.dirs.fresh_above(&file.node.path) {
                    Some(fresh) => self.session.await_content(file, fresh),
                    None => Some(file),
                };
                return left.map_or(Ok(()), |file| self.submit(Job::File(Box::new(file)), bytes));
            }
            Some(node) => {
                let trouble = Trouble::told("restore", "its content is beyond what the protocol can carry");
                self.session.fail_node(&node, &trouble);
            }
            None => {}
        }
        self.session.report.need(number, (0..chunks.min(MAX_CHUNKS)).map(|_| false).collect());
        Ok(())
    }

    fn blob(&mut self, header: BlobHeader, stored: Bytes) -> Result<(), RestoreError> {
        if stored.len() != header.stored_len as usize {
            return Err(protocol("it sent a blob of another length than announced"));
        }
        // What goes together is proven together.
        if self.batch_plain + header.len > TOGETHER_BYTES {
            self.hand_over()?;
        }
        self.batch_plain += header.len;
        self.batch_largest = self.batch_largest.max(header.len);
        let bytes = stored.len();
        self.submit(Job::Blob((header, stored)), bytes)
    }

    fn submit(&mut self, job: Job, bytes: usize) -> Result<(), RestoreError> {
        self.batch.push(job);
        self.batch_bytes += bytes;
        let waits = waits_for_more(self.batch_plain, self.batch_largest, self.batch_bytes);
        let is_enough = self.batch.len() >= BATCH_JOBS || (self.batch_bytes >= BATCH_BYTES && !waits);
        if is_enough { self.hand_over() } else { Ok(()) }
    }

    /// Hands over the jobs that have come together.
    fn hand_over(&mut self) -> Result<(), RestoreError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.batch_bytes);
        (self.batch_plain, self.batch_largest) = (0, 0);
        Ok(self.queue.submit(std::mem::take(&mut self.batch), bytes)?)
    }

    /// Waits until all is done that came so far.
    fn drain(&mut self) -> Result<(), RestoreError> {
        self.hand_over()?;
        Ok(self.queue.drain()?)
    }

    fn close(&mut self, numbers: &[u64]) -> Result<(), RestoreError> {
        self.drain()?;
        self.session.give_up_files(Some(&self.dirs.paths(numbers)));
        for number in numbers {
            if self.session.is_stopped() {
                break;
            }
            self.dirs.close(self.session, *number);
        }
        self.session.report.flush_restored();
        Ok(())
    }

    fn finish(&mut self) -> Result<(), RestoreError> {
        self.end_of_content()?;
        self.drain()?;
        if self.session.is_stopped() {
            return Ok(());
        }
        self.session.give_up_files(None);
        self.dirs.close_rest(self.session);
        self.session.report.window_end();
        self.session.report.flush_restored();
        if !self.session.is_stopped() {
            let RestoreSummary { deleted, owners_kept, .. } = self.session.report.summary();
            self.session.report.send(FromAgent::RestoreEnd { deleted, owners_kept });
        }
        Ok(())
    }
}

fn protocol(what: &'static str) -> RestoreError {
    RestoreError::Protocol { what }
}
