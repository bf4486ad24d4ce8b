//! For logs: a line a phase, a line every half minute, every error.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_model::monitor::{ItemError, Meter, Pace, Phase, Progress, share};
use holdfast_model::{Clock, Monitor};
use parking_lot::Mutex;

use super::text;

/// A line of progress comes so often.
pub const EVERY: Duration = Duration::from_secs(30);

/// Says errors and warnings, and nothing else.
pub struct ErrorsOnly {
    prefix: String,
}

impl ErrorsOnly {
    /// Begins each line with the prefix.
    pub fn new(prefix: String) -> Self {
        Self { prefix }
    }
}

impl Monitor for ErrorsOnly {
    fn item_error(&self, error: &ItemError) {
        say(&self.prefix, &error_line(error));
    }

    fn warning(&self, text: &str) {
        say(&self.prefix, &format!("warning: {text}"));
    }
}

/// Says what a log wants to hold.
pub struct PlainMonitor {
    clock: Arc<dyn Clock>,
    prefix: String,
    state: Mutex<State>,
}

struct State {
    meter: Meter,
    said: Instant,
}

impl PlainMonitor {
    /// Begins now, and begins each line with the prefix.
    pub fn new(clock: Arc<dyn Clock>, prefix: String) -> Self {
        let now = clock.instant();
        Self { clock, prefix, state: Mutex::new(State { meter: Meter::new(now), said: now }) }
    }
}

impl Monitor for PlainMonitor {
    fn phase(&self, phase: Phase) {
        let now = self.clock.instant();
        *self.state.lock() = State { meter: Meter::new(now), said: now };
        say(&self.prefix, phase.as_words());
    }

    fn progress(&self, progress: &Progress) {
        let now = self.clock.instant();
        let mut state = self.state.lock();
        state.meter.note(now, progress);
        if now.duration_since(state.said) < EVERY {
            return;
        }
        state.said = now;
        say(&self.prefix, &progress_line(&state.meter.pace(now, progress), progress));
    }

    fn item_error(&self, error: &ItemError) {
        say(&self.prefix, &error_line(error));
    }

    fn note(&self, text: &str) {
        if !text.is_empty() {
            say(&self.prefix, text);
        }
    }
}

/// `1:23  45 %  1200 files, 1.500 GiB of 3.200 GiB, 85.000 MiB/s, 0:20 left, 1 error`
pub fn progress_line(pace: &Pace, progress: &Progress) -> String {
    let mut line = text::duration(pace.elapsed);
    if *progress == (Progress { current: progress.current.clone(), ..Progress::default() }) {
        return line;
    }
    if let Some(share) = share(progress) {
        line += &format!("  {:.0} %", (share * 100.0).floor());
    }
    line += "  ";
    // A download counts no files.
    if progress.files_done > 0 || progress.files_total.is_some() || progress.bytes_done == 0 {
        line += &format!("{}, ", text::count(progress.files_done, "file"));
    }
    line += &text::bytes(progress.bytes_done);
    if let Some(total) = progress.bytes_total {
        line += &format!(" of {}", text::bytes(total));
    }
    if let Some(rate) = pace.bytes_per_second {
        line += &format!(", {}/s", text::bytes(rate));
    }
    if let Some(left) = pace.left {
        line += &format!(", {} left", text::duration(left));
    }
    if progress.errors > 0 {
        line += &format!(", {}", text::count(progress.errors, "error"));
    }
    line
}

/// One failed item.
pub fn error_line(error: &ItemError) -> String {
    format!("error: {}: {}: {}", error.path, error.during, error.message)
}

/// A line on standard error.
pub fn say(prefix: &str, line: &str) {
    // A log that can't be written to must not end a backup.
    let _ = writeln!(io::stderr().lock(), "{prefix}{line}");
}
