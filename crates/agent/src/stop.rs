//! The end of a session, and everything that waits for something else until then.
//!
//! Every wait in the agent is a [`Gate`], so that no thread outlives the session: when it is over, all of them wake
//! and give up. The first cause is kept.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use holdfast_wire::FromAgent;
use parking_lot::{Condvar, Mutex};

use crate::outbox::shortened;
use crate::{AgentError, Uplink};

/// The session is over; whoever gets this ends too, without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped;

/// Whether the session is over, and why.
pub(crate) struct Stop {
    over: AtomicBool,
    cause: Mutex<Option<AgentError>>,
    gates: Mutex<Vec<Weak<dyn Wake>>>,
    up: Arc<dyn Uplink>,
}

trait Wake: Send + Sync {
    fn wake(&self);
}

impl Stop {
    pub(crate) fn new(up: Arc<dyn Uplink>) -> Arc<Self> {
        Arc::new(Self { over: AtomicBool::new(false), cause: Mutex::default(), gates: Mutex::default(), up })
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Fails once the session is over: for loops that never wait.
    pub(crate) fn check(&self) -> Result<(), Stopped> {
        if self.is_over() { Err(Stopped) } else { Ok(()) }
    }

    /// Ends the session because of an error. Only the first one counts; the server is told, for it is waiting.
    pub(crate) fn fail(&self, error: AgentError) -> Stopped {
        let first = !self.is_over() && {
            let mut cause = self.cause.lock();
            let first = cause.is_none();
            cause.get_or_insert_with(|| error.clone());
            first
        };
        self.finish();
        if first && !matches!(error, AgentError::LinkClosed(_)) {
            // If this fails there is nobody left to tell.
            let _closed = self.up.message(FromAgent::Refused { message: shortened(&error.to_string()) });
        }
        Stopped
    }

    /// Ends the session.
    pub(crate) fn finish(&self) -> Stopped {
        self.over.store(true, Ordering::SeqCst);
        for gate in self.gates.lock().iter().filter_map(Weak::upgrade) {
            gate.wake();
        }
        Stopped
    }

    /// What the session ended with.
    pub(crate) fn result(&self) -> Result<(), AgentError> {
        self.cause.lock().clone().map_or(Ok(()), Err)
    }
}

/// State that several threads share and wait on.
pub(crate) struct Gate<T> {
    state: Mutex<T>,
    changed: Condvar,
    stop: Arc<Stop>,
}

impl<T: Send + 'static> Gate<T> {
    pub(crate) fn new(stop: &Arc<Stop>, state: T) -> Arc<Self> {
        let gate = Arc::new(Self { state: Mutex::new(state), changed: Condvar::new(), stop: Arc::clone(stop) });
        let weak = Arc::downgrade(&gate);
        stop.gates.lock().push(weak);
        gate
    }

    /// Looks at the state or changes it in a way that nobody waits for.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.state.lock())
    }

    /// Changes the state and wakes whoever waits.
    pub(crate) fn change<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let result = work(&mut self.state.lock());
        self.changed.notify_all();
        result
    }

    /// As [`change`](Self::change), but wakes only if `work` says that someone may go on now.
    pub(crate) fn change_if(&self, work: impl FnOnce(&mut T) -> bool) {
        let wakes = work(&mut self.state.lock());
        if wakes {
            self.changed.notify_all();
        }
    }

    /// Waits until `ready` finds what it needs.
    pub(crate) fn wait<R>(&self, mut ready: impl FnMut(&mut T) -> Option<R>) -> Result<R, Stopped> {
        let mut state = self.state.lock();
        loop {
            self.stop.check()?;
            if let Some(result) = ready(&mut state) {
                return Ok(result);
            }
            self.changed.wait(&mut state);
        }
    }
}

impl<T: Send> Wake for Gate<T> {
    fn wake(&self) {
        // Whoever is between its check and its wait holds the lock; after this it waits and hears the call.
        drop(self.state.lock());
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LinkClosed;
    use crate::testing::Recorder;

    #[test]
    fn the_end_wakes_whoever_waits() {
        let stop = Stop::new(Recorder::new());
        let gate = Gate::new(&stop, 0);
        let waiting = {
            let gate = Arc::clone(&gate);
            std::thread::spawn(move || gate.wait(|n| (*n > 1).then_some(())))
        };
        gate.change(|n| *n = 1);
        stop.finish();
        assert_eq!(waiting.join().unwrap(), Err(Stopped));
        assert!(stop.result().is_ok());
    }

    #[test]
    fn the_first_cause_is_kept_and_told() {
        let up = Recorder::new();
        let stop = Stop::new(up.clone());
        let error = AgentError::Internal { part: "reader".into() };
        stop.fail(error.clone());
        stop.fail(LinkClosed.into());
        assert!(matches!(stop.result(), Err(AgentError::Internal { .. })));
        assert_eq!(up.messages(), [FromAgent::Refused { message: error.to_string() }]);
    }
}
