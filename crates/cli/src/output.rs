//! What the program shows while it works: a status line on a terminal, plain lines in a log, events for programs.
//!
//! Results go to standard output; everything about the work goes to standard error, but JSON events, which are the
//! output. The only module, with its parts, that writes to either.

mod ask;
mod board;
mod crowd;
mod json;
mod plain;
mod standard;
mod table;
mod terminal;
mod text;

use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::Arc;

use holdfast_model::{Clock, Monitor, SystemClock};
use serde::Serialize;

use crate::args::GlobalArgs;

pub use ask::confirm;
pub use board::{Board, Standing, standing_line};
pub use standard::{Standard, is_reader_gone, standard};
pub use table::Table;
pub use text::{bytes, count, duration, path, permissions, printable};

/// Shows the work of one verb, or of one host of several that are at work at once.
pub struct Output {
    json: bool,
    quiet: bool,
    /// Whether a status line may stand in the way of what is printed.
    status_line: bool,
    host: Option<String>,
    monitor: Arc<dyn Monitor>,
}

/// What `--json` prints, with the host that it is about.
#[derive(Serialize)]
struct OfHost<'a, T> {
    #[serde(flatten)]
    document: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
}

impl Output {
    /// Chooses by options and by what standard error is.
    pub fn new(global: &GlobalArgs) -> Self {
        let (json, quiet) = (global.json, global.quiet);
        let status_line = !json && !quiet && io::stderr().is_terminal();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let monitor: Arc<dyn Monitor> = match status_line {
            true => Arc::new(terminal::TerminalMonitor::new(clock)),
            false => lines_of(json, quiet, None),
        };
        Self { json, quiet, status_line, host: None, monitor }
    }

    /// One output for each of several hosts that are at work at once: each line, and each event, says which host it is
    /// about. On a terminal they share the status line.
    pub fn for_hosts(&self, hosts: &[String]) -> Vec<Self> {
        let (json, quiet, status_line) = (self.json, self.quiet, self.status_line);
        let monitors: Vec<Arc<dyn Monitor>> = match status_line {
            true => crowd::monitors(&self.monitor, hosts, Arc::new(SystemClock)),
            false => hosts.iter().map(|host| lines_of(json, quiet, Some(host))).collect(),
        };
        let of_host =
            |(host, monitor): (&String, _)| Self { json, quiet, status_line, host: Some(host.clone()), monitor };
        hosts.iter().zip(monitors).map(of_host).collect()
    }

    /// Where the work reports to.
    pub fn monitor(&self) -> &dyn Monitor {
        &*self.monitor
    }

    /// The same, for who goes on beside this.
    pub fn shared_monitor(&self) -> Arc<dyn Monitor> {
        self.monitor.clone()
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
        self.lines(&[text])
    }

    /// Several lines of the result for people, with no other host's between them.
    pub fn lines(&self, lines: &[impl AsRef<str>]) -> io::Result<()> {
        if self.json || self.quiet { Ok(()) } else { self.print(lines) }
    }

    /// One line of a result that was asked for: also when quiet.
    pub fn result(&self, text: impl AsRef<str>) -> io::Result<()> {
        self.print(&[text])
    }

    fn print(&self, lines: &[impl AsRef<str>]) -> io::Result<()> {
        // Whoever draws the status line waits until the lines stand in its place.
        let _above = self.status_line.then(terminal::without_status_line);
        let mut all = String::new();
        for line in lines {
            all += &format!("{}{}\n", text::prefix(self.host.as_deref()), line.as_ref());
        }
        let mut out = standard();
        out.write_all(all.as_bytes())?;
        out.flush()
    }

    /// Says how it ended for the host, if that is badly.
    pub fn failure(&self, code: u8, message: &str) {
        let _above = self.status_line.then(terminal::without_status_line);
        failure_of(self.json, code, self.host.as_deref(), message);
    }

    /// For results of any length or any bytes. The caller flushes it, to learn of errors.
    pub fn stream(&self) -> BufWriter<Standard> {
        BufWriter::with_capacity(64 << 10, standard())
    }

    /// One JSON document on a line of its own; an object, where there is a host to be named.
    pub fn document(&self, document: &impl Serialize) -> io::Result<()> {
        let mut line = match self.host.as_deref() {
            None => serde_json::to_vec(document)?,
            host => serde_json::to_vec(&OfHost { document, host })?,
        };
        line.push(b'\n');
        let mut out = standard();
        out.write_all(&line)?;
        out.flush()
    }
}

/// What reports line by line.
fn lines_of(json: bool, quiet: bool, host: Option<&str>) -> Arc<dyn Monitor> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    match (json, quiet) {
        (true, _) => Arc::new(json::JsonMonitor::new(clock, host.map(str::to_owned))),
        (false, true) => Arc::new(plain::ErrorsOnly::new(text::prefix(host))),
        (false, false) => Arc::new(plain::PlainMonitor::new(clock, text::prefix(host))),
    }
}

/// The last word of a failed run, on standard error: one sentence, or restic's `exit_error` event.
pub fn failure(json: bool, code: u8, message: &str) {
    failure_of(json, code, None, message);
}

fn failure_of(json: bool, code: u8, host: Option<&str>, message: &str) {
    #[derive(Serialize)]
    struct ExitError<'a> {
        message_type: &'static str,
        code: u8,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        host: Option<&'a str>,
    }
    let mut err = io::stderr().lock();
    // Standard error may be closed: there is nobody left to tell.
    let _ = if json {
        let event = ExitError { message_type: "exit_error", code, message, host };
        serde_json::to_writer(&mut err, &event).map_err(io::Error::from).and_then(|()| writeln!(err))
    } else {
        writeln!(err, "holdfast: {}{message}", text::prefix(host))
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
