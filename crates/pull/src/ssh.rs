//! One SSH session to a client, by the system's own `ssh`.
//!
//! OpenSSH's configuration, known hosts, agent, jump hosts and hardware keys apply as they do for the administrator;
//! an unknown or changed host key is refused as `ssh` refuses it. The session never forwards an agent, X11 or a port.
//! What the client sends is not looked at here: its pipes go to the puller.

mod cipher;
mod explain;
mod jump;
mod offered;
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
use rustix::io::Errno;
use rustix::pipe::fcntl_setpipe_size;
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal, pidfd_open, pidfd_send_signal, prlimit};
use tempfile::NamedTempFile;

use crate::text::printable;

use explain::explain;
use jump::JumpLog;

pub use explain::SshFailure;
pub use offered::{OfferedError, offered_keys};
pub use program::{ParseSshError, SshProgram};

/// How lines begin that `ssh` writes only because we let it talk, for its host's key; none says what is wrong.
const VERBOSE: &[&str] = &["debug", "Authenticated to ", "Transferred: ", "Bytes per second: "];
/// So many bytes of the end of what `ssh` or the remote side said are looked at.
const MAX_MESSAGES: u64 = 64 << 10;
/// So many characters of the end of what the remote side said are shown.
const MAX_SHOWN: usize = 2000;
/// So many bytes of the beginning of what `ssh` said hold its word about the host's key.
const BEGINNING: u64 = 256 << 10;
/// Bytes that `ssh` may write into any file. What the remote side says to its standard error ends in one, and what the
/// host's `sshd` adds to the log in another: neither must fill our disk. One that goes on is ended by the kernel.
const MAX_WRITTEN: u64 = 16 << 20;
/// Bytes that `ssh` may be ahead of whoever reads: with what a pipe has by itself the two wake each other for every 64 KiB.
///
/// An unprivileged user has 64 MiB for all pipes.
const PIPE: usize = 256 << 10;
/// An `ssh` that was told to end gets so long before it is killed.
const GRACE: Duration = Duration::from_secs(1);

/// A running `ssh`, and what it has said.
pub struct SshProcess {
    child: Child,
    pidfd: Arc<OwnedFd>,
    // ssh's own messages and the remote's are kept apart: only the former are believed about the connection.
    own: NamedTempFile,
    jump: Option<JumpLog>,
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
        let jump = program.jump_log().map_err(temporary)?;
        let ciphers = cipher::preferred(program, host);
        let mut command = program.command(host, own.path(), jump.as_ref(), ciphers.as_deref());
        command.arg(remote_command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(remote.try_clone()?);
        let mut child = command.spawn().map_err(|error| {
            let program = Path::new(command.get_program()).display();
            io::Error::new(error.kind(), format!("cannot start {program}; is the OpenSSH client installed? ({error})"))
        })?;
        if let Some(from_client) = &child.stdout {
            // The system may allow less: then there are more and smaller reads.
            let _ = fcntl_setpipe_size(from_client, PIPE);
        }
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (to_client, from_client) = pipes.expect("both were asked for as pipes");
        match watched(&child) {
            Ok(pidfd) => {
                let process = Self { child, pidfd: Arc::new(pidfd), own, jump, remote };
                Ok((process, SshPipes { to_client, from_client }))
            }
            Err(error) => {
                let _ = child.kill().and_then(|()| child.wait());
                Err(error)
            }
        }
    }

    /// Something that ends this `ssh`, for whoever waits for a cancellation.
    pub fn killer(&self) -> SshKiller {
        SshKiller(self.pidfd.clone())
    }

    /// Waits for the end of `ssh`, at most `patience`; then it is told to end, and if it does not, killed.
    pub fn wait(&mut self, patience: Duration) -> io::Result<ExitStatus> {
        if !self.ends_within(patience)? {
            self.killer().kill();
            if !self.ends_within(GRACE)? {
                self.child.kill()?;
            }
        }
        self.child.wait()
    }

    fn ends_within(&self, time: Duration) -> io::Result<bool> {
        ends_within(&self.pidfd, time)
    }

