//! The server's side of one backup: answers what the agent announces, and builds the trees from the leaves up.
//!
//! Everything that the agent says is checked here, where the keys are; a broken rule ends the session before anything
//! of it becomes a snapshot. The order of events within the session is the agent's; only the numbering rules hold.

mod content;
mod listing;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use holdfast_model::monitor::Progress;
use holdfast_model::{CancelToken, Clock, Monitor};
use holdfast_repo::IngestSession;
use holdfast_wire::{FileEnd, FromAgent, NOT_THERE, ToAgent, ViolationClass};

use super::BackupError;
use super::credit::Credit;
use super::dirs::{Dirs, Resolved};
use super::files::Files;
use super::node::Owners;
use super::pace::{Pace, SAID};
use super::parent::Parent;
use super::rules::{Possession, Scope};
use super::summary::Counts;
use crate::Violation;
use crate::link::{ClientLink, LinkError, Up};
use crate::problems::Problems;
use crate::state::{DigestMemory, DigestRecorder};

/// So long nothing else is looked at while one waits for the agent.
const GLANCE: Duration = Duration::from_millis(500);

/// So many answers are not kept back, whatever else comes.
const ANSWERS_AT_ONCE: usize = 256;

/// One backup under way.
pub(super) struct Session<'a> {
    pub(super) link: &'a mut dyn ClientLink,
    pub(super) ingest: &'a IngestSession,
    pub(super) monitor: &'a dyn Monitor,
    pub(super) cancel: &'a CancelToken,
    pub(super) clock: &'a dyn Clock,
    pub(super) pace: Pace,
    pub(super) parent: Option<Parent>,
    pub(super) memory: &'a DigestMemory,
    pub(super) possession: Possession<'a>,
    pub(super) scope: Scope,
    pub(super) dirs: Dirs,
    pub(super) files: Files,
    pub(super) owners: Owners,
    pub(super) recorder: DigestRecorder,
    /// Digests of directories that were taken for known ones.
    pub(super) known: HashSet<[u8; 16]>,
    pub(super) counts: Counts,
    pub(super) progress: Progress,
    /// When a file was named in the progress last.
    pub(super) named: Instant,
    pub(super) credit: Credit,
    /// Bytes of chunks that came and were not charged yet.
    pub(super) chunk_bytes: u64,
    pub(super) problems: Problems,
    /// Roots that may be missing, and were not told to be yet.
    pub(super) optional_roots: Vec<Vec<u8>>,
    pub(super) root: Option<u64>,
    /// Whether chunks are wanted, in the order in which they were announced: not sent yet.
    pub(super) answers: Vec<bool>,
    /// Files and bytes that the walk has seen.
    pub(super) walked: (u64, u64),
}

impl Session<'_> {
    /// Serves the agent until the root's tree is written; an error if there is nothing in it that was asked for.
    pub(super) fn run(&mut self) -> Result<Resolved, BackupError> {
        loop {
            self.cancel.check()?;
            // What is wrong with what came may be found out later.
            self.ingest.check()?;
            let now = self.clock.instant();
            self.pace.note(self.link.take_data_bytes(), now);
            self.pace.check(self.dirs.is_owed() || self.files.is_owed(), now)?;
            let up = match self.link.recv_soon()? {
                Some(up) => up,
                None => {
                    self.answer()?;
                    let Some(up) = self.link.recv_within(GLANCE)? else { continue };
                    up
                }
            };
            let now = self.clock.instant();
            self.pace.note(worth(&up), now);
            match up {
                Up::Message(message) => self.message(message)?,
                Up::Chunk(bytes) => {
                    self.chunk(bytes)?;
                    // It may wait for our storage.
                    self.pace.excuse(self.clock.instant().saturating_duration_since(now));
                }
            }
            self.give_credit()?;
            if self.answers.len() >= ANSWERS_AT_ONCE {
                self.answer()?;
            }
            self.monitor.progress(&self.progress);
            // A chunk that was asked for proves nothing before it has come, whoever's snapshot would hold it.
            if let Some(root) = self.root.and_then(|root| self.dirs.resolved(root)).filter(|_| self.files.nothing_due())
            {
                self.answer()?;
                let is_root = root.path.map_or_else(|| self.scope.holds(b"/"), |path| path == self.dirs.mark(b"/"));
                if !is_root {
                    return Err(Violation::new(ViolationClass::Scope, "a root that is not /").into());
                }
                return if self.scope.found() { Ok(root) } else { Err(BackupError::NothingFound) };
            }
        }
    }

    fn message(&mut self, message: FromAgent) -> Result<(), BackupError> {
        match message {
            FromAgent::Owners { users, groups } => self.owners.learn(users, groups)?,
            FromAgent::Dirs(digests) => self.announced(digests)?,
            FromAgent::Entries(entries) => self.entries(entries)?,
            FromAgent::Chunks { file, chunks } => self.chunks(file, &chunks)?,
            FromAgent::FileEnd(FileEnd { file, outcome }) => {
                if let Some(complete) = self.files.end(file, outcome)? {
                    self.file_complete(complete)?;
                }
            }
            FromAgent::Problem { path, during, message } => {
                if !self.may_be_missing(&path, &message) {
                    self.problem(&path, during, message)?;
                }
            }
            FromAgent::LeftOut { path, why } => self.problems.left_out(self.monitor, &path, &why)?,
            FromAgent::Walked { files, bytes } => {
                self.walked = (files, bytes);
                self.progress.files_total = self.progress.files_total.max(Some(files));
                self.progress.bytes_total = self.progress.bytes_total.max(Some(bytes));
            }
            FromAgent::Root { dir } if self.root.is_none() => {
                self.root = Some(dir);
                // What the parent had is no guide any more: the walk is complete.
                (self.progress.files_total, self.progress.bytes_total) = (Some(self.walked.0), Some(self.walked.1));
            }
            FromAgent::Refused { message } => return Err(LinkError::Refused(message).into()),
            _ => return Err(Violation::new(ViolationClass::Protocol, "a message out of place").into()),
        }
        Ok(())
    }

    /// Whether this says that a root is not there which may be missing. Each is told once.
    fn may_be_missing(&mut self, path: &[u8], message: &str) -> bool {
        if message != NOT_THERE {
            return false;
        }
        let at = self.optional_roots.iter().position(|root| root == path);
        at.map(|at| self.optional_roots.swap_remove(at)).is_some()
    }

    fn problem(&mut self, path: &[u8], during: String, message: String) -> Result<(), Violation> {
        self.progress.errors += 1;
        self.problems.tell(self.monitor, path, during, message)
    }

    fn give_credit(&mut self) -> Result<(), BackupError> {
        let came = self.link.take_message_bytes() + std::mem::take(&mut self.chunk_bytes);
        if let Some(bytes) = self.credit.spend(came)? {
            self.link.send(ToAgent::Credit { bytes })?;
        }
        Ok(())
    }
}

/// What something counts that came, in bytes of chunks.
fn worth(up: &Up) -> u64 {
    let said = |count: usize| SAID * count as u64;
    match up {
        Up::Chunk(bytes) => bytes.len() as u64,
        Up::Message(FromAgent::Entries(batch)) => said(batch.entries.len() + 1),
        Up::Message(FromAgent::Dirs(dirs)) => said(dirs.len()),
        Up::Message(FromAgent::Chunks { chunks, .. }) => said(chunks.len()),
        Up::Message(FromAgent::FileEnd(_)) => said(1),
        Up::Message(_) => 0,
    }
}
