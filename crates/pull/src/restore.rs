//! A restore: nodes and blobs of one snapshot are sent to one agent, which writes them beneath a target.
//!
//! Nodes go out in windows, so that both sides hold a bounded part of the tree. Within a window each blob is read and
//! sent once, in the order of the packs, to all places that need it. While the blobs of one window are on their way, the
//! agent gets the nodes of the next and the one after that is made: never more than these three. What is read from the
//! repository is authenticated here; the agent decompresses it and proves each blob against its id before it writes.

mod error;
mod nodes;
mod origin;
mod outcomes;
mod plan;
mod selection;
mod unfinished;
mod unreadable;
mod window;
mod witness;

use std::thread;

use crossbeam_channel::{Receiver, never};
use holdfast_model::monitor::{ItemError, Phase, Progress};
use holdfast_model::{CancelToken, Cancelled, Monitor, TreeId};
use holdfast_repo::Repository;
use holdfast_wire::{BlobHeader, FromAgent, Need, Overwrite, RestoreJob, RestoreOutcome, ToAgent, ViolationClass};
use serde_bytes::ByteBuf;

use crate::Violation;
use crate::link::{ClientLink, LinkError, Traffic, Up};
use crate::problems::Problems;
use crate::text::printable_path;

use self::nodes::{Broken, NodeWalk};
use self::outcomes::Outcomes;
use self::plan::{Needs, Stored};
use self::unfinished::Unfinished;
use self::unreadable::Unreadable;
use self::window::{Window, walk_ahead};
use self::witness::Witnessing;

pub use error::RestoreError;
pub use origin::Origin;
pub use selection::{All, Selection};
pub use witness::{Witness, Witnessed};

/// What to restore, and how.
pub struct RestoreRequest<'a> {
    /// The tree whose content comes beneath the target.
    pub tree: TreeId,
    /// An absolute directory on the machine of the agent.
    pub target: Vec<u8>,
    /// What to do with files that exist.
    pub overwrite: Overwrite,
    /// Whether to delete what the snapshot does not hold.
    pub delete: bool,
    /// Whether to read back what was written.
    pub verify: bool,
    /// Whether only to say what would be done.
    pub dry_run: bool,
    /// Whether owners go by their names where the agent's machine knows them, and not by their numbers.
    pub owners_by_name: bool,
    /// Which paths to restore, as `/`-separated paths beneath the tree with a leading `/`.
    pub selection: &'a dyn Selection,
    /// Paths, as in the selection, beneath which the snapshot holds every directory as a whole, so that what it does
    /// not hold may be deleted there. Empty when only a part is restored.
    pub whole_beneath: &'a [Vec<u8>],
    /// Files and bytes that there will be, for the display of progress; if that is known.
    pub expected: Option<(u64, u64)>,
}

/// What a restore did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RestoreReport {
    /// Nodes made or written.
    pub restored: u64,
    /// Nodes that were as they should be.
    pub unchanged: u64,
    /// Nodes left alone because of the overwrite mode.
    pub skipped: u64,
    /// Nodes that could not be restored wholly.
    pub failed: u64,
    /// Entries deleted because the snapshot does not hold them.
    pub deleted: u64,
    /// Bytes of the files in the selection.
    pub total_bytes: u64,
    /// Nodes that belong to the restoring user, or lack an attribute, because only root may set what they should have.
    pub owners_kept: u64,
    /// Plaintext bytes that had to be written.
    pub bytes_written: u64,
    /// Problems reported, of whatever kind.
    pub problems: u64,
    /// Bytes on the connection.
    pub traffic: Traffic,
}

/// Restores through the agent at the other end of `link`, greeted before.
pub fn restore(
    repository: &Repository,
    link: &mut dyn ClientLink,
    request: &RestoreRequest<'_>,
    monitor: &dyn Monitor,
    cancel: &CancelToken,
) -> Result<RestoreReport, RestoreError> {
    begin(repository, link, request, (monitor, None), cancel)
}

/// Does the same, and tells a witness what becomes of each node.
pub fn restore_before(
    witness: &mut dyn Witness,
    repository: &Repository,
    link: &mut dyn ClientLink,
    request: &RestoreRequest<'_>,
    monitor: &dyn Monitor,
    cancel: &CancelToken,
) -> Result<RestoreReport, RestoreError> {
    begin(repository, link, request, (monitor, Some(Witnessing::new(witness))), cancel)
}

