//! Which `ssh` to run, and the options that every session gets.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use holdfast_model::source::RemoteHost;

use super::jump::{Jump, JumpLog};

/// Where nothing is kept.
const NOWHERE: &str = "/dev/null";

/// The `ssh` program with the user's own options, as `--ssh 'ssh -p 2222 -i KEY'` gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshProgram {
    program: PathBuf,
    arguments: Vec<String>,
    batch: bool,
    jump: Option<Box<Jump>>,
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
    /// It would keep `ssh` from saying which key the host has.
    #[error("leave -q out of the ssh command: ssh has to say which key the host has proven, which is not shown")]
    Quiet,
}

impl Default for SshProgram {
    fn default() -> Self {
        Self { program: "ssh".into(), arguments: Vec::new(), batch: true, jump: None }
    }
}

impl SshProgram {
    /// Lets `ssh` ask on the terminal for a passphrase or a PIN. Otherwise it fails instead of asking.
    pub fn interactive(mut self) -> Self {
        self.batch = false;
        self
    }

    /// The same with one more option. What was said first counts, as always with `ssh`.
    #[must_use]
    pub fn with_option(mut self, name: &str, value: &str) -> Self {
        self.arguments.extend(["-o".to_owned(), format!("{name}={value}")]);
        self
    }

    /// The same through another host, which is called as `program` says and in no other way.
    #[must_use]
    pub fn through(mut self, program: Self, host: RemoteHost) -> Self {
        self.jump = Some(Box::new(Jump { program, host }));
        self
    }

    /// Where what is said of the host on the way is kept, if there is one.
    pub(super) fn jump_log(&self) -> io::Result<Option<JumpLog>> {
        self.jump.as_ref().map(|jump| jump.log()).transpose()
    }

    /// Adds the user's own options, and the way.
    pub(super) fn say(&self, command: &mut Command, jump_log: &Path) {
        if let Some(jump) = &self.jump {
            command.arg("-o").arg(format!("ProxyCommand={}", jump.proxy_command(jump_log)));
        }
        command.args(&self.arguments);
    }

    /// Whether this is OpenSSH's own program by its name, and no script of somebody's that takes other options.
    pub(super) fn is_plain(&self) -> bool {
        self.program.file_name().is_some_and(|name| name == "ssh")
    }

    /// Prints the configuration that `ssh` would use, with the user's options and files.
    pub(super) fn configuration(&self, host: &RemoteHost) -> Command {
        let mut command = self.bare();
        command.args(&self.arguments).arg("-G");
        to(host, &mut command);
        command
    }

    /// Prints the configuration that `ssh` has built in.
    pub(super) fn own_configuration(&self, host: &RemoteHost) -> Command {
        let mut command = self.bare();
        command.args(["-F", "none", "-G", "--"]).arg(host.host());
        command
    }

    /// The command for a session that is only to show something, with options that go before the user's own.
    pub(super) fn asking(&self, host: &RemoteHost, options: &[(&str, &str)], jump_log: Option<&JumpLog>) -> Command {
        let mut command = self.bare();
        command.args([
            "-T",
            "-x",
            "-a",
            "-o",
            "BatchMode=yes",
            "-o",
            "ControlPath=none",
            "-o",
            "ClearAllForwardings=yes",
        ]);
        for (name, value) in options {
            command.arg("-o").arg(format!("{name}={value}"));
        }
        self.say(&mut command, jump_log.map_or(Path::new(NOWHERE), JumpLog::path));
        to(host, &mut command);
        command
    }

    pub(super) fn bare(&self) -> Command {
        let mut command = Command::new(&self.program);
        // A jump, or a configuration that sends variables, could carry them to other machines.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_ours)) {
            command.env_remove(name);
        }
        command
    }

    /// The command up to, not including, what runs on the host. `ciphers` are preferred to the user's.
    pub(super) fn command(
        &self,
        host: &RemoteHost,
        log: &Path,
        jump_log: Option<&JumpLog>,
        ciphers: Option<&str>,
    ) -> Command {
        let mut command = self.bare();
        // No terminal, no X11, no agent; -E keeps ssh's own messages apart from what the remote prints.
        command.args(["-T", "-x", "-a", "-E"]).arg(log);
        if let Some(ciphers) = ciphers {
            command.arg("-o").arg(format!("Ciphers={ciphers}"));
        }
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
        self.say(&mut command, jump_log.map_or(Path::new(NOWHERE), JumpLog::path));
        to(host, &mut command);
        command
    }
}

/// Adds where to connect to.
pub(super) fn to(host: &RemoteHost, command: &mut Command) {
    if let Some(user) = host.user() {
        command.args(["-l", user]);
    }
    if let Some(port) = host.port() {
        command.args(["-p", &port.to_string()]);
    }
    command.arg("--").arg(host.host());
}

/// Whether a variable is about the repository or its storage: nothing that an `ssh` to a client has to know.
fn is_ours(name: &str) -> bool {
    const BEGINNINGS: [&str; 10] =
        ["HOLDFAST_", "RESTIC_", "AWS_", "B2_", "AZURE_", "GOOGLE_", "GCS_", "OS_", "ST_", "RCLONE_"];
    BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
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
        let arguments: Vec<String> = words.collect();
        if is_quiet(&arguments) {
            return Err(ParseSshError::Quiet);
        }
        Ok(Self { program: program.into(), arguments, batch: true, jump: None })
    }
}

/// Whether `-q` is among the options, alone or together with others.
fn is_quiet(arguments: &[String]) -> bool {
    /// Letters of ssh(1) that take a value, which is the rest of the word or the next one.
    const WITH_VALUE: &str = "BbcDEeFIiJLlmOopQRSWw";
    let mut arguments = arguments.iter();
    while let Some(letters) = arguments.next().and_then(|word| word.strip_prefix('-')) {
        for (at, letter) in letters.char_indices() {
            if letter == 'q' {
                return true;
            }
            if WITH_VALUE.contains(letter) {
                if at + 1 == letters.len() {
                    arguments.next();
                }
                break;
            }
        }
    }
    false
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

    #[test]
    fn an_ssh_that_would_not_say_the_key_is_refused() {
        let parsed = |text: &str| text.parse::<SshProgram>();
        for quiet in ["ssh -q", "ssh -p 22 -4q", "ssh -vq -p22"] {
            assert_eq!(parsed(quiet), Err(ParseSshError::Quiet), "{quiet}");
        }
        for loud in ["ssh -p 22 -i q", "ssh -iq -J quiet", "ssh -o User=q -4"] {
            assert!(parsed(loud).is_ok(), "{loud}");
        }
    }

    #[test]
    fn ssh_learns_none_of_our_secrets() {
        for secret in ["HOLDFAST_PASSWORD", "RESTIC_PASSWORD_FILE", "AWS_SECRET_ACCESS_KEY", "RCLONE_CONFIG_X_PASS"] {
            assert!(is_ours(secret), "{secret}");
        }
        for needed in ["SSH_AUTH_SOCK", "HOME", "PATH", "SSH_ASKPASS", "DISPLAY"] {
            assert!(!is_ours(needed), "{needed}");
        }
    }
}
