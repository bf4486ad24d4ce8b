//! Cancellation that a person asks for, seen by every thread of a piece of work.
//!
//! Work that computes asks the token; whoever blocks on something else asks to be woken.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Says whether the work was cancelled. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<State>);

#[derive(Default)]
struct State {
    cancelled: AtomicBool,
    then: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("cancelled", &self.cancelled).finish_non_exhaustive()
    }
}

/// The work ended because it was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Cancelled;

impl CancelToken {
    /// A token that nobody has cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels the work, for good.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        let then = std::mem::take(&mut *self.0.then.lock().unwrap_or_else(PoisonError::into_inner));
        then.into_iter().for_each(|wake| wake());
    }

    /// Calls `wake` when the work is cancelled, at once if it was: for whoever waits for something else.
    pub fn on_cancel(&self, wake: impl FnOnce() + Send + 'static) {
        self.0.then.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(wake));
        if self.is_cancelled() {
            self.cancel();
        }
    }

    /// Whether the work was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Fails once the work was cancelled: for the top of loops.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_is_woken_once_whenever_it_asked() {
        let (token, woken) = (CancelToken::new(), Arc::new(Mutex::new(0)));
        let wake = |by| {
            let woken = Arc::clone(&woken);
            move || *woken.lock().unwrap() += by
        };
        token.on_cancel(wake(1));
        assert!(token.check().is_ok());
        token.clone().cancel();
        token.cancel();
        token.on_cancel(wake(10));
        assert_eq!((token.check(), *woken.lock().unwrap()), (Err(Cancelled), 11));
    }
}
