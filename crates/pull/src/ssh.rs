//! One SSH session to a client, by the system's own `ssh`.
//!
//! OpenSSH's configuration, known hosts, agent, jump hosts and hardware keys apply as they do for the administrator;
//! an unknown or changed host key is refused as `ssh` refuses it. The session never forwards an agent, X11 or a port.
//! What the client sends is not looked at here: its pipes go to the puller.

mod explain;
mod program;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use holdfast_model::source::RemoteHost;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tempfile::NamedTempFile;

use crate::text::printable;

pub use explain::explain;
pub use program::{ParseSshError, SshProgram};

/// How lines begin that `ssh` writes only because we let it talk, for its host's key; none says what is wrong.
const VERBOSE: &[&str] = &["debug", "Authenticated to ", "Transferred: ", "Bytes per second: "];
/// So many bytes of the end of what `ssh` or the remote side said are kept.
const MAX_MESSAGES: u64 = 64 << 10;

/// A running `ssh`, and what it has said.
pub struct SshProcess {
    child: Child,
    pidfd: Arc<OwnedFd>,
    // ssh's own messages and the remote's are kept apart: only the former are believed about the connection.
    own: NamedTempFile,
    remote: File,
}

/// The two pipes that lead to the client.
pub struct SshPipes {
    /// Leads to the remote command's standard input.
    pub to_client: ChildStdin,
    /// Comes from the remote command's standard output.
    pub from_client: ChildStdout,
}

/// Ends a running `ssh` from another thread; does nothing once it has ended.
#[derive(Clone)]
pub struct SshKiller(Arc<OwnedFd>);

impl SshProcess {
    /// Starts `ssh`, to run `remote_command` in the client's login shell.
    pub fn start(program: &SshProgram, host: &RemoteHost, remote_command: &str) -> io::Result<(Self, SshPipes)> {
        let temporary = |error: io::Error| {
            let text = format!("cannot make a temporary file; set TMPDIR to a folder where that works ({error})");
            io::Error::new(error.kind(), text)
        };
        let own = NamedTempFile::with_prefix("holdfast-ssh-").map_err(temporary)?;
        let remote = tempfile::tempfile().map_err(temporary)?;
        let mut command = program.command(host, own.path());
        command.arg(remote_command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(remote.try_clone()?);
        let mut child = command.spawn().map_err(|error| {
            let program = Path::new(command.get_program()).display();
            io::Error::new(error.kind(), format!("cannot start {program}; is the OpenSSH client installed? ({error})"))
        })?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (to_client, from_client) = pipes.expect("both were asked for as pipes");
        let pid = Pid::from_child(&child);
        let pidfd = Arc::new(pidfd_open(pid, PidfdFlags::empty())?);
        Ok((Self { child, pidfd, own, remote }, SshPipes { to_client, from_client }))
    }

    /// Something that ends this `ssh`, for whoever waits for a cancellation.
    pub fn killer(&self) -> SshKiller {
        SshKiller(self.pidfd.clone())
    }

    /// Waits for the end of `ssh`, at most `patience`; then it is killed.
    pub fn wait(&mut self, patience: Duration) -> io::Result<ExitStatus> {
        let timeout = Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: patience.subsec_nanos().into() };
        if poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], Some(&timeout))? == 0 {
            self.killer().kill();
        }
        self.child.wait()
    }

    /// The end of what `ssh` itself has said, without what it says for debugging.
    pub fn own_messages(&mut self) -> String {
        let said = tail(self.own.as_file_mut());
        let verbose = |line: &str| VERBOSE.iter().any(|sign| line.starts_with(sign));
        said.lines().filter(|line| !verbose(line)).collect::<Vec<_>>().join("\n")
    }

    /// The fingerprint of the host's key, by which `ssh` has known the host.
    pub fn host_key(&mut self) -> Option<String> {
        const SIGN: &str = "debug1: Server host key: ";
        let said = tail(self.own.as_file_mut());
        said.lines().find_map(|line| line.strip_prefix(SIGN)).map(str::to_owned)
    }

    /// The end of what the remote side has written to its standard error.
    pub fn remote_messages(&mut self) -> String {
        tail(&mut self.remote)
    }
}

impl Drop for SshProcess {
    fn drop(&mut self) {
        self.killer().kill();
        let _ = self.child.wait();
    }
}

impl SshKiller {
    /// Ends `ssh`; the remote agent sees the end of its input and ends too.
    pub fn kill(&self) {
        // It may have ended already: then there is nothing to do.
        let _ = pidfd_send_signal(&self.0, Signal::TERM);
    }
}

/// The end of a file as text for people; what cannot be read is as good as not said.
fn tail(file: &mut File) -> String {
    let mut bytes = Vec::new();
    let length = file.seek(SeekFrom::End(0)).unwrap_or(0);
    if file.seek(SeekFrom::Start(length.saturating_sub(MAX_MESSAGES))).is_ok() {
        let _ = file.take(MAX_MESSAGES).read_to_end(&mut bytes);
    }
    // ssh ends its lines as for a terminal in raw mode.
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).collect();
    printable(lines.join(&b'\n').trim_ascii_end())
}
