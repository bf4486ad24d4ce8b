//! What a job says while it is at work, until that is kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_db::{Level, LogLine};
use holdfast_model::job::JobProgress;
use holdfast_model::monitor::{ItemError, Meter, Phase, Progress};
use holdfast_model::{Clock, Monitor};
use parking_lot::Mutex;

/// A job says no more lines than this, and no more bytes: what goes on without end says nothing new.
const MOST_LINES: u64 = 100_000;
const MOST_BYTES: usize = 16 << 20;
/// A line has no more characters.
const LONGEST_LINE: usize = 2000;

/// The lines of one job, and how far it is.
pub(super) struct Notes {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    standing: Mutex<Standing>,
}

/// How far a job is. This is kept nowhere.
struct Standing {
    phase: Option<Phase>,
    progress: Progress,
    meter: Meter,
    /// When something went on last.
    moved: Instant,
    /// Whether it was asked for since.
    is_told: bool,
}

struct State {
    /// Lines that are not kept yet.
    lines: Vec<LogLine>,
    /// The number of the first of them.
    first: u64,
    /// Bytes of all that was said.
    bytes: usize,
    /// Whether no more is taken.
    is_full: bool,
}

impl Notes {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let now = clock.instant();
        let standing =
            Standing { phase: None, progress: Progress::default(), meter: Meter::new(now), moved: now, is_told: true };
        Self {
            clock,
            state: Mutex::new(State { lines: Vec::new(), first: 1, bytes: 0, is_full: false }),
            standing: Mutex::new(standing),
        }
    }

    /// For how long nothing has gone on.
    pub(super) fn idle(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.standing.lock().moved)
    }

    /// How far the job is, if that was not told yet.
    pub(super) fn how_far(&self) -> Option<JobProgress> {
        let now = self.clock.instant();
        let mut standing = self.standing.lock();
        if std::mem::replace(&mut standing.is_told, true) {
            return None;
        }
        let mut progress = standing.progress.clone();
        progress.current = progress.current.map(|path| path.chars().take(LONGEST_LINE / 4).collect());
        let pace = standing.meter.pace(now, &progress);
        Some(JobProgress::new(standing.phase, progress, pace))
    }

    /// The first line gets the number behind this one.
    pub(super) fn go_on_after(&self, last: u64) {
        self.state.lock().first = last + 1;
    }

    /// Lines that are not kept yet, with the number of the first.
    pub(super) fn unkept(&self) -> (u64, Vec<LogLine>) {
        let state = self.state.lock();
        (state.first, state.lines.clone())
    }

    /// All lines before this number are kept.
    pub(super) fn kept(&self, before: u64) {
        let mut state = self.state.lock();
        let count = before.saturating_sub(state.first).min(state.lines.len() as u64);
        state.lines.drain(..count as usize);
        state.first += count;
    }

    /// Why the job failed.
    pub(super) fn error(&self, text: &str) {
        self.add(Level::Error, text);
    }

    fn add(&self, level: Level, text: &str) {
        let at = self.clock.now().to_time();
        let mut state = self.state.lock();
        // The last word is always kept.
        if state.is_full && level != Level::Error {
            return;
        }
        let number = state.first + state.lines.len() as u64;
        state.bytes += text.len().min(4 * LONGEST_LINE);
        let is_last = !state.is_full && (number >= MOST_LINES || state.bytes > MOST_BYTES);
        state.is_full |= is_last;
        let text = if is_last { "more is not kept" } else { text };
        let text = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_LINE).collect();
        state.lines.push(LogLine { at, level, text });
    }
}

impl Monitor for Notes {
    fn phase(&self, phase: Phase) {
        self.add(Level::Info, phase.as_words());
        let now = self.clock.instant();
        *self.standing.lock() = Standing {
            phase: Some(phase),
            progress: Progress::default(),
            meter: Meter::new(now),
            moved: now,
            is_told: false,
        };
    }

    fn progress(&self, progress: &Progress) {
        let now = self.clock.instant();
        let mut standing = self.standing.lock();
        if standing.progress != *progress {
            standing.progress = progress.clone();
            standing.meter.note(now, progress);
            (standing.moved, standing.is_told) = (now, false);
        }
    }

    fn item_error(&self, error: &ItemError) {
        self.add(Level::Warning, &format!("{}: {}: {}", error.path, error.during, error.message));
    }

    fn warning(&self, text: &str) {
        self.add(Level::Warning, text);
    }

    fn note(&self, text: &str) {
        self.add(Level::Info, text);
    }
}

#[cfg(test)]
mod tests {
    use holdfast_testkit::FakeClock;

    use super::*;

    fn notes() -> Notes {
        Notes::new(Arc::new(FakeClock::at_seconds(1_800_000_000)))
    }

    #[test]
    fn lines_are_given_again_until_they_are_kept() {
        let notes = notes();
        notes.note("one");
        notes.warning("two\u{1b}[31m\nand more");
        let (first, lines) = notes.unkept();
        assert_eq!((first, lines.len()), (1, 2));
        assert_eq!(lines[1].text, "two [31m and more");
        notes.note("three");
        notes.kept(3);
        let (first, lines) = notes.unkept();
        assert_eq!((first, lines[0].text.as_str()), (3, "three"));
        notes.kept(3);
        assert_eq!(notes.unkept().1.len(), 1, "what is kept twice is kept once");
    }

    #[test]
    fn what_goes_on_without_end_is_not_kept_but_for_why_it_failed() {
        let notes = notes();
        for _ in 0..MOST_LINES + 10 {
            notes.note("again");
        }
        notes.error("why");
        let (_, lines) = notes.unkept();
        assert_eq!(lines.len() as u64, MOST_LINES + 1);
        assert_eq!(lines[MOST_LINES as usize - 1].text, "more is not kept");
        assert_eq!(lines.last().unwrap().text, "why");
    }
}
