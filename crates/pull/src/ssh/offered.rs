//! Which key a host shows, without believing it: for a person to compare.
//!
//! `ssh` itself asks, through the same configuration and jump hosts as every session, and gets no further: it offers no way
//! to log in.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use holdfast_model::source::RemoteHost;

use super::explain::{SshFailure, explain};
use super::program::SshProgram;
use crate::text::printable;

/// Why a host's key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum OfferedError {
    /// `ssh` does not start.
    #[error("cannot ask the host for its key")]
    Start(#[source] io::Error),
    /// The host does not answer, or not as an SSH server does.
    #[error("{said}")]
    Ssh {
        /// Why.
        failure: SshFailure,
        /// What it said, and what to do.
        said: String,
    },
}

/// So much of what `ssh` says is looked at.
const MAX_SAID: u64 = 64 << 10;
/// Nobody who waits for a key waits longer.
const PATIENCE: Duration = Duration::from_secs(90);

/// The keys that a host shows now, as `known_hosts` has them without the host's name.
pub fn offered_keys(program: &SshProgram, host: &RemoteHost) -> Result<Vec<String>, OfferedError> {
    let folder = tempfile::tempdir().map_err(OfferedError::Start)?;
    let known = folder.path().join("known_hosts");
    let file = known.to_string_lossy();
    let asking = [
        ("UserKnownHostsFile", &*file),
        ("GlobalKnownHostsFile", "none"),
        ("StrictHostKeyChecking", "accept-new"),
        ("HashKnownHosts", "no"),
        ("PreferredAuthentications", "none"),
        // A host that says nothing must not keep whoever asks.
        ("ConnectTimeout", "30"),
    ];
    let mut jump = program.jump_log().map_err(OfferedError::Start)?;
    let mut command = program.asking(host, &asking, jump.as_ref());
    let said = said_by(command.arg("true")).map_err(OfferedError::Start)?;
    let text = std::fs::read_to_string(&known).unwrap_or_default();
    let keys: Vec<String> = text.lines().filter_map(key_of).collect();
    if keys.is_empty() {
        // On no terminal it ends its lines as on one.
        let lines: Vec<u8> = said.into_iter().filter(|byte| *byte != b'\r').collect();
        let said = printable(&lines);
        let host = host.to_string();
        let on_the_way = jump.as_mut().and_then(|jump| jump.explained(&host, &said));
        let (failure, said) = on_the_way.unwrap_or_else(|| explain(&host, &said));
        return Err(OfferedError::Ssh { failure, said });
    }
    Ok(keys)
}

/// Runs `ssh` and gives back what it says. A host that it passes on can say as much as it likes, for as long as it likes: it
/// is ended when that is enough.
fn said_by(command: &mut Command) -> io::Result<Vec<u8>> {
    let mut ssh = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let stderr = ssh.stderr.take();
    let ssh = Arc::new(Mutex::new(ssh));
    let end = |ssh: &Mutex<Child>| ssh.lock().unwrap_or_else(PoisonError::into_inner).kill();
    let (over, watch) = mpsc::channel::<()>();
    let watched = ssh.clone();
    std::thread::spawn(move || {
        if watch.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            let _ = end(&watched);
        }
    });
    let mut said = Vec::new();
    let read = stderr.map_or(Ok(0), |stderr| stderr.take(MAX_SAID).read_to_end(&mut said));
    let _ = end(&ssh);
    drop(over);
    ssh.lock().unwrap_or_else(PoisonError::into_inner).wait()?;
    read.map(|_| said)
}

/// A line of `known_hosts` without its names.
fn key_of(line: &str) -> Option<String> {
    let (_, key) = line.split_once(' ')?;
    Some(key.trim().to_owned()).filter(|key| key.contains(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_never_stops_talking_is_heard_so_far() {
        let said = said_by(Command::new("sh").args(["-c", "while :; do echo 'a banner' >&2; done"])).unwrap();
        assert_eq!(said.len() as u64, MAX_SAID);
        assert_eq!(said_by(Command::new("sh").args(["-c", "echo why >&2"])).unwrap(), b"why\n");
    }
}
