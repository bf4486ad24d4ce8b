//! Directories: made at once and closed to others, given their metadata when all beneath them is done.
//!
//! A directory that exists stays and takes what is new. What stands in the place of a directory and is none is never
//! followed: it is replaced where the overwrite mode allows that, else the directory and all beneath it fail, with one
//! report. One thread makes and closes directories, parents before what is in them.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::os::fd::{AsFd, OwnedFd};

use holdfast_wire::{Overwrite, RestoreOutcome};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, unlinkat};
use rustix::io::Errno;

use super::confine::Beneath;
use super::confine::target::{open_up, usual_dir_mode};
use super::delete;
use super::metadata::{Handle, hands_down_acl, set_mode};
use super::node::Node;
use super::node_path::{NodePath, split};
use super::overwrite::look;
use super::session::Session;
use super::trouble::Trouble;

/// How often a name is tried that somebody else keeps putting something under.
const ATTEMPTS: usize = 8;

/// The directories of a session that are not closed yet.
pub(super) struct Dirs {
    numbers: HashMap<u64, NodePath>,
    open: HashMap<NodePath, OpenDir>,
    /// Makes names comparable in 8 bytes each, by a key that nobody outside knows.
    hasher: RandomState,
    target_existed: bool,
}

struct OpenDir {
    /// `None` if the server sent only what is in it.
    node: Option<Node>,
    state: State,
    /// Hashes of the names that the snapshot has in it; only if others are to be deleted.
    keep: Option<HashSet<u64>>,
    /// Whether what is made in it gets no access control list from it.
    bare: bool,
}

/// A directory that this session made, and nobody but us can put anything into yet: what the snapshot has in it is missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fresh {
    /// Whether what is made in it has no attributes.
    pub(super) bare: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Made,
    Existed,
    /// A dry run would make it.
    Imagined,
    Failed,
}

impl Dirs {
    pub(super) fn new(target_existed: bool) -> Self {
        Self { numbers: HashMap::new(), open: HashMap::new(), hasher: RandomState::new(), target_existed }
    }

    /// Notes that the snapshot has something at this path, which is therefore not to be deleted.
    pub(super) fn keep(&mut self, path: &NodePath) {
        let Some((parent, name)) = path.split() else { return };
        let hash = self.hasher.hash_one(name);
        if let Some(keep) = self.open.get_mut(parent).and_then(|dir| dir.keep.as_mut()) {
            keep.insert(hash);
        }
    }

    /// Fails if the directory of this path could not be restored.
    pub(super) fn check_parent(&self, path: &NodePath) -> Result<(), Trouble> {
        let parent = path.split().and_then(|(parent, _)| self.open.get(parent));
        if parent.is_some_and(|dir| dir.state == State::Failed) { Err(Trouble::Above) } else { Ok(()) }
    }

    /// The directory that a path is in, if the session made it.
    pub(super) fn fresh_above(&self, path: &NodePath) -> Option<Fresh> {
        let (parent, _) = path.split()?;
        let dir = self.open.get(parent).filter(|dir| dir.state == State::Made)?;
        Some(Fresh { bare: dir.bare })
    }

    /// Whether what is made in a directory just made gets no access control list from it: it has one only if the
    /// directory above has one too.
    fn is_bare(&self, session: &Session, path: &NodePath, state: State) -> bool {
        let above = path.split().and_then(|(parent, _)| self.open.get(parent));
        state == State::Made
            && (above.is_some_and(|above| above.bare)
                || session.tree.dir(path.as_bytes()).is_ok_and(|dir| !hands_down_acl(Handle::Path(dir.as_fd()))))
    }

    /// Makes the directories above a path that the server did not send, as it does for a selection.
    pub(super) fn ensure_parent(&mut self, session: &Session, path: &NodePath) {
        let mut missing = Vec::new();
        let mut above = path.split().map(|(parent, _)| parent);
        while let Some(parent) = above.filter(|parent| !parent.is_empty() && !self.open.contains_key(*parent)) {
            missing.push(NodePath::ancestor(parent));
            above = Some(split(parent).0);
        }
        for path in missing.into_iter().rev() {
            let made = self.check_parent(&path).and_then(|()| self.make_dir(session, &path));
            let state = made.unwrap_or_else(|trouble| {
                session.trouble_at(path.as_bytes(), &trouble);
                State::Failed
            });
            let bare = self.is_bare(session, &path, state);
            self.open.insert(path, OpenDir { node: None, state, keep: None, bare });
        }
    }

