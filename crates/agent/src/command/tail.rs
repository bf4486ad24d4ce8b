//! The end of what a command writes to its standard error.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

use holdfast_wire::limits::MAX_STDERR;
use parking_lot::{Condvar, Mutex};

/// How long to wait for the end of the output once the command has ended: something that it left running in the
/// background may hold it open for ever.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reads all, keeps the end.
pub(super) struct Tail(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    kept: VecDeque<u8>,
    ended: bool,
}

impl Tail {
    /// Reads in a thread of its own until the output ends.
    pub(super) fn follow(mut output: impl Read + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new((Mutex::new(State::default()), Condvar::new()));
        let tail = Self(Arc::clone(&shared));
        Builder::new().name("stderr".into()).spawn(move || {
            let mut piece = [0; 4096];
            let (state, changed) = &*shared;
            loop {
                match output.read(&mut piece) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Ok(0) | Err(_) => break,
                    Ok(count) => state.lock().add(&piece[..count]),
                }
            }
            state.lock().ended = true;
            changed.notify_all();
        })?;
        Ok(tail)
    }

    /// What was written last; waits a moment for the output to end.
    pub(super) fn end(&self) -> Vec<u8> {
        let (state, changed) = &*self.0;
        let mut state = state.lock();
        changed.wait_while_for(&mut state, |state| !state.ended, PATIENCE);
        state.kept.iter().copied().collect()
    }
}

impl State {
    fn add(&mut self, bytes: &[u8]) {
        self.kept.extend(bytes);
        let surplus = self.kept.len().saturating_sub(MAX_STDERR);
        self.kept.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_kept() {
        let text: Vec<u8> = (0..40_000u32).map(|n| n as u8).collect();
        let tail = Tail::follow(io::Cursor::new(text.clone())).unwrap();
        assert_eq!(tail.end(), text[text.len() - MAX_STDERR..]);
        let short = Tail::follow(io::Cursor::new(b"no such table".to_vec())).unwrap();
        assert_eq!(short.end(), b"no such table");
    }
}
