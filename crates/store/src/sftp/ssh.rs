//! The program that connects to an SFTP server: the system's ssh, or what the user gives in its place.
//!
//! ssh's own configuration, keys, agent, known hosts and jump hosts apply; forwarding of any kind is off. Ctrl-C does not
//! reach it: we end it when we are done.

use std::process::{Child, Command, Stdio};

use super::error::SftpError;
use crate::helper::{keep_secrets, split_words};
use crate::uri::SftpPlace;

/// How to connect, if not by plain `ssh`.
#[derive(Debug, Clone, Default)]
pub struct SshProgram {
    /// The whole command, as in a shell, in place of `ssh` and all its arguments. It must end in an SFTP server.
    pub command: Option<String>,
    /// More arguments for `ssh`, as in a shell.
    pub arguments: Option<String>,
}

/// Passes on to a program that ignores the interrupts of a terminal, though it may still ask for a password there.
const SHIELD: &str = r#"trap "" INT QUIT; exec "$@""#;

const OPTIONS: [&str; 8] = [
    "-oForwardAgent=no",
    "-oForwardX11=no",
    "-oClearAllForwardings=yes",
    "-oPermitLocalCommand=no",
    "-oRequestTTY=no",
    "-oRemoteCommand=none",
    // So that a dead link is noticed within two minutes.
    "-oServerAliveInterval=30",
    "-oServerAliveCountMax=4",
];

/// The program and its arguments.
pub(super) fn command_line(place: &SftpPlace, how: &SshProgram) -> Result<Vec<String>, SftpError> {
    let words = |text: &String| split_words(text).ok_or_else(|| SftpError::Command { text: text.clone() });
    if let Some(command) = &how.command {
        let line = words(command)?;
        return if line.is_empty() { Err(SftpError::Command { text: command.clone() }) } else { Ok(line) };
    }
    let mut line = vec!["ssh".to_owned()];
    line.extend(OPTIONS.map(str::to_owned));
    if let Some(port) = place.port {
        line.extend(["-p".to_owned(), port.to_string()]);
    }
    if let Some(user) = &place.user {
        line.extend(["-l".to_owned(), user.clone()]);
    }
    line.extend(how.arguments.as_ref().map(words).transpose()?.unwrap_or_default());
    line.extend(["-s", "--", &place.host, "sftp"].map(str::to_owned));
    Ok(line)
}

/// Starts the program with pipes.
pub(super) fn start(line: &[String]) -> Result<Child, SftpError> {
    let mut command = Command::new("sh");
    command.args(["-c", SHIELD, "holdfast-sftp"]).args(line);
    keep_secrets(&mut command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let program = line.first().cloned().unwrap_or_default();
    command.spawn().map_err(|source| SftpError::Start { program, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> SftpPlace {
        match text.parse() {
            Ok(crate::Place::Sftp(place)) => place,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_host_comes_last_and_is_never_an_option() {
        let how = SshProgram { arguments: Some("-i 'my key'".to_owned()), ..SshProgram::default() };
        let line = command_line(&place("sftp://ann@host:2222//srv"), &how).unwrap();
        assert_eq!(line[9..], ["-p", "2222", "-l", "ann", "-i", "my key", "-s", "--", "host", "sftp"]);
        let line = command_line(&place("sftp:host:/srv"), &SshProgram::default()).unwrap();
        assert_eq!(line[9..], ["-s", "--", "host", "sftp"]);
    }

    #[test]
    fn a_command_replaces_ssh() {
        let how = |text: &str| SshProgram { command: Some(text.to_owned()), ..SshProgram::default() };
        let line = command_line(&place("sftp:host:/srv"), &how("/usr/lib/openssh/sftp-server -e")).unwrap();
        assert_eq!(line, ["/usr/lib/openssh/sftp-server", "-e"]);
        assert!(command_line(&place("sftp:host:/srv"), &how("  ")).is_err());
        assert!(command_line(&place("sftp:host:/srv"), &how("'a")).is_err());
    }
}