fn begin<'a>(
    repository: &Repository,
    link: &'a mut dyn ClientLink,
    request: &RestoreRequest<'_>,
    (monitor, witness): (&'a dyn Monitor, Option<Witnessing<'a>>),
    cancel: &CancelToken,
) -> Result<RestoreReport, RestoreError> {
    let walk = NodeWalk::new(repository, request)?;
    link.send(ToAgent::Restore(RestoreJob {
        target: ByteBuf::from(request.target.clone()),
        overwrite: request.overwrite,
        delete: request.delete,
        verify: request.verify,
        dry_run: request.dry_run,
        owners_by_name: request.owners_by_name,
    }))?;
    monitor.phase(Phase::Restoring);
    let progress = Progress {
        files_total: request.expected.map(|(files, _)| files),
        bytes_total: request.expected.map(|(_, bytes)| bytes),
        ..Progress::default()
    };
    let mut session = Session {
        link,
        monitor,
        witness,
        report: RestoreReport::default(),
        progress,
        outcomes: Outcomes::default(),
        problems: Problems::default(),
        unfinished: Unfinished::default(),
        unreadable: Unreadable::default(),
    };
    let ended = thread::scope(|scope| session.run(repository, walk_ahead(scope, walk, cancel), cancel));
    ended.map_err(|error| {
        if !request.dry_run {
            session.unfinished.tell(monitor, &request.target);
        }
        // What breaks because it was to end has not failed.
        if cancel.is_cancelled() { Cancelled.into() } else { error }
    })
}

struct Session<'a> {
    link: &'a mut dyn ClientLink,
    monitor: &'a dyn Monitor,
    witness: Option<Witnessing<'a>>,
    report: RestoreReport,
    progress: Progress,
    outcomes: Outcomes,
    problems: Problems,
    unfinished: Unfinished,
    unreadable: Unreadable,
}

