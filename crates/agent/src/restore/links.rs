//! Hard links: further names of nodes that were restored earlier in the session.
//!
//! A link waits until its first name is in place; it is made from that name and must then be the same file, else it is
//! taken away again. Only nodes that the snapshot says have several names are remembered, until all have been made.

use std::collections::HashMap;
use std::os::fd::OwnedFd;

use holdfast_wire::RestoreOutcome;
use parking_lot::Mutex;
use rustix::fs::{AtFlags, linkat, unlinkat};
use rustix::io::Errno;

use super::confine::Identity;
use super::node::Node;
use super::node_path::NodePath;
use super::overwrite::{leaves, look};
use super::session::Session;
use super::trouble::Trouble;

/// First names, by the number of their node.
#[derive(Default)]
pub(super) struct Links(Mutex<HashMap<u64, First>>);

struct First {
    path: NodePath,
    state: State,
    /// Further names that may still come.
    left: u64,
}

enum State {
    /// Not in place yet; these further names wait.
    Expected(Vec<Node>),
    /// In place, as this file; `None` in a dry run that would make it.
    Ready(Option<Identity>),
    Failed,
}

impl Session {
    /// The node may get further names. Called before anything is done about it.
    pub(super) fn expect_links(&self, node: &Node) {
        if node.entry.links > 1 {
            let first =
                First { path: node.path.clone(), state: State::Expected(Vec::new()), left: node.entry.links - 1 };
            self.links.0.lock().insert(node.number, first);
        }
    }

    /// A node is in place: makes the names that waited for it.
    pub(super) fn links_ready(&self, node: &Node, identity: Option<Identity>) {
        self.settle(node, State::Ready(identity));
    }

    /// A node is not restored: neither are its further names.
    pub(super) fn links_failed(&self, node: &Node) {
        self.settle(node, State::Failed);
    }

    fn settle(&self, node: &Node, state: State) {
        if node.entry.links < 2 {
            return;
        }
        let waiting = match self.links.0.lock().get_mut(&node.number) {
            Some(first) => match std::mem::replace(&mut first.state, state) {
                State::Expected(waiting) => waiting,
                _ => Vec::new(),
            },
            None => Vec::new(),
        };
        for link in waiting {
            self.place_link(node.number, link);
        }
    }

    /// Makes a further name of a node, now or once that is in place.
    pub(super) fn place_link(&self, first: u64, link: Node) {
        let made = {
            let mut links = self.links.0.lock();
            match links.get_mut(&first) {
                None => Err(Trouble::told("link", "the snapshot names no earlier file that this is a further name of")),
                Some(First { state: State::Expected(waiting), .. }) => {
                    waiting.push(link);
                    return;
                }
                Some(First { state: State::Failed, path, .. }) => {
                    let message = format!("its first name {path:?} was not restored");
                    Err(Trouble::told("link", message))
                }
                Some(First { state: State::Ready(identity), path, left }) => {
                    let found = (path.clone(), *identity);
                    *left -= 1;
                    if *left == 0 {
                        links.remove(&first);
                    }
                    Ok(found)
                }
            }
        };
        match made.and_then(|(path, identity)| self.link(&path, identity, &link)) {
            Ok(outcome) => self.report.outcome(link.number, outcome),
            Err(trouble) => {
                self.trouble(&link, &trouble);
                self.report.outcome(link.number, RestoreOutcome::Failed);
            }
        }
    }

    fn link(&self, first: &NodePath, identity: Option<Identity>, link: &Node) -> Result<RestoreOutcome, Trouble> {
        let (Some((first_parent, first_name)), Some((parent, name))) = (first.split(), link.path.split()) else {
            return Err(Trouble::told("link", "the target itself has no further names"));
        };
        let dir = match self.tree.dir(parent) {
            Err(_) if self.job.dry_run => return Ok(RestoreOutcome::Restored),
            dir => dir.map_err(Trouble::os("open its directory"))?,
        };
        if let Some(found) = look(&dir, name)? {
            if identity == Some(Identity::from(&found)) {
                return Ok(RestoreOutcome::Unchanged);
            }
            if leaves(self.job.overwrite, &found, link.entry.mtime) {
                return Ok(RestoreOutcome::Skipped);
            }
            if !self.job.dry_run {
                self.clear_place(&dir, link.path.as_bytes(), name, &found)?;
            }
        }
        let (false, Some(identity)) = (self.job.dry_run, identity) else { return Ok(RestoreOutcome::Restored) };
        let first_dir = self.tree.dir(first_parent).map_err(Trouble::os("open the first name's directory"))?;
        make((&first_dir, first_name), (&dir, name), identity)?;
        Ok(RestoreOutcome::Restored)
    }
}

fn make(old: (&OwnedFd, &[u8]), new: (&OwnedFd, &[u8]), identity: Identity) -> Result<(), Trouble> {
    match linkat(old.0, old.1, new.0, new.1, AtFlags::empty()) {
        Ok(()) => {}
        Err(errno @ (Errno::NOSPC | Errno::DQUOT | Errno::ROFS)) => return Err(Trouble::write("link")(errno)),
        Err(errno) => return Err(Trouble::os("link")(errno)),
    }
    if look(new.0, new.1)?.is_some_and(|stat| Identity::from(&stat) == identity) {
        return Ok(());
    }
    let _ = unlinkat(new.0, new.1, AtFlags::empty());
    Err(Trouble::told("link", "somebody put another file in the place of its first name"))
}
