//! The way through another host: an `ssh` of its own, which the session's `ssh` runs in place of a connection.
//!
//! `ProxyJump` would call that host without the options of the session, by whatever keys are known elsewhere. Here it is called
//! by options of its own, and what is said of it is kept apart from what is said of the client.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::Command;

use holdfast_model::source::RemoteHost;
use tempfile::NamedTempFile;

use super::explain::{ADVICE, SshFailure, explain};
use super::program::{SshProgram, to};
use super::{VERBOSE, tail};

/// How to call the host on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Jump {
    pub(super) program: SshProgram,
    pub(super) host: RemoteHost,
}

/// What `ssh` says about the host on the way.
pub(super) struct JumpLog {
    host: String,
    file: NamedTempFile,
}

impl Jump {
    pub(super) fn log(&self) -> io::Result<JumpLog> {
        Ok(JumpLog { host: self.host.to_string(), file: NamedTempFile::with_prefix("holdfast-jump-")? })
    }

    /// The value of `ProxyCommand`. The user's shell takes it apart; before that `ssh` puts in the host and port to go on to.
    pub(super) fn proxy_command(&self, log: &Path) -> String {
        let mut command = self.program.bare();
        command.args(["-T", "-x", "-a", "-E"]).arg(log);
        for option in [
            "BatchMode=yes",
            "ForwardAgent=no",
            "ForwardX11=no",
            "PermitLocalCommand=no",
            "ControlMaster=no",
            "ControlPath=none",
            "RemoteCommand=none",
            "RequestTTY=no",
            "LogLevel=INFO",
            "ServerAliveInterval=15",
            "ServerAliveCountMax=4",
        ] {
            command.args(["-o", option]);
        }
        self.program.say(&mut command, log);
        // A host that says nothing must not keep whoever asks, but for longer if somebody said so.
        command.args(["-o", "ConnectTimeout=30"]);
        let mut place = Command::new("");
        to(&self.host, &mut place);
        let first = std::iter::once(command.get_program()).chain(command.get_args()).map(word);
        let words: Vec<String> = first.chain(["-W '[%h]:%p'".to_owned()]).chain(place.get_args().map(word)).collect();
        words.join(" ")
    }
}

impl JumpLog {
    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Why the host on the way let nobody through, if it is to blame for the end of a session with `host`, of which `ssh` has
    /// said `own`.
    pub(super) fn explained(&mut self, host: &str, own: &str) -> Option<(SshFailure, String)> {
        let said = tail(self.file.as_file_mut());
        // A warning about the way is nobody's fault.
        let is_said = |line: &&str| !line.starts_with("** ") && !VERBOSE.iter().any(|sign| line.starts_with(sign));
        let lines: Vec<&str> = said.lines().filter(is_said).collect();
        explained(&self.host, host, own, &lines.join("\n"))
    }
}

fn explained(jump: &str, host: &str, own: &str, said: &str) -> Option<(SshFailure, String)> {
    /// The host on the way is there, but what lies behind it is not.
    const BEHIND: &str = "open failed: connect failed";
    /// How `ssh` calls the other end of its own program.
    const NOBODY: &str = "UNKNOWN port";
    if said.contains(BEHIND) {
        let (_, said) = explain(host, said);
        return Some((SshFailure::Unreachable, format!("{said}, as seen from the jump host {jump}")));
    }
    let is_known = said.contains("administratively prohibited") || ADVICE.iter().any(|(sign, ..)| said.contains(sign));
    let is_to_blame = is_known || own.contains(NOBODY) && !said.is_empty();
    let (failure, said) = explain(jump, said);
    // Who is away comes back; the rest is for somebody to mend.
    let failure = if failure == SshFailure::Unreachable { failure } else { SshFailure::JumpHost };
    is_to_blame.then(|| (failure, format!("the jump host did not let us through: {said}")))
}

/// A word for the shell, in which `ssh` puts nothing in.
fn word(word: &OsStr) -> String {
    format!("'{}'", word.to_string_lossy().replace('\'', r"'\''").replace('%', "%%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str) -> RemoteHost {
        RemoteHost::new(Some(b"ann"), name.as_bytes(), None).unwrap()
    }

    #[test]
    fn the_way_is_one_word_to_the_shell_at_every_hop() {
        let plain = SshProgram::default().with_option("IdentityFile", "\"/keys/it's 100%%\"");
        let inner = Jump { program: plain, host: host("gate") }.proxy_command("/tmp/log".as_ref());
        assert!(inner.contains(r#"'IdentityFile="/keys/it'\''s 100%%%%"'"#), "{inner}");
        assert!(inner.ends_with("-W '[%h]:%p' '-l' 'ann' '--' 'gate'"), "{inner}");
        let through = SshProgram::default().through(SshProgram::default(), host("outer"));
        let nested = Jump { program: through, host: host("gate") }.proxy_command("/tmp/log".as_ref());
        assert!(nested.contains("'[%%h]:%%p'") && nested.contains("-W '[%h]:%p'"), "{nested}");
    }

    #[test]
    fn whoever_failed_is_named() {
        let explained = |own: &str, said: &str| explained("ann@gate", "web1", own, said);
        let closed = "Connection closed by UNKNOWN port 65535";
        let (failure, text) = explained(closed, "ann@gate: Permission denied (publickey).").unwrap();
        assert_eq!(failure, SshFailure::JumpHost);
        assert!(text.contains("ssh to ann@gate failed: ann@gate: Permission denied"), "{text}");
        let refused = "channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed";
        let (failure, text) = explained(closed, refused).unwrap();
        assert_eq!(failure, SshFailure::Unreachable);
        assert!(text.starts_with("ssh to web1 failed") && text.ends_with("from the jump host ann@gate"), "{text}");
        let warning = "** WARNING: connection is not using a post-quantum key exchange algorithm.";
        assert_eq!(explained("ann@web1: Permission denied (publickey).", warning), None);
        assert_eq!(explained(closed, ""), None);
        let prohibited = "channel 0: open failed: administratively prohibited: open failed";
        assert_eq!(explained(closed, prohibited).unwrap().0, SshFailure::JumpHost);
    }
}