    /// Makes a directory. `whole` says that the snapshot has all that was in it.
    pub(super) fn make(&mut self, session: &Session, node: Node, whole: bool) {
        if self.open.contains_key(&node.path) {
            let trouble = Trouble::told("restore", "the snapshot has this name twice");
            return session.fail_node(&node, &trouble);
        }
        let path = node.path.clone();
        let made = self.check_parent(&path).and_then(|()| self.make_dir(session, &path));
        let state = made.unwrap_or_else(|trouble| {
            session.fail_node(&node, &trouble);
            State::Failed
        });
        let keep = (session.job.delete && whole && state == State::Existed).then(HashSet::new);
        self.numbers.insert(node.number, path.clone());
        let bare = self.is_bare(session, &path, state);
        self.open.insert(path, OpenDir { node: Some(node), state, keep, bare });
    }

    fn make_dir(&self, session: &Session, path: &NodePath) -> Result<State, Trouble> {
        let Some((parent, name)) = path.split() else {
            return Ok(match session.tree.dir(b"") {
                Err(_) => State::Imagined,
                Ok(dir) if self.target_existed || !is_closed_to_others(&dir) => State::Existed,
                Ok(_) => State::Made,
            });
        };
        let dir = match session.tree.dir(parent) {
            Err(_) if session.job.dry_run => return Ok(State::Imagined),
            dir => dir.map_err(Trouble::os("open its directory"))?,
        };
        if session.job.dry_run {
            return imagine(session, &dir, name);
        }
        for _ in 0..ATTEMPTS {
            let mut state = match mkdirat(&dir, name, Mode::RWXU) {
                Ok(()) => State::Made,
                Err(Errno::EXIST) => State::Existed,
                Err(errno) => return Err(Trouble::write("create")(errno)),
            };
            match Beneath::child(&dir, name) {
                Ok(opened) => {
                    // Where others may rename, it need not be the one that was made.
                    if state == State::Made && !is_closed_to_others(&opened) {
                        state = State::Existed;
                    }
                    if state == State::Existed && !session.metadata.is_root() {
                        let_self_in(&opened);
                    }
                    session.tree.adopt(path.as_bytes(), opened).map_err(Trouble::os("open"))?;
                    return Ok(state);
                }
                Err(Errno::NOENT) => {}
                Err(Errno::NOTDIR | Errno::LOOP) => replace(session, &dir, name)?,
                Err(errno) => return Err(Trouble::os("open")(errno)),
            }
        }
        Err(Trouble::told("create", "somebody keeps putting something else in its place"))
    }

    /// The paths of directories that are open.
    pub(super) fn paths(&self, numbers: &[u64]) -> HashSet<NodePath> {
        numbers.iter().filter_map(|number| self.numbers.get(number)).cloned().collect()
    }

    /// Deletes what does not belong in a directory, if that is wanted, and sets its metadata. No file in it is waited for
    /// any more.
    pub(super) fn close(&mut self, session: &Session, number: u64) {
        let Some(path) = self.numbers.remove(&number) else { return };
        let Some(OpenDir { node: Some(node), state, keep, bare }) = self.open.remove(&path) else { return };
        match state {
            State::Failed => {}
            State::Imagined => session.report.outcome(number, RestoreOutcome::Restored),
            State::Made | State::Existed => match self.finish(session, &node, state, keep.as_ref(), bare) {
                Ok(outcome) => session.report.outcome(number, outcome),
                Err(trouble) => session.fail_node(&node, &trouble),
            },
        }
        session.tree.release(path.as_bytes());
    }

    fn finish(
        &self,
        session: &Session,
        node: &Node,
        state: State,
        keep: Option<&HashSet<u64>>,
        bare: bool,
    ) -> Result<RestoreOutcome, Trouble> {
        let held = session.tree.dir(node.path.as_bytes()).map_err(Trouble::os("open"))?;
        let mut whole = true;
        if let Some(keep) = keep {
            whole = self.delete_others(session, node, &held, keep)?;
        }
        let outcome = match state {
            State::Existed if session.job.overwrite == Overwrite::Never => RestoreOutcome::Skipped,
            State::Existed => RestoreOutcome::Unchanged,
            _ => RestoreOutcome::Restored,
        };
        if !session.job.dry_run && outcome != RestoreOutcome::Skipped {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let real = openat(&*held, c".", flags, Mode::empty());
            let handle = real.as_ref().map_or(Handle::Path(held.as_fd()), |real| Handle::Real(real.as_fd()));
            let stat = fstat(&*held).map_err(Trouble::os("open"))?;
            whole &= session.apply_metadata(handle, (&stat).into(), node, bare);
        }
        Ok(if whole { outcome } else { RestoreOutcome::Failed })
    }

