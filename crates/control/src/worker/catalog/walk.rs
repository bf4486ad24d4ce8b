//! The walk through one snapshot: directories are asked for ahead, taken part by part, and kept some thousand names at a time.

use std::sync::Arc;

use holdfast_db::KnownSnapshot;
use holdfast_db::catalog::{Cataloging, Directory, Listing, State};
use holdfast_model::monitor::Progress;
use holdfast_model::{Monitor, Time, TreeId};
use tokio::sync::mpsc::{Receiver, Sender};

use super::path::Path;
use super::{defect, lost};
use crate::work::Failure;
use crate::work::catalog::{ENTRIES_AT_ONCE, Part, Wanted};
use crate::worker::AtWork;

/// So many directories are asked for at once.
pub(super) const DIRECTORIES_AT_ONCE: usize = 200;

/// Whoever answers from the repository.
pub(super) struct Feed {
    pub(super) ask: Sender<Wanted>,
    pub(super) parts: Receiver<Part>,
}

/// A walk under way.
pub(super) struct Walk<'a> {
    cataloging: &'a mut Cataloging,
    feed: &'a mut Feed,
    at_work: &'a AtWork,
    /// Until when the chain is this job's, from now on.
    times: &'a (dyn Fn() -> (Time, Time) + Sync),
    stack: Vec<Ahead>,
    batch: Batch,
    done: Done,
    /// Names of the snapshots before.
    before: u64,
}

/// A directory that is still to be looked at; one without a tree is gone.
struct Ahead {
    directory: Directory,
    tree: Option<TreeId>,
    path: Arc<Path>,
}

/// What is kept at once, and where each of it is.
#[derive(Default)]
struct Batch {
    listings: Vec<Listing>,
    paths: Vec<Arc<Path>>,
    entries: usize,
}

/// What has come of a walk.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Names that were looked at.
    pub(super) names: u64,
    /// Directories that were.
    pub(super) directories: u64,
    /// What was left out.
    pub(super) warnings: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        cataloging: &'a mut Cataloging,
        feed: &'a mut Feed,
        at_work: &'a AtWork,
        times: &'a (dyn Fn() -> (Time, Time) + Sync),
        before: u64,
    ) -> Self {
        let (stack, batch, done) = (Vec::new(), Batch::default(), Done::default());
        Self { cataloging, feed, at_work, times, stack, batch, done, before }
    }

    /// Goes through all that is not as it was.
    pub(super) async fn run(mut self, root: TreeId) -> Result<Done, Failure> {
        if let Some(directory) = self.cataloging.root(root) {
            self.stack.push(Ahead { directory, tree: Some(root), path: Path::root() });
        }
        while !self.stack.is_empty() {
            // The last first: so fewer wait than if all of one depth came before the next.
            let next = self.stack.split_off(self.stack.len().saturating_sub(DIRECTORIES_AT_ONCE));
            for tree in next.iter().filter_map(|ahead| ahead.tree) {
                self.feed.ask(Wanted::Directory(tree)).await?;
            }
            for ahead in next {
                self.at_work.cancel.check().map_err(|_| Failure::Cancelled)?;
                self.take(&ahead).await?;
            }
            self.keep().await?;
        }
        Ok(self.done)
    }

    /// Takes one directory, part by part.
    async fn take(&mut self, ahead: &Ahead) -> Result<(), Failure> {
        let directory = ahead.directory;
        let state = ahead.tree.map_or(State::Gone, State::Tree);
        self.done.directories += 1;
        let mut listing = Listing { directory, state, is_first: true, is_last: false, entries: Vec::new() };
        while ahead.tree.is_some() {
            match self.feed.part().await? {
                Part::Entries(entries) => {
                    let is_first = listing.is_first && listing.entries.is_empty();
                    let next = Listing { directory, state, is_first, is_last: false, entries };
                    let before = std::mem::replace(&mut listing, next);
                    if !before.entries.is_empty() {
                        self.add(before, ahead).await?;
                    }
                }
                Part::End(faults) => {
                    for fault in faults {
                        self.warn(&format!("{}: {fault}", ahead.path));
                    }
                    break;
                }
                Part::Unreadable(why) => {
                    self.warn(&format!("{}: what is in it cannot be searched: {why}", ahead.path));
                    listing.state = State::Unknown;
                    break;
                }
                Part::Root(_) => return Err(defect()),
            }
        }
        listing.is_last = true;
        self.add(listing, ahead).await
    }

    async fn add(&mut self, listing: Listing, ahead: &Ahead) -> Result<(), Failure> {
        if self.batch.entries + listing.entries.len() > ENTRIES_AT_ONCE {
            self.keep().await?;
        }
        self.batch.entries += listing.entries.len();
        self.batch.listings.push(listing);
        self.batch.paths.push(ahead.path.clone());
        Ok(())
    }

    /// Keeps what has come together.
    async fn keep(&mut self) -> Result<(), Failure> {
        let Batch { listings, paths, entries } = std::mem::take(&mut self.batch);
        if listings.is_empty() {
            return Ok(());
        }
        self.done.names += entries as u64;
        let current = paths.last().map(|path| path.to_string());
        let progress = Progress { files_done: self.before + self.done.names, current, ..Progress::default() };
        self.at_work.notes.progress(&progress);
        for next in self.cataloging.keep((self.times)(), &listings).await.map_err(lost)? {
            let directory = next.directory;
            let Some((listing, place)) = next.found else {
                self.stack.push(Ahead { directory, tree: None, path: Path::root() });
                continue;
            };
            let entry = &listings[listing].entries[place];
            match Path::within(&paths[listing], &entry.name) {
                Some(path) => self.stack.push(Ahead { directory, tree: entry.tree, path }),
                None => self.warn(&format!("{}: what lies in one of it is too deep to be searched", paths[listing])),
            }
        }
        Ok(())
    }

    fn warn(&mut self, text: &str) {
        self.done.warnings += 1;
        self.at_work.notes.warning(text);
    }
}

impl Feed {
    pub(super) async fn root(&mut self, snapshot: &KnownSnapshot) -> Result<Result<TreeId, String>, Failure> {
        self.ask(Wanted::Root(snapshot.id)).await?;
        match self.part().await? {
            Part::Root(root) => Ok(root),
            _ => Err(defect()),
        }
    }

    async fn ask(&self, wanted: Wanted) -> Result<(), Failure> {
        self.ask.send(wanted).await.map_err(|_| stopped())
    }

    async fn part(&mut self) -> Result<Part, Failure> {
        self.parts.recv().await.ok_or_else(stopped)
    }
}

/// The thread has ended; why, it says itself.
fn stopped() -> Failure {
    Failure::Cancelled
}
