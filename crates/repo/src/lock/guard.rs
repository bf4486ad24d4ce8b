//! A lock that we hold: refreshed in the background, removed at the end, and known to be lost when it is.
//!
//! Others may take a lock for abandoned when it was not refreshed for half an hour. Ours counts as lost some time before
//! that, on the clock of the wall, because a machine may sleep, or on the monotonic one, because the other may be set
//! back; or as soon as its file is found to be gone. Once lost, it stays lost.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use holdfast_model::{Clock, Id, LockId, Timestamp};
use holdfast_store::{ErrorKind, FileKind};
use parking_lot::Mutex;

use super::{LockDocument, STALE_AFTER};
use crate::Repository;
use crate::error::RepoError;

/// Time between two refreshes.
pub(super) const REFRESH_AFTER: Duration = Duration::from_secs(5 * 60);

/// Without a refresh for this long, the lock is lost. The rest of the half hour is for clocks that differ.
pub(super) const LOST_AFTER: Duration = Duration::from_secs(STALE_AFTER.as_secs() - REFRESH_AFTER.as_secs() * 3 / 2);

/// How often the thread looks at the clock.
const POLL: Duration = Duration::from_secs(5);

/// Holds a lock until it is dropped or [released](LockGuard::release).
#[derive(Debug)]
pub struct LockGuard {
    held: Arc<Held>,
    refresher: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

/// Tells whether a lock is still held, for those who write under it.
#[derive(Debug, Clone)]
pub struct LockWatch(Arc<Held>);

#[derive(Debug)]
pub(super) struct Held {
    repository: Repository,
    taken_at: Instant,
    state: Mutex<State>,
    /// Held while the lock's file is exchanged for another or looked for, so that it is not missed in between.
    file: Mutex<()>,
}

#[derive(Debug)]
struct State {
    document: LockDocument,
    id: LockId,
    refreshed: Timestamp,
    refreshed_at: Instant,
    lost: bool,
}

impl State {
    /// Since the last refresh.
    fn age(&self, clock: &dyn Clock) -> Duration {
        clock.now().since(self.refreshed).max(clock.instant().saturating_duration_since(self.refreshed_at))
    }
}

impl LockGuard {
    pub(super) fn new(repository: Repository, document: LockDocument, id: LockId) -> Self {
        let refreshed_at = repository.clock().instant();
        let state = State { refreshed: document.time.at, refreshed_at, document, id, lost: false };
        let held = Held { repository, taken_at: refreshed_at, state: Mutex::new(state), file: Mutex::default() };
        Self { held: Arc::new(held), refresher: Mutex::new(None) }
    }

    /// Begins to refresh it.
    pub(super) fn start(&self) {
        let (stop, stopped) = bounded(0);
        let held = Arc::clone(&self.held);
        let thread = thread::Builder::new().name("lock".to_owned()).spawn(move || {
            while stopped.recv_timeout(POLL) == Err(RecvTimeoutError::Timeout) {
                held.tick();
            }
        });
        // Without a thread the lock is simply lost in time.
        *self.refresher.lock() = thread.ok().map(|thread| (stop, thread));
    }

    /// For those who write under the lock.
    pub fn watch(&self) -> LockWatch {
        LockWatch(Arc::clone(&self.held))
    }

    /// When the session began: what others see as its start.
    pub fn started(&self) -> Timestamp {
        let state = self.held.state.lock();
        state.document.started().unwrap_or(state.refreshed)
    }

    /// The file of the lock as it is named now.
    pub fn id(&self) -> LockId {
        self.held.state.lock().id
    }

    /// Fails once the lock was lost.
    pub fn check(&self) -> Result<(), RepoError> {
        self.held.check()
    }

    /// Fails unless the lock's file is there now: until this moment nobody can have taken an exclusive lock. One request.
    pub fn prove(&self) -> Result<(), RepoError> {
        self.held.prove()
    }

