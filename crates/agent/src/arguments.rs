//! The command line of the agent: few words, written by hand to keep the program small.

use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
holdfast-agent: the part of Holdfast that runs on a client, started by the server through SSH.

Usage: holdfast-agent --stdio [--home DIR] [--ephemeral DIR] [--send-log FILE]

  --stdio           serve one session over standard input and output
  --home DIR        the home directory that relative paths are meant beneath, rather than $HOME
  --ephemeral DIR   remove this program and the directory DIR before serving: nothing stays on this machine
  --send-log FILE   append a line for each chunk that leaves this machine: its SHA-256 and its length
  --version         print the version
  --help            print this

To let a server log in for nothing but this, put in authorized_keys:
  restrict,command=\"holdfast-agent --stdio\" ssh-ed25519 AAAA…
What it may do is limited by /etc/holdfast/agent.toml (paths, allow_restore, allow_commands, nice, ionice).
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Stdio,
    Version,
    Help,
}

/// A command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) mode: Mode,
    pub(crate) home: Option<PathBuf>,
    pub(crate) ephemeral: Option<PathBuf>,
    pub(crate) send_log: Option<PathBuf>,
}

impl Arguments {
    /// Fails with a sentence.
    pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let mut words = words.into_iter();
        let (mut mode, mut home, mut ephemeral, mut send_log) = (None, None, None, None);
        while let Some(word) = words.next() {
            let mut path = || words.next().map(PathBuf::from).ok_or(format!("{} needs a path", word.display()));
            match word.to_str() {
                Some("--stdio") => mode = mode.or(Some(Mode::Stdio)),
                Some("--version" | "-V") => mode = Some(Mode::Version),
                Some("--help" | "-h") => mode = Some(Mode::Help),
                Some("--home") => home = Some(path()?),
                Some("--ephemeral") => ephemeral = Some(path()?),
                Some("--send-log") => send_log = Some(path()?),
                _ => return Err(format!("{} is not known", word.display())),
            }
        }
        let mode = mode.ok_or("what to do is missing: --stdio, most likely")?;
        Ok(Self { mode, home, ephemeral, send_log })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn a_session_is_what_the_server_starts() {
        let expected = Arguments {
            mode: Mode::Stdio,
            home: Some("/root".into()),
            ephemeral: Some("/tmp/x".into()),
            send_log: Some("log".into()),
        };
        assert_eq!(parse("--stdio --home /root --ephemeral /tmp/x --send-log log"), Ok(expected));
        assert_eq!(parse("--version").unwrap().mode, Mode::Version);
        assert_eq!(parse("--stdio --help").unwrap().mode, Mode::Help);
    }

    #[test]
    fn anything_else_is_refused_with_a_sentence() {
        for line in ["", "--ephemeral", "--stdio --send-log", "--sdtio", "--stdio extra"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
