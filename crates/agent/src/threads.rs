//! The threads of one session. One that panics ends the session instead of leaving the others to wait for it.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use crate::AgentError;
use crate::stop::{Stop, Stopped};

/// The threads that were started and not yet joined.
pub(crate) struct Threads {
    stop: Arc<Stop>,
    running: Vec<JoinHandle<()>>,
}

impl Threads {
    pub(crate) fn new(stop: &Arc<Stop>) -> Self {
        Self { stop: Arc::clone(stop), running: Vec::new() }
    }

    /// Starts a thread that works until it is done or the session is over.
    pub(crate) fn start(&mut self, name: &str, work: impl FnOnce() -> Result<(), Stopped> + Send + 'static) {
        let guard = Guard { stop: Arc::clone(&self.stop), part: name.to_owned() };
        let started = Builder::new().name(name.to_owned()).spawn(move || {
            let _guard = guard;
            // A stop has its cause with `Stop`.
            let _stopped = work();
        });
        match started {
            Ok(thread) => self.running.push(thread),
            Err(error) => {
                let message = format!("the client can't start another thread ({error}): raise the limit on processes");
                self.stop.fail(AgentError::Refused { message });
            }
        }
    }

    /// Waits for all of them. Call it when the session is over or their work is.
    pub(crate) fn join(&mut self) {
        for thread in self.running.drain(..) {
            // A panic has been recorded by the guard.
            let _panicked = thread.join();
        }
    }
}

struct Guard {
    stop: Arc<Stop>,
    part: String,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.stop.fail(AgentError::Internal { part: std::mem::take(&mut self.part) });
        }
    }
}

/// How many processors this process may use. Asked of the kernel: the standard library would open files.
pub(crate) fn processors() -> usize {
    rustix::thread::sched_getaffinity(None).map_or(1, |set| set.count() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Recorder;

    #[test]
    fn a_panic_ends_the_session() {
        let stop = Stop::new(Recorder::new());
        let mut threads = Threads::new(&stop);
        threads.start("walker", || panic!("on purpose"));
        threads.join();
        assert!(matches!(stop.result(), Err(AgentError::Internal { part }) if part == "walker"));
    }
}
