//! Which `ssh` to run, and the options that every session gets.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use holdfast_model::source::RemoteHost;

/// The `ssh` program with the user's own options, as `--ssh 'ssh -p 2222 -i KEY'` gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshProgram {
    program: PathBuf,
    arguments: Vec<String>,
    batch: bool,
}

/// A value of `--ssh` that is no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseSshError {
    /// Nothing in it.
    #[error("the ssh command is empty; give a program and its options, like 'ssh -p 2222'")]
    Empty,
    /// A quote without its end.
    #[error("the ssh command {0:?} has a quote that is not closed")]
    OpenQuote(String),
}

impl Default for SshProgram {
    fn default() -> Self {
        Self { program: "ssh".into(), arguments: Vec::new(), batch: true }
    }
}

impl SshProgram {
    /// Lets `ssh` ask on the terminal for a passphrase or a PIN. Otherwise it fails instead of asking.
    pub fn interactive(mut self) -> Self {
        self.batch = false;
        self
    }

    /// The command up to, not including, what runs on the host.
    pub(super) fn command(&self, host: &RemoteHost, log: &Path) -> Command {
        let mut command = Command::new(&self.program);
        // No terminal, no X11, no agent; -E keeps ssh's own messages apart from what the remote prints.
        command.args(["-T", "-x", "-a", "-E"]).arg(log);
        // A shared connection would outlive us, carry others' forwardings and hide a changed host key.
        for option in [
            "ForwardAgent=no",
            "ForwardX11=no",
            "ClearAllForwardings=yes",
            "PermitLocalCommand=no",
            "ControlMaster=no",
            "ControlPath=none",
            "RemoteCommand=none",
            "RequestTTY=no",
            "EscapeChar=none",
            // It tells the host's key in its log; the rest of that is left out.
            "LogLevel=DEBUG1",
            "ServerAliveInterval=15",
            "ServerAliveCountMax=4",
            if self.batch { "BatchMode=yes" } else { "BatchMode=no" },
        ] {
            command.args(["-o", option]);
        }
        command.args(&self.arguments);
        if let Some(user) = host.user() {
            command.args(["-l", user]);
        }
        if let Some(port) = host.port() {
            command.args(["-p", &port.to_string()]);
        }
        command.arg("--").arg(host.host());
        command
    }
}

impl FromStr for SshProgram {
    type Err = ParseSshError;

    /// Splits at blanks as rsync's `-e` does; single and double quotes keep them.
    fn from_str(text: &str) -> Result<Self, ParseSshError> {
        let mut words = Vec::new();
        let mut word: Option<String> = None;
        let mut quote = None;
        for c in text.chars() {
            match quote {
                Some(open) if c == open => quote = None,
                Some(_) => word.get_or_insert_default().push(c),
                None if c == '\'' || c == '"' => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                None if c.is_whitespace() => words.extend(word.take()),
                None => word.get_or_insert_default().push(c),
            }
        }
        if quote.is_some() {
            return Err(ParseSshError::OpenQuote(text.to_owned()));
        }
        words.extend(word);
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.is_empty()).ok_or(ParseSshError::Empty)?;
        Ok(Self { program: program.into(), arguments: words.collect(), batch: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ssh_command_is_split_as_rsync_splits_it() {
        let ssh: SshProgram = "ssh  -p 2222 -i 'my key' -o \"User=a b\"".parse().unwrap();
        assert_eq!(ssh.program, PathBuf::from("ssh"));
        assert_eq!(ssh.arguments, ["-p", "2222", "-i", "my key", "-o", "User=a b"]);
        assert_eq!("  ".parse::<SshProgram>(), Err(ParseSshError::Empty));
        assert!("ssh 'x".parse::<SshProgram>().is_err());
    }
}
