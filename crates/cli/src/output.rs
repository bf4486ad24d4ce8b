//! What the program shows while it works: a status line on a terminal, plain lines in a log, events for programs.
//!
//! Results go to standard output; everything about the work goes to standard error, but JSON events, which are the
//! output. The only module, with its parts, that writes to either.

mod json;
mod meter;
mod plain;
mod table;
mod terminal;
mod text;

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::Arc;

use holdfast_model::{Clock, Monitor, SystemClock};
use serde::Serialize;

use crate::args::GlobalArgs;

pub use table::Table;
pub use text::{bytes, count, duration, path, permissions};

/// Shows the work of one verb.
pub struct Output {
    json: bool,
    quiet: bool,
    monitor: Arc<dyn Monitor>,
}

impl Output {
    /// Chooses by options and by what standard error is.
    pub fn new(global: &GlobalArgs) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let monitor: Arc<dyn Monitor> = if global.json {
            Arc::new(json::JsonMonitor::new(clock))
        } else if global.quiet {
            Arc::new(plain::ErrorsOnly)
        } else if io::stderr().is_terminal() {
            Arc::new(terminal::TerminalMonitor::new(clock))
        } else {
            Arc::new(plain::PlainMonitor::new(clock))
        };
        Self { json: global.json, quiet: global.quiet, monitor }
    }

    /// Where the work reports to.
    pub fn monitor(&self) -> &dyn Monitor {
        &*self.monitor
    }

    /// Whether a program reads the output.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Takes the status line away, before results are printed.
    pub fn finish(&self) {
        self.monitor.note("");
    }

    /// One line of the result for people.
    pub fn line(&self, text: impl AsRef<str>) -> io::Result<()> {
        if self.json || self.quiet { Ok(()) } else { self.result(text) }
    }

    /// One line of a result that was asked for: also when quiet.
    pub fn result(&self, text: impl AsRef<str>) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{}", text.as_ref())
    }

    /// For results of any length or any bytes. The caller flushes it, to learn of errors.
    pub fn stream(&self) -> BufWriter<Stdout> {
        BufWriter::with_capacity(64 << 10, io::stdout())
    }

    /// One JSON document on a line of its own.
    pub fn document(&self, document: &impl Serialize) -> io::Result<()> {
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, document)?;
        out.write_all(b"\n")?;
        out.flush()
    }
}

/// The last word of a failed run, on standard error: one sentence, or restic's `exit_error` event.
pub fn failure(json: bool, code: u8, message: &str) {
    #[derive(Serialize)]
    struct ExitError<'a> {
        message_type: &'static str,
        code: u8,
        message: &'a str,
    }
    let mut err = io::stderr().lock();
    // Standard error may be closed: there is nobody left to tell.
    let _ = if json {
        let event = ExitError { message_type: "exit_error", code, message };
        serde_json::to_writer(&mut err, &event).map_err(io::Error::from).and_then(|()| writeln!(err))
    } else {
        writeln!(err, "holdfast: {message}")
    };
}

/// Help: to standard output if it was asked for, else to standard error. In colour on a terminal.
pub fn help(text: &clap::builder::StyledStr, asked: bool) {
    // Whoever has closed it has enough of it.
    let _ = match asked {
        true if io::stdout().is_terminal() => write!(io::stdout().lock(), "{}", text.ansi()),
        true => write!(io::stdout().lock(), "{text}"),
        false => write!(io::stderr().lock(), "{text}"),
    };
}
