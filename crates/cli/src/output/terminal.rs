//! One status line at the bottom of a terminal, with errors above it.

use std::io::{self, StderrLock, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_model::monitor::{ItemError, Meter, Pace, Phase, Progress};
use holdfast_model::{Clock, Monitor};
use parking_lot::Mutex;

use super::plain::{error_line, progress_line};

/// The line is drawn again at most so often.
const EVERY: Duration = Duration::from_millis(100);

/// Draws and redraws the status line.
pub struct TerminalMonitor {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    phase: &'static str,
    meter: Meter,
    drawn: Option<Instant>,
}

impl TerminalMonitor {
    /// Begins now.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let meter = Meter::new(clock.instant());
        Self { clock, state: Mutex::new(State { phase: "", meter, drawn: None }) }
    }
}

impl Monitor for TerminalMonitor {
    fn phase(&self, phase: Phase) {
        let now = self.clock.instant();
        let mut state = self.state.lock();
        *state = State { phase: phase.as_words(), meter: Meter::new(now), drawn: Some(now) };
        draw(state.phase);
    }

    fn progress(&self, progress: &Progress) {
        let now = self.clock.instant();
        let mut state = self.state.lock();
        state.meter.note(now, progress);
        if state.drawn.is_some_and(|drawn| now.duration_since(drawn) < EVERY) {
            return;
        }
        state.drawn = Some(now);
        draw_progress(state.phase, &state.meter.pace(now, progress), progress);
    }

    fn item_error(&self, error: &ItemError) {
        let _held = self.state.lock();
        above(&error_line(error));
    }

    fn note(&self, text: &str) {
        let _held = self.state.lock();
        above(text);
    }
}

impl Drop for TerminalMonitor {
    fn drop(&mut self) {
        above("");
    }
}

/// Draws how far something is.
pub fn draw_progress(phase: &str, pace: &Pace, progress: &Progress) {
    let current = progress.current.as_deref().unwrap_or_default();
    draw(&format!("{phase}  {}  {current}", progress_line(pace, progress)));
}

/// Replaces the status line, cut to the terminal's width.
fn draw(line: &str) {
    let width = rustix::termios::tcgetwinsize(io::stderr()).map_or(80, |size| usize::from(size.ws_col).max(20));
    let cut: String = line.chars().take(width - 1).collect();
    let mut err = io::stderr().lock();
    let _ = write!(err, "\r\x1b[2K{}", cut.trim_end()).and_then(|()| err.flush());
}

/// Takes the status line away; nobody draws it again before the guard is dropped.
pub fn without_status_line() -> StderrLock<'static> {
    let mut err = io::stderr().lock();
    let _ = write!(err, "\r\x1b[2K").and_then(|()| err.flush());
    err
}

/// Takes the status line away and writes a line in its place, if there is anything to write.
fn above(line: &str) {
    let mut err = without_status_line();
    if !line.is_empty() {
        let _ = writeln!(err, "{line}").and_then(|()| err.flush());
    }
}