    /// The end of what `ssh` itself has said, without what it says for debugging.
    fn own_messages(&mut self) -> String {
        let said = tail(self.own.as_file_mut());
        let verbose = |line: &str| VERBOSE.iter().any(|sign| line.starts_with(sign));
        said.lines().filter(|line| !verbose(line)).collect::<Vec<_>>().join("\n")
    }

    /// Why `ssh` to a host failed, and one sentence about it: whoever failed is named, it may be the one on the way.
    pub fn explain(&mut self, host: &str) -> (SshFailure, String) {
        let own = self.own_messages();
        let on_the_way = self.jump.as_mut().and_then(|jump| jump.explained(host, &own));
        on_the_way.unwrap_or_else(|| explain(host, &own))
    }

    /// The fingerprint of the host's key, by which `ssh` has known the host; `None` if that is not beyond doubt.
    pub fn host_key(&mut self) -> Option<String> {
        let file = self.own.as_file_mut();
        let mut said = Vec::new();
        file.rewind().and_then(|()| file.take(BEGINNING).read_to_end(&mut said)).ok()?;
        proven_key(&printable_lines(&said))
    }

    /// The end of what the remote side has written to its standard error.
    pub fn remote_messages(&mut self) -> String {
        let said = tail(&mut self.remote);
        let from = said.char_indices().rev().nth(MAX_SHOWN).map_or(0, |(at, _)| at);
        if from == 0 { said } else { format!("…{}", &said[from..]) }
    }
}

impl Drop for SshProcess {
    fn drop(&mut self) {
        let _ = self.wait(Duration::ZERO);
    }
}

impl SshKiller {
    /// Ends `ssh`; the remote agent sees the end of its input and ends too.
    pub fn kill(&self) {
        // It may have ended already: then there is nothing to do.
        let _ = pidfd_send_signal(&self.0, Signal::TERM);
    }
}

/// Whether a process ends in so much time.
fn ends_within(process: &OwnedFd, time: Duration) -> io::Result<bool> {
    let timeout = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: time.subsec_nanos().into() };
    loop {
        match poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&timeout)) {
            Err(Errno::INTR) => {}
            ended => return Ok(ended? > 0),
        }
    }
}

/// Bounds what a new `ssh` may write, and gives a handle on it that no other process can take over.
fn watched(child: &Child) -> io::Result<OwnedFd> {
    let pid = Pid::from_child(child);
    let most = Rlimit { current: Some(MAX_WRITTEN), maximum: Some(MAX_WRITTEN) };
    prlimit(Some(pid), Resource::Fsize, most)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// The key that `ssh` says in its log to be the host's.
///
/// A host can have `ssh` write any line into that log, by messages for debugging, of which the first line begins with a
/// sign of its own. So there must be no such message before the key, and no second key after it.
fn proven_key(log: &str) -> Option<String> {
    const KEY: &str = "debug1: Server host key: ";
    const OF_THE_HOST: &str = "debug1: Remote: ";
    let mut keys =
        log.lines().take_while(|line| !line.starts_with(OF_THE_HOST)).filter_map(|line| line.strip_prefix(KEY));
    let key = keys.next()?;
    let mut all = log.lines().filter_map(|line| line.strip_prefix(KEY));
    all.all(|other| other == key).then(|| key.to_owned())
}

/// The end of a file as text for people; what cannot be read is as good as not said.
fn tail(file: &mut File) -> String {
    let mut bytes = Vec::new();
    let length = file.seek(SeekFrom::End(0)).unwrap_or(0);
    if file.seek(SeekFrom::Start(length.saturating_sub(MAX_MESSAGES))).is_ok() {
        let _ = file.take(MAX_MESSAGES).read_to_end(&mut bytes);
    }
    printable_lines(&bytes)
}

/// What `ssh` has said. It ends its lines as for a terminal in raw mode.
fn printable_lines(bytes: &[u8]) -> String {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).collect();
    printable(lines.join(&b'\n').trim_ascii_end())
}

#[cfg(test)]
mod tests;