    fn delete_others(
        &self,
        session: &Session,
        node: &Node,
        held: &OwnedFd,
        keep: &HashSet<u64>,
    ) -> Result<bool, Trouble> {
        let mut whole = true;
        delete::each_name(held, |name| {
            if keep.contains(&self.hasher.hash_one(name)) || session.is_stopped() {
                return;
            }
            let mut path = node.path.as_bytes().to_vec();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            whole &= delete::tree(session, held, &path, name);
        })
        .map_err(Trouble::os("list"))?;
        Ok(whole)
    }

    /// Closes what the server left open, deepest first; nothing is deleted there, for more may have been to come.
    pub(super) fn close_rest(&mut self, session: &Session) {
        let mut rest: Vec<NodePath> = self.open.keys().cloned().collect();
        rest.sort_unstable_by_key(|path| std::cmp::Reverse(path.as_bytes().len()));
        let usual = usual_dir_mode();
        for path in rest {
            let Some(dir) = self.open.get_mut(&path) else { continue };
            dir.keep = None;
            match &dir.node {
                Some(node) => {
                    let number = node.number;
                    self.close(session, number);
                }
                None if dir.state == State::Made => {
                    let opened = session.tree.dir(path.as_bytes()).and_then(|dir| open_up(&dir, usual));
                    if let Err(errno) = opened {
                        session.trouble_at(path.as_bytes(), &Trouble::os("set the permissions")(errno));
                    }
                }
                None => {}
            }
        }
    }
}

/// Whether what stands in the place of a directory may be replaced.
fn check_replace(session: &Session, found: &Stat) -> Result<(), Trouble> {
    if matches!(session.job.overwrite, Overwrite::Always | Overwrite::IfChanged) {
        return Ok(());
    }
    let what = match FileType::from_raw_mode(found.st_mode) {
        FileType::Symlink => "a symbolic link",
        _ => "something else",
    };
    Err(Trouble::told(
        "create",
        format!("{what} is in the directory's place, and is not replaced in this overwrite mode"),
    ))
}

fn replace(session: &Session, dir: &OwnedFd, name: &[u8]) -> Result<(), Trouble> {
    let Some(found) = look(dir, name)? else { return Ok(()) };
    if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
        return Ok(());
    }
    check_replace(session, &found)?;
    match unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT | Errno::ISDIR) => Ok(()),
        Err(errno) => Err(Trouble::os("replace")(errno)),
    }
}

fn imagine(session: &Session, dir: &OwnedFd, name: &[u8]) -> Result<State, Trouble> {
    match look(dir, name)? {
        None => Ok(State::Imagined),
        Some(found) if FileType::from_raw_mode(found.st_mode) == FileType::Directory => Ok(State::Existed),
        Some(found) => check_replace(session, &found).map(|()| State::Imagined),
    }
}

/// A user who is not root can be shut out of a directory of their own, as an earlier restore may have left it.
fn let_self_in(dir: &OwnedFd) {
    let Ok(stat) = fstat(dir) else { return };
    if stat.st_mode & 0o700 != 0o700 && stat.st_uid == rustix::process::geteuid().as_raw() {
        // If this fails, so will what is done in the directory, and that is reported.
        let _ = set_mode(Handle::Path(dir.as_fd()), stat.st_mode & 0o7777 | 0o700);
    }
}

/// Whether a directory is ours and nobody else can put anything into it: what nobody but us could have made.
fn is_closed_to_others(dir: &OwnedFd) -> bool {
    fstat(dir).is_ok_and(|stat| stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o077 == 0)
}

#[cfg(test)]
mod tests {
    use std::fs::{File, Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_directory_that_others_may_use_is_not_taken_for_one_just_made() {
        let dir = tempfile::tempdir().unwrap();
        for (mode, closed) in [(0o700, true), (0o710, false), (0o755, false), (0o701, false)] {
            set_permissions(dir.path(), Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_closed_to_others(&File::open(dir.path()).unwrap().into()), closed, "{mode:o}");
        }
    }
}
