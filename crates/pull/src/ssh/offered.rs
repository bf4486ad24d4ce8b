//! Which key a host shows, without believing it: for a person to compare.
//!
//! `ssh` itself asks, through the same configuration and jump hosts as every session, and gets no further: it offers no way
//! to log in.

use std::io;
use std::process::Stdio;

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
const MAX_SAID: usize = 64 << 10;

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
    let done = command.arg("true").stdin(Stdio::null()).output().map_err(OfferedError::Start)?;
    let text = std::fs::read_to_string(&known).unwrap_or_default();
    let keys: Vec<String> = text.lines().filter_map(key_of).collect();
    if keys.is_empty() {
        // On no terminal it ends its lines as on one.
        let lines: Vec<u8> = done.stderr.iter().copied().filter(|byte| *byte != b'\r').take(MAX_SAID).collect();
        let said = printable(&lines);
        let host = host.to_string();
        let on_the_way = jump.as_mut().and_then(|jump| jump.explained(&host, &said));
        let (failure, said) = on_the_way.unwrap_or_else(|| explain(&host, &said));
        return Err(OfferedError::Ssh { failure, said });
    }
    Ok(keys)
}

/// A line of `known_hosts` without its names.
fn key_of(line: &str) -> Option<String> {
    let (_, key) = line.split_once(' ')?;
    Some(key.trim().to_owned()).filter(|key| key.contains(' '))
}
