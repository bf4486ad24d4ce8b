//! Ends a session from another thread: everything that waits for the client wakes up.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use holdfast_handover::Closer;
use holdfast_model::CancelToken;

use crate::ssh::SshKiller;

/// What a cancellation must end. The token, which may live on, keeps none of it once the session has let go.
pub(super) struct Ending {
    ssh: SshKiller,
    handover: [Closer; 2],
    ended: Mutex<bool>,
    wake: Condvar,
}

impl Ending {
    /// Ends `ssh` and the handover when the work is cancelled.
    pub(super) fn on_cancel(cancel: &CancelToken, ssh: SshKiller, handover: [Closer; 2]) -> Arc<Self> {
        let ending = Arc::new(Self { ssh, handover, ended: Mutex::new(false), wake: Condvar::new() });
        let weak = Arc::downgrade(&ending);
        cancel.on_cancel(move || {
            if let Some(ending) = weak.upgrade() {
                ending.end();
            }
        });
        ending
    }

    fn end(&self) {
        self.ssh.kill();
        self.handover.iter().for_each(Closer::close);
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.wake.notify_all();
    }

    /// Waits so long, or until the session is ended. Gives back whether it is.
    pub(super) fn sleep(&self, duration: Duration) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.wake.wait_timeout_while(ended, duration, |ended| !*ended);
        let (ended, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *ended
    }
}