    /// Whether it covers removing what was found to be unneeded in a search that began at `begun`.
    pub(crate) fn allows_removal(&self, repository: &Repository, begun: Instant) -> bool {
        let state = self.held.state.lock();
        state.document.is_exclusive() && self.held.taken_at <= begun && self.held.repository.id() == repository.id()
    }

    /// Gives the lock back, and says so if its file could not be removed.
    pub fn release(self) -> Result<(), RepoError> {
        self.end()
    }

    #[cfg(test)]
    pub(crate) fn tick(&self) {
        self.held.tick();
    }

    fn end(&self) -> Result<(), RepoError> {
        if let Some((stop, thread)) = self.refresher.lock().take() {
            drop(stop);
            // A panic in there has been reported by then, and the lock file is removed all the same.
            let _ = thread.join();
        }
        self.held.remove()
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        // A lock file that stays behind is remembered, and found dead by the next run on this machine.
        let _ = self.end();
    }
}

impl LockWatch {
    /// Whether the lock was lost: nothing may be written any more.
    pub fn is_lost(&self) -> bool {
        self.0.check().is_err()
    }

    /// Fails once the lock was lost.
    pub fn check(&self) -> Result<(), RepoError> {
        self.0.check()
    }

    /// Fails unless the lock's file is there now; see [`LockGuard::prove`].
    pub(crate) fn prove(&self) -> Result<(), RepoError> {
        self.0.prove()
    }
}

impl Held {
    fn check(&self) -> Result<(), RepoError> {
        let state = self.state.lock();
        if state.lost || state.age(&**self.repository.clock()) > LOST_AFTER {
            return Err(RepoError::LockLost { location: self.repository.location() });
        }
        Ok(())
    }

    fn prove(&self) -> Result<(), RepoError> {
        self.check()?;
        let _file = self.file.lock();
        let id = self.state.lock().id;
        match self.repository.store().size(FileKind::Lock, &Id::from(id)) {
            Err(error) if error.kind() == ErrorKind::NotFound => self.state.lock().lost = true,
            result => drop(result?),
        }
        // The answer may have taken long.
        self.check()
    }

    /// Refreshes the lock if it is time, and finds out whether it is lost.
    fn tick(&self) {
        self.repository.remove_leftover_locks();
        let clock = self.repository.clock();
        let (mut document, id, refreshed, age) = {
            let state = self.state.lock();
            if state.lost {
                return;
            }
            (state.document.clone(), state.id, state.refreshed, state.age(&**clock))
        };
        let (now, instant) = (clock.now(), clock.instant());
        if age < REFRESH_AFTER && refreshed <= now {
            return;
        }
        if age > LOST_AFTER {
            self.state.lock().lost = true;
            return;
        }
        document.time = now.into();
        let _file = self.file.lock();
        match self.replace(&document, id) {
            Ok(Some(new)) => {
                let mut state = self.state.lock();
                (state.document, state.id) = (document, new);
                (state.refreshed, state.refreshed_at) = (now, instant);
            }
            Ok(None) => self.state.lock().lost = true,
            // Tried again at the next tick, until it is too late.
            Err(_) => {}
        }
    }

    /// Writes the lock anew and removes the old file. `None` if somebody has removed that.
    fn replace(&self, document: &LockDocument, old: LockId) -> Result<Option<LockId>, RepoError> {
        match self.repository.store().size(FileKind::Lock, &Id::from(old)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            result => result?,
        };
        let new = self.repository.write_lock(document)?;
        match self.repository.remove_lock(old) {
            Ok(true) => Ok(Some(new)),
            // Somebody decided in between that we are dead.
            Ok(false) => self.repository.remove_lock_later(new).map(|_| None),
            // It is not known whether the old file is gone: if it is not, two files for one lock do no harm for a while.
            Err(_) => {
                self.repository.leave_lock(old);
                Ok(Some(new))
            }
        }
    }

    fn remove(&self) -> Result<(), RepoError> {
        let id = self.state.lock().id;
        self.repository.remove_lock_later(id).map(|_| ())
    }
}
