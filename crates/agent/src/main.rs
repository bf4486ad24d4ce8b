//! `holdfast-agent`: serves one session over its standard input and output, and ends.
//!
//! It keeps nothing, listens nowhere and asks nobody: all that it does is what the other end of its input says, within
//! what `/etc/holdfast/agent.toml` allows. A session that goes wrong ends with one sentence on standard error.

mod arguments;
mod failure;
mod priority;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use holdfast_agent::memory::Allocation;
use holdfast_agent::stdio::{StreamDownlink, StreamUplink};
use holdfast_agent::{AgentConfig, Options, serve};

use self::arguments::{Arguments, HELP, Mode};
use self::failure::{Failure, with_causes};

/// A session that did not do its job.
const FAILED: u8 = 1;
/// Arguments that can't be understood.
const USAGE: u8 = 2;
/// The agent itself is wrong.
const BUG: i32 = 70;

/// Chunks come and go in all sizes; what is free is to be the client's again, but for what the next small ones take.
const ALLOCATION: Allocation = Allocation { mapped: 256 << 10, kept: Some(2 << 20), arenas: 2 };

fn main() -> ExitCode {
    die_of_panics();
    ALLOCATION.settle();
    let arguments = match Arguments::parse(std::env::args_os().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            complain(&format!("{message}\n{HELP}"));
            return ExitCode::from(USAGE);
        }
    };
    let result = match arguments.mode {
        Mode::Help => print(HELP),
        Mode::Version => print(concat!("holdfast-agent ", env!("CARGO_PKG_VERSION"), "\n")),
        Mode::Stdio => session(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("holdfast-agent: {}", with_causes(&error)));
            ExitCode::from(FAILED)
        }
    }
}

fn session(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(dir) = &arguments.ephemeral {
        vanish(dir);
    }
    let config = AgentConfig::read(Path::new(AgentConfig::PATH))?;
    priority::lower(&config).map_err(|source| Failure::Priority { source })?;
    let send_log = arguments.send_log.as_deref().map(open_log).transpose()?;
    let stream = |source: io::Error| Failure::Stream { source };
    // Not the standard library's standard output: that one holds back lines and takes a lock.
    let output = File::from(rustix::io::dup(io::stdout()).map_err(|error| stream(error.into()))?);
    let input = File::from(rustix::io::dup(io::stdin()).map_err(|error| stream(error.into()))?);
    let up = Arc::new(StreamUplink::new(output).map_err(stream)?);
    let down = StreamDownlink::new(input, |error| complain(&format!("holdfast-agent: {}", with_causes(&error))));
    let home = arguments.home.clone().or_else(|| std::env::var_os("HOME").map(Into::into));
    let options = Options { config, send_log, home, ..Options::default() };
    let result = serve(up.clone(), down, options);
    up.flush();
    Ok(result?)
}

/// Removes the program and the directory that was made for it. It goes on running; nothing of it stays behind.
fn vanish(dir: &Path) {
    // What can't be removed now is a cached agent like any other.
    let _left = std::env::current_exe().and_then(fs::remove_file);
    let _left = fs::remove_dir(dir);
}

fn open_log(path: &Path) -> Result<File, Failure> {
    let opened = File::options().create(true).append(true).open(path);
    opened.map_err(|source| Failure::SendLog { path: path.into(), source })
}

/// A panic in any thread ends the process at once: the server hears that the stream has ended.
fn die_of_panics() {
    std::panic::set_hook(Box::new(|panic| {
        complain(&format!("holdfast-agent: this is a bug in Holdfast, please report it: {panic}"));
        std::process::exit(BUG);
    }));
}

fn print(text: &str) -> Result<(), Failure> {
    io::stdout().write_all(text.as_bytes()).map_err(|source| Failure::Stream { source })
}

fn complain(text: &str) {
    // If standard error is gone there is nobody left to tell.
    let _gone = writeln!(io::stderr(), "{text}");
}
