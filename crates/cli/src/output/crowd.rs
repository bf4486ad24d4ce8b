//! Several hosts at work at once, on the one status line of a terminal.
//!
//! The line shows what they have done together and what one of them is at; errors and notes stand above it and say whose
//! they are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_model::monitor::{ItemError, Phase, Progress};
use holdfast_model::{Clock, Monitor};
use parking_lot::Mutex;

use super::text::prefix;

/// The sum is made at most so often.
const EVERY: Duration = Duration::from_millis(100);

struct Crowd {
    line: Arc<dyn Monitor>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    /// Of each host; `None` before it has begun.
    hosts: Vec<Option<Progress>>,
    shown: Option<Instant>,
}

/// One of the hosts.
struct Member {
    crowd: Arc<Crowd>,
    index: usize,
    name: String,
}

/// A monitor for each host, which all show on `line`.
pub fn monitors(line: &Arc<dyn Monitor>, hosts: &[String], clock: Arc<dyn Clock>) -> Vec<Arc<dyn Monitor>> {
    let state = Mutex::new(State { hosts: vec![None; hosts.len()], shown: None });
    let crowd = Arc::new(Crowd { line: line.clone(), clock, state });
    let member = |(index, name): (usize, &String)| {
        Arc::new(Member { crowd: crowd.clone(), index, name: name.clone() }) as Arc<dyn Monitor>
    };
    hosts.iter().enumerate().map(member).collect()
}

impl Monitor for Member {
    fn phase(&self, phase: Phase) {
        let mut state = self.crowd.state.lock();
        let is_first = state.hosts.iter().all(Option::is_none);
        state.hosts[self.index].get_or_insert_default();
        if is_first {
            self.crowd.line.phase(phase);
        }
    }

    fn progress(&self, progress: &Progress) {
        let now = self.crowd.clock.instant();
        let mut state = self.crowd.state.lock();
        state.hosts[self.index] = Some(progress.clone());
        if state.shown.is_none_or(|shown| now.duration_since(shown) >= EVERY) {
            state.shown = Some(now);
            let current = format!("{}{}", prefix(Some(&self.name)), progress.current.as_deref().unwrap_or_default());
            self.crowd.line.progress(&Progress { current: Some(current), ..sum(&state.hosts) });
        }
    }

    fn item_error(&self, error: &ItemError) {
        let path = format!("{}{}", prefix(Some(&self.name)), error.path);
        self.crowd.line.item_error(&ItemError { path, ..error.clone() });
    }

    fn note(&self, text: &str) {
        let own = if text.is_empty() { String::new() } else { prefix(Some(&self.name)) + text };
        self.crowd.line.note(&own);
    }
}

/// What all have done. Totals are known when those of all are.
pub fn sum(hosts: &[Option<Progress>]) -> Progress {
    let begun = || hosts.iter().flatten();
    let total = |of: fn(&Progress) -> Option<u64>| hosts.iter().map(|host| host.as_ref().and_then(of)).sum();
    Progress {
        files_done: begun().map(|host| host.files_done).sum(),
        files_total: total(|host| host.files_total),
        bytes_done: begun().map(|host| host.bytes_done).sum(),
        bytes_skipped: begun().map(|host| host.bytes_skipped).sum(),
        bytes_total: total(|host| host.bytes_total),
        errors: begun().map(|host| host.errors).sum(),
        current: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_known_when_those_of_all_are() {
        let progress = |bytes_total| Progress { bytes_done: 10, bytes_total, errors: 1, ..Progress::default() };
        let all = sum(&[Some(progress(Some(20))), Some(progress(Some(30)))]);
        assert_eq!((all.bytes_done, all.bytes_total, all.errors), (20, Some(50), 2));
        assert_eq!(sum(&[Some(progress(Some(20))), Some(progress(None))]).bytes_total, None);
        assert_eq!(sum(&[Some(progress(Some(20))), None]).bytes_total, None);
    }
}
