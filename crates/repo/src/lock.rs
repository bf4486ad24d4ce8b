//! Locks: files by which programs that use a repository at the same time know of each other.
//!
//! Shared locks go together; an exclusive one goes with none. A lock is written first and the others are listed
//! afterwards, so that of two programs at least one sees the other. They are restic's (its design document, "Locks"),
//! with a field of ours that says since when the session runs, and what its process is. What a lock protects is not
//! known here.

mod document;
mod guard;

use std::collections::HashSet;
use std::fmt;
use std::thread;
use std::time::Duration;

use holdfast_model::{CancelToken, Id, LockId, Timestamp};
use holdfast_store::{ErrorKind, FileKind, Pause};

pub(crate) use document::LockDocument;
pub use guard::{LockGuard, LockWatch};

use crate::Repository;
use crate::error::{FileFault, RepoError};
use crate::process::Process;
use crate::time::ZonedTime;

/// A lock that was not refreshed for this long belongs to a program that has ended or has given it up.
pub(crate) const STALE_AFTER: Duration = Duration::from_secs(30 * 60);

/// How long storages may take to show a new file in a listing: taking a lock lasts at least as long.
pub const LOCK_SETTLE: Duration = Duration::from_millis(200);

/// How often a lock that can't be read is tried, a second apart: its upload may not be finished.
const READ_ATTEMPTS: u32 = 3;

/// Longest time between two attempts to get a lock.
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// What a lock goes together with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// With other shared ones: for reading, and for adding.
    Shared,
    /// With none: for removing.
    Exclusive,
}

/// A lock, to be shown and judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockInfo {
    /// The id of its file, which changes with each refresh.
    pub id: LockId,
    /// When it was last refreshed.
    pub time: ZonedTime,
    /// Whether it goes with no other.
    pub exclusive: bool,
    /// The machine.
    pub hostname: String,
    /// The user.
    pub username: String,
    /// The process.
    pub pid: i32,
    /// Since when the session runs. Only ours say it; `None` is a lock of restic's.
    pub started: Option<ZonedTime>,
    /// Whether its process is surely dead: it ran on this machine and is gone.
    pub dead: bool,
}

impl LockInfo {
    /// Whether nobody holds it any more: its process is dead, or it was not refreshed for half an hour.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.dead || now.since(self.time.at) > STALE_AFTER
    }
}

impl fmt::Display for LockInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { username, hostname, pid, time, .. } = self;
        let how = if self.exclusive { "exclusive" } else { "shared" };
        write!(f, "process {pid} of {username} on {hostname} ({how}, last refreshed {time})")
    }
}

impl Repository {
    /// Takes a lock, or fails with [`RepoError::Locked`] after the patience that the repository was opened with.
    ///
    /// Locks of ours whose process on this machine is dead are removed. Restic's say too little for that: they name the
    /// host, and containers and machines share names. They wait for [`unlock`](Self::unlock).
    pub fn lock(&self, mode: LockMode, pause: &dyn Pause) -> Result<LockGuard, RepoError> {
        self.lock_within(mode, self.lock_patience(), pause)
    }

    /// As [`lock`](Self::lock), doing work that only reads meanwhile, and whose result counts only under the lock.
    ///
    /// Whoever takes a lock that excludes this one does nothing before the time in which it would find this one is over,
    /// so that what is read meanwhile is whole. If the lock is not given after all, the work's token is cancelled and its
    /// result dropped; it is done anew when the lock is waited for.
    pub fn lock_while<T>(
        &self,
        mode: LockMode,
        pause: &dyn Pause,
        cancel: &CancelToken,
        mut work: impl FnMut(&CancelToken) -> T,
    ) -> Result<(LockGuard, T), RepoError> {
        self.patiently(self.lock_patience(), pause, || {
            let (guard, harmless) = self.announce_lock(mode, pause)?;
            let stop = CancelToken::new();
            let stopped = stop.clone();
            cancel.on_cancel(move || stopped.cancel());
            thread::scope(|scope| {
                let settled =
                    scope.spawn(|| self.settle_lock(guard, harmless, mode, pause).inspect_err(|_| stop.cancel()));
                let done = work(&stop);
                let guard = settled.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                Ok((guard, done))
            })
        })
    }

    /// Takes a lock, and waits for it so long if need be.
    fn lock_within(&self, mode: LockMode, patience: Duration, pause: &dyn Pause) -> Result<LockGuard, RepoError> {
        self.patiently(patience, pause, || {
            let (guard, harmless) = self.announce_lock(mode, pause)?;
            self.settle_lock(guard, harmless, mode, pause)
        })
    }

    /// Tries so long to take a lock while others hold theirs.
    fn patiently<T>(
        &self,
        patience: Duration,
        pause: &dyn Pause,
        mut attempt: impl FnMut() -> Result<T, RepoError>,
    ) -> Result<T, RepoError> {
        let (mut left, mut next) = (patience, Duration::from_secs(5));
        loop {
            match attempt() {
                Err(RepoError::Locked { .. }) if !left.is_zero() => {}
                result => return result,
            }
            next = next.min(left);
            left -= next;
            wait(pause, next)?;
            next = (next * 2).min(LONGEST_RETRY);
        }
    }