impl Session<'_> {
    /// Restores window by window. That the windows are owned here ends whoever makes them, whatever happens.
    fn run(
        &mut self,
        repository: &Repository,
        windows: Receiver<Result<Window, RestoreError>>,
        cancel: &CancelToken,
    ) -> Result<RestoreReport, RestoreError> {
        let mut next = windows.recv().ok().transpose()?;
        if let Some(first) = &mut next {
            self.announce(first)?;
        }
        while let Some(window) = next {
            next = self.send_window(repository, window, &windows, cancel)?;
        }
        cancel.check()?;
        self.finish()
    }

    /// Tells the agent of the nodes of a window.
    fn announce(&mut self, window: &mut Window) -> Result<(), RestoreError> {
        for Broken { path, why, is_damage } in window.broken() {
            self.problem(&ItemError { path: printable_path(path), during: "read".into(), message: why.clone() });
            self.unreadable.lost += u64::from(*is_damage);
            self.report.failed += 1;
        }
        self.outcomes.expect(window.end());
        for message in window.take_messages() {
            if let Some(witness) = &mut self.witness {
                witness.announce(&message);
            }
            self.unfinished.announce(&message);
            self.link.send(message)?;
        }
        Ok(self.link.send(ToAgent::WindowEnd)?)
    }

    /// Sends the blobs of a window whose nodes the agent has, and the nodes of the next in between.
    fn send_window(
        &mut self,
        repository: &Repository,
        mut window: Window,
        windows: &Receiver<Result<Window, RestoreError>>,
        cancel: &CancelToken,
    ) -> Result<Option<Window>, RestoreError> {
        let mut needs = Needs::of(&window);
        while !needs.is_complete() {
            let up = self.link.recv()?;
            if let Some(answers) = self.take(up)? {
                needs.learn(&window, answers)?;
            }
        }
        self.report.total_bytes += window.bytes();
        let there = window.bytes().saturating_sub(needs.bytes());
        self.progress.bytes_done += there;
        self.progress.bytes_skipped += there;
        let plan = needs.plan(&window);
        let next = thread::scope(|scope| {
            // Owned here, so that an early end closes the queue and the threads that read end too.
            let read = plan.read(scope, repository, cancel);
            self.send_blobs(&read, windows, cancel)
        })?;
        let closed = window.take_closed();
        if !closed.is_empty() {
            self.link.send(ToAgent::CloseDirs(closed))?;
        }
        Ok(next)
    }

    /// Passes on what is read until that ends; announces the next window as soon as there is one, and gives it back.
    fn send_blobs(
        &mut self,
        read: &Receiver<Stored>,
        windows: &Receiver<Result<Window, RestoreError>>,
        cancel: &CancelToken,
    ) -> Result<Option<Window>, RestoreError> {
        let (no_blobs, no_windows) = (never(), never());
        let (mut reading, mut walking, mut next) = (true, true, None);
        while reading || walking {
            cancel.check()?;
            crossbeam_channel::select! {
                recv(if reading { read } else { &no_blobs }) -> stored => match stored {
                    Ok(stored) => self.pass_on(stored)?,
                    Err(_) => reading = false,
                },
                recv(if walking { windows } else { &no_windows }) -> window => {
                    walking = false;
                    if let Ok(window) = window {
                        let mut window = window?;
                        self.announce(&mut window)?;
                        next = Some(window);
                    }
                }
            }
        }
        cancel.check()?;
        Ok(next)
    }

    /// Sends blobs that were read.
    fn pass_on(&mut self, stored: Stored) -> Result<(), RestoreError> {
        match stored {
            Err((pack, error)) => {
                if let Some(problem) = self.unreadable.take(pack, error) {
                    self.problem(&problem);
                }
            }
            Ok(blobs) => {
                blobs.iter().for_each(|(header, _)| self.unfinished.send(header));
                let written = |header: &BlobHeader| u64::from(header.len) * header.targets.len() as u64;
                let written: u64 = blobs.iter().map(|(header, _)| written(header)).sum();
                self.report.bytes_written += written;
                self.progress.bytes_done += written;
                self.link.send_blobs(blobs)?;
            }
        }
        self.monitor.progress(&self.progress);
        Ok(())
    }

    /// Tells the agent that all is sent and waits for its last word.
    fn finish(&mut self) -> Result<RestoreReport, RestoreError> {
        self.link.send(ToAgent::Finish)?;
        loop {
            match self.link.recv()? {
                Up::Message(FromAgent::RestoreEnd { deleted, owners_kept }) => {
                    self.outcomes.all()?;
                    (self.report.deleted, self.report.owners_kept) = (deleted, owners_kept);
                    self.report.traffic = self.link.finish();
                    return match self.unreadable.nothing_left(&self.unfinished) {
                        Some(nothing) => Err(nothing),
                        None => Ok(self.report),
                    };
                }
                up => {
                    if self.take(up)?.is_some() {
                        return Err(unexpected("answers after the end").into());
                    }
                }
            }
        }
    }

    /// Takes note of what the agent says; gives back its answers about contents.
    fn take(&mut self, up: Up) -> Result<Option<Vec<Need>>, RestoreError> {
        match up {
            Up::Message(FromAgent::Needs(needs)) => {
                self.unfinished.needs(&needs);
                return Ok(Some(needs));
            }
            Up::Message(FromAgent::Restored(nodes)) => {
                for node in nodes {
                    self.outcomes.take(node.node)?;
                    self.unfinished.end(node.node, node.outcome);
                    if let Some(witness) = &mut self.witness {
                        witness.take(node.node, node.outcome);
                    }
                    *match node.outcome {
                        RestoreOutcome::Restored => &mut self.report.restored,
                        RestoreOutcome::Unchanged => &mut self.report.unchanged,
                        RestoreOutcome::Skipped => &mut self.report.skipped,
                        RestoreOutcome::Failed => &mut self.report.failed,
                    } += 1;
                    self.progress.files_done += 1;
                }
                self.monitor.progress(&self.progress);
            }
            Up::Message(FromAgent::Problem { path, during, message }) => {
                self.report.problems += 1;
                self.progress.errors += 1;
                self.problems.tell(self.monitor, &path, during, message)?;
            }
            Up::Message(FromAgent::Refused { message }) => return Err(LinkError::Refused(message).into()),
            _ => return Err(unexpected("a message that belongs to a backup").into()),
        }
        Ok(None)
    }

    /// Something could not be read from the repository.
    fn problem(&mut self, error: &ItemError) {
        self.report.problems += 1;
        self.progress.errors += 1;
        self.monitor.item_error(error);
    }
}

fn unexpected(what: &str) -> Violation {
    Violation::new(ViolationClass::Protocol, what)
}
