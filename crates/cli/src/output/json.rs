//! Events for programs, one JSON document a line, with restic's field names.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_model::monitor::{ItemError, Meter, Pace, Phase, Progress, share};
use holdfast_model::{Clock, Monitor};
use parking_lot::Mutex;
use serde::Serialize;

use super::OfHost;

/// A status event comes at most so often.
const EVERY: Duration = Duration::from_millis(250);

/// Writes events to standard output; errors go to standard error as restic's do.
pub struct JsonMonitor {
    clock: Arc<dyn Clock>,
    host: Option<String>,
    state: Mutex<State>,
}

struct State {
    phase: Option<Phase>,
    meter: Meter,
    said: Option<Instant>,
}

/// How far something is.
#[derive(Serialize)]
pub struct Status<'a> {
    message_type: &'static str,
    phase: Option<Phase>,
    seconds_elapsed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_remaining: Option<u64>,
    percent_done: f64,
    files_done: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_files: Option<u64>,
    bytes_done: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_per_second: Option<u64>,
    error_count: u64,
    current_files: Vec<&'a str>,
}

#[derive(Serialize)]
struct ErrorEvent<'a> {
    message_type: &'static str,
    error: ErrorMessage<'a>,
    during: &'a str,
    item: &'a str,
}

/// Ours: restic has none of the kind.
#[derive(Serialize)]
struct NoteEvent<'a> {
    message_type: &'static str,
    message: &'a str,
}

#[derive(Serialize)]
struct WarningEvent<'a> {
    message_type: &'static str,
    message: &'a str,
}

#[derive(Serialize)]
struct ErrorMessage<'a> {
    message: &'a str,
}

impl<'a> Status<'a> {
    /// This far, that fast.
    pub fn of(phase: Option<Phase>, pace: &Pace, progress: &'a Progress) -> Self {
        Self {
            message_type: "status",
            phase,
            seconds_elapsed: pace.elapsed.as_secs(),
            seconds_remaining: pace.left.map(|left| left.as_secs()),
            percent_done: share(progress).unwrap_or(0.0),
            files_done: progress.files_done,
            total_files: progress.files_total,
            bytes_done: progress.bytes_done,
            total_bytes: progress.bytes_total,
            bytes_per_second: pace.bytes_per_second,
            error_count: progress.errors,
            current_files: progress.current.as_deref().into_iter().collect(),
        }
    }
}

impl JsonMonitor {
    /// Begins now. Where the work is one host's among several, every event names it.
    pub fn new(clock: Arc<dyn Clock>, host: Option<String>) -> Self {
        let meter = Meter::new(clock.instant());
        Self { clock, host, state: Mutex::new(State { phase: None, meter, said: None }) }
    }

    /// A reader that went away must not end a backup.
    fn write_line(&self, mut out: impl Write, document: &impl Serialize) {
        if let Ok(mut line) = serde_json::to_vec(&OfHost { document, host: self.host.as_deref() }) {
            line.push(b'\n');
            let _ = out.write_all(&line).and_then(|()| out.flush());
        }
    }
}

impl Monitor for JsonMonitor {
    fn phase(&self, phase: Phase) {
        *self.state.lock() = State { phase: Some(phase), meter: Meter::new(self.clock.instant()), said: None };
    }

    fn progress(&self, progress: &Progress) {
        let now = self.clock.instant();
        let mut state = self.state.lock();
        state.meter.note(now, progress);
        if state.said.is_some_and(|said| now.duration_since(said) < EVERY) {
            return;
        }
        state.said = Some(now);
        let pace = state.meter.pace(now, progress);
        self.write_line(io::stdout().lock(), &Status::of(state.phase, &pace, progress));
    }

    fn item_error(&self, error: &ItemError) {
        let event = ErrorEvent {
            message_type: "error",
            error: ErrorMessage { message: &error.message },
            during: &error.during,
            item: &error.path,
        };
        self.write_line(io::stderr().lock(), &event);
    }

    fn warning(&self, text: &str) {
        self.write_line(io::stderr().lock(), &WarningEvent { message_type: "warning", message: text });
    }

    fn note(&self, text: &str) {
        if !text.is_empty() {
            self.write_line(io::stderr().lock(), &NoteEvent { message_type: "note", message: text });
        }
    }
}
