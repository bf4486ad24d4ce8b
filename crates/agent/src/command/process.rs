//! The process of a command: started in a group of its own, killed with all of the group, waited for once.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use holdfast_wire::CommandEnd;
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use serde_bytes::ByteBuf;

use super::tail::Tail;

/// A failure anywhere in a pipe counts, where the shell knows how. A shell that does not would end over it, so a
/// subshell tries it first.
const PIPEFAIL: &str = "(set -o pipefail) 2>/dev/null && set -o pipefail\n";

/// A command that was started.
pub(super) struct Process {
    /// The leader of the group, whose number is not given to another process before it is waited for.
    group: Pid,
    child: Mutex<Option<Child>>,
    stderr: Option<Tail>,
}

impl Process {
    /// Starts a command; gives its standard output as well.
    pub(super) fn start(command: &str) -> io::Result<(Self, ChildStdout)> {
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(format!("{PIPEFAIL}{command}"))
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = child.stderr.take().map(Tail::follow).transpose()?;
        let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let group = Pid::from_child(&child);
        Ok((Self { group, child: Mutex::new(Some(child)), stderr }, output))
    }

    /// Waits for its end.
    pub(super) fn wait(&self) -> CommandEnd {
        // It stays a zombie, with its number, until nobody can want to kill it any more.
        let _ended = waitid(WaitId::Pid(self.group), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        let child = self.child.lock().take();
        let status = child.and_then(|mut child| child.wait().ok());
        let stderr = self.stderr.as_ref().map(Tail::end).unwrap_or_default();
        CommandEnd {
            code: status.and_then(|status| status.code()),
            signal: status.and_then(|status: ExitStatus| status.signal()),
            stderr: ByteBuf::from(stderr),
        }
    }

    /// Kills it and all that it started, unless it has ended.
    pub(super) fn kill(&self) {
        if self.child.lock().is_some() {
            // It may have ended this moment.
            let _gone = kill_process_group(self.group, Signal::KILL);
        }
    }
}