    /// Writes a lock's file if no other lock is in the way; gives the locks that were found to be no hindrance.
    fn announce_lock(&self, mode: LockMode, pause: &dyn Pause) -> Result<(LockGuard, HashSet<LockId>), RepoError> {
        let mut harmless = HashSet::new();
        self.remove_leftover_locks();
        self.check_other_locks(mode, &mut harmless, pause)?;
        let us = Process::current();
        let document = LockDocument::new(&us, mode == LockMode::Exclusive, self.clock().now());
        let id = self.write_lock(&document)?;
        harmless.insert(id);
        Ok((LockGuard::new(self.clone(), document, id), harmless))
    }

    /// Waits until everybody who locked at the same moment can be seen, and looks again.
    fn settle_lock(
        &self,
        guard: LockGuard,
        mut harmless: HashSet<LockId>,
        mode: LockMode,
        pause: &dyn Pause,
    ) -> Result<LockGuard, RepoError> {
        wait(pause, LOCK_SETTLE)?;
        self.check_other_locks(mode, &mut harmless, pause)?;
        guard.start();
        Ok(guard)
    }

    /// All locks. Those that vanish while they are read are left out, and empty files, which are cut-off uploads.
    pub fn locks(&self) -> Result<Vec<LockInfo>, RepoError> {
        let us = Process::current();
        let mut locks = Vec::new();
        for id in self.lock_ids()? {
            locks.extend(self.read_lock(id, &us)?);
        }
        Ok(locks)
    }

    /// Removes the locks that nobody holds any more, or `all` of them; says how many that were.
    ///
    /// With `all`, whoever holds one of them and finds it gone stops writing; restic does not, for up to five minutes.
    pub fn unlock(&self, all: bool) -> Result<usize, RepoError> {
        let us = Process::current();
        let now = self.clock().now();
        let mut removed = 0;
        for id in self.lock_ids()? {
            let stale = all || self.read_lock(id, &us)?.is_some_and(|lock| lock.is_stale(now));
            removed += usize::from(stale && self.remove_lock(id)?);
        }
        Ok(removed)
    }

    /// Fails if a lock excludes one of ours, except for those known as `harmless`.
    fn check_other_locks(
        &self,
        mode: LockMode,
        harmless: &mut HashSet<LockId>,
        pause: &dyn Pause,
    ) -> Result<(), RepoError> {
        let us = Process::current();
        let mut holders = Vec::new();
        for id in self.lock_ids()? {
            if harmless.contains(&id) {
                continue;
            }
            let Some(lock) = self.read_lock_patiently(id, &us, pause)? else { continue };
            if lock.dead && lock.started.is_some() {
                self.remove_lock(id)?;
            } else if lock.exclusive || mode == LockMode::Exclusive {
                holders.push(lock);
            } else {
                harmless.insert(id);
            }
        }
        if holders.is_empty() { Ok(()) } else { Err(RepoError::Locked { location: self.location(), holders }) }
    }

    fn lock_ids(&self) -> Result<Vec<LockId>, RepoError> {
        let files = self.store().list(FileKind::Lock)?;
        Ok(files.into_iter().filter(|file| file.size > 0).map(|file| file.id.into()).collect())
    }

    fn read_lock_patiently(&self, id: LockId, us: &Process, pause: &dyn Pause) -> Result<Option<LockInfo>, RepoError> {
        for _ in 1..READ_ATTEMPTS {
            match self.read_lock(id, us) {
                Err(RepoError::Damaged { .. }) => wait(pause, Duration::from_secs(1))?,
                result => return result,
            }
        }
        self.read_lock(id, us)
    }

    /// `None` if it is gone.
    fn read_lock(&self, id: LockId, us: &Process) -> Result<Option<LockInfo>, RepoError> {
        let bytes = match self.load_unpacked(FileKind::Lock, &id.into()) {
            Err(RepoError::Storage { source }) if source.kind() == ErrorKind::NotFound => return Ok(None),
            result => result?,
        };
        let document: LockDocument = serde_json::from_slice(&bytes).map_err(|source| {
            RepoError::damaged(FileKind::Lock, &id.into(), self.location(), FileFault::Document { source })
        })?;
        Ok(Some(document.into_info(id, us, self.clock().now())))
    }

    pub(crate) fn write_lock(&self, document: &LockDocument) -> Result<LockId, RepoError> {
        self.save_unpacked_any_version(FileKind::Lock, &crate::json::to_vec(document)).map(LockId::from)
    }

    /// As [`remove_lock`](Self::remove_lock); what cannot be removed now is remembered. To others it would look alive as
    /// long as this process lives.
    fn remove_lock_later(&self, id: LockId) -> Result<bool, RepoError> {
        self.remove_lock(id).inspect_err(|_| self.leave_lock(id))
    }

    fn leave_lock(&self, id: LockId) {
        self.leftover_locks().lock().push(id);
    }

    /// Tries again to remove files of locks that are not held any more.
    fn remove_leftover_locks(&self) {
        let leftovers = std::mem::take(&mut *self.leftover_locks().lock());
        for id in leftovers {
            // Remembered again if it fails.
            let _ = self.remove_lock_later(id);
        }
    }

    /// Says whether it was there.
    pub(crate) fn remove_lock(&self, id: LockId) -> Result<bool, RepoError> {
        match self.store().remove(FileKind::Lock, &Id::from(id)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(source) => Err(source.into()),
        }
    }
}

fn wait(pause: &dyn Pause, time: Duration) -> Result<(), RepoError> {
    if pause.pause(time) { Ok(()) } else { Err(RepoError::Cancelled) }
}

#[cfg(test)]
mod tests;
