//! An agent on a client: `ssh`, and a puller that reads what the client sends.
//!
//! Everything that arrives is a stranger's: messages are decoded here within their bounds, chunk bytes are cut where
//! they were asked for, and more than was asked for ends the session.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use holdfast_handover::{
    Down, DownSender, ErrorKind, OwnedUp, PullerFds, RingSizes, Up as Record, UpReceiver, VaultEnd, wait_for_either,
};
use holdfast_model::CancelToken;
use holdfast_model::source::RemoteHost;
use holdfast_wire::{BlobHeader, ToAgent, ViolationClass, encode};

use super::ending::Ending;
use super::intake::{Intake, Over};
use super::rate::{Rate, Throttle};
use super::{ClientLink, LinkError, NAP, Traffic, Trust, Up};
use crate::agents::Agents;
use crate::preamble::Line;
use crate::ssh::{SshPipes, SshProcess, SshProgram};
use crate::text::printable_path;
use crate::{Start, Violation, preamble};

/// Bytes that may be under way from an agent before they are taken.
const CREDIT: u64 = 32 << 20;
/// What an agent may say while we send, before that is a flood.
const MAX_EARLY: usize = 64 << 20;
/// So long an agent may leave unread what it is told.
const UNREAD: Duration = Duration::from_secs(30 * 60);
/// `ssh` gets so long to end after its pipes are closed.
const PATIENCE: Duration = Duration::from_secs(10);

/// How to reach a client.
#[derive(Debug)]
pub struct Remote<'a> {
    /// The host.
    pub host: &'a RemoteHost,
    /// The `ssh` program.
    pub ssh: &'a SshProgram,
    /// How to start the agent there.
    pub start: Start,
    /// The agents that can be brought.
    pub agents: &'a Agents,
    /// This program, which is also the puller: `PROGRAM puller --agent ARCHITECTURE… DESCRIPTORS`.
    pub puller: &'a Path,
    /// How fast the client may send.
    pub rate: Rate,
}

/// The server's end of a session with a client.
pub struct RemoteLink {
    host: String,
    ssh: SshProcess,
    puller: Child,
    up: UpReceiver,
    down: DownSender,
    ending: Arc<Ending>,
    early: VecDeque<OwnedUp>,
    early_bytes: usize,
    intake: Intake,
    throttle: Throttle,
}

impl RemoteLink {
    /// Starts `ssh` and the puller. The agent is heard of with the first message.
    pub fn connect(remote: &Remote<'_>, cancel: &CancelToken) -> io::Result<Self> {
        let command = preamble::command(remote.agents, remote.start);
        let (ssh, pipes) = SshProcess::start(remote.ssh, remote.host, &command)?;
        let failed = |what: &str, error: io::Error| io::Error::new(error.kind(), format!("{what} ({error})"));
        let handover = VaultEnd::create(RingSizes::default()).map_err(io::Error::other);
        let (VaultEnd { up, down }, fds) = handover
            .map_err(|error| failed("cannot share memory with the process that reads what the host sends", error))?;
        let puller = start_puller(remote, pipes, fds)
            .map_err(|error| failed("cannot start the process that reads what the host sends", error))?;
        let ending = Ending::on_cancel(cancel, ssh.killer(), [up.closer(), down.closer()]);
        let throttle = Throttle::new(remote.rate.clone(), Instant::now());
        Ok(Self {
            host: remote.host.to_string(),
            ssh,
            puller,
            up,
            down,
            ending,
            early: VecDeque::new(),
            early_bytes: 0,
            intake: Intake::default(),
            throttle,
        })
    }

    /// The fingerprint of the key that the host has proven to have, once the agent has spoken.
    pub fn host_key(&mut self) -> Option<String> {
        self.ssh.host_key()
    }

    /// Takes in one more record, waiting for it until the deadline.
    fn take_record(&mut self, deadline: Option<Instant>) -> Result<(), LinkError> {
        let (taken, bytes) = match self.early.pop_front() {
            Some(record) => {
                self.early_bytes -= record.kept_bytes();
                (self.intake.take(record.as_up()), bytes_of(record.as_up()))
            }
            None => match self.up.recv(deadline) {
                Ok(record) => (self.intake.take(record), bytes_of(record)),
                Err(error) => (Err(error.into()), 0),
            },
        };
        self.throttle.count(bytes, Instant::now());
        while let Some(early) = self.throttle.early(Instant::now()) {
            if self.ending.sleep(early) {
                break;
            }
        }
        taken.map_err(|over| self.over(over))
    }

    /// What has been taken in and can be given out.
    fn pop(&mut self) -> Result<Option<Up>, LinkError> {
        self.intake.pop().map_err(|over| self.over(over))
    }

    /// Sends a record, and never blocks the puller and the agent meanwhile: they may wait for us as we do for them.
    fn pass(&mut self, record: Down<'_>) -> Result<(), LinkError> {
        let deadline = Instant::now() + UNREAD;
        loop {
            match self.down.try_send(record) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => return Err(self.over(error.into())),
            }
            let waited = match self.up.try_recv() {
                Ok(Some(record)) => {
                    let record = OwnedUp::from(record);
                    self.early_bytes += record.kept_bytes();
                    self.early.push_back(record);
                    if self.early_bytes > MAX_EARLY {
                        return Err(Violation::new(ViolationClass::Quota, "a flood of messages").into());
                    }
                    Ok(())
                }
                Ok(None) => wait_for_either(&mut self.down, &mut self.up, Some(deadline)),
                Err(error) => Err(error),
            };
            match waited {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::PeerGone => return Err(self.last_words()),
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    return Err(Violation::new(ViolationClass::Deadline, "it reads nothing of what it is told").into());
                }
                Err(error) => return Err(self.over(error.into())),
            }
        }
    }

    /// Why the puller has gone: what it said last may wait among what came early.
    fn last_words(&mut self) -> LinkError {
        let last = self.early.iter().rev().map(OwnedUp::as_up).find_map(|record| match record {
            Record::Failed { .. } | Record::Noise(_) => Intake::default().take(record).err(),
            _ => None,
        });
        self.over(last.unwrap_or(Over::Ended))
    }

    fn over(&mut self, over: Over) -> LinkError {
        match over {
            Over::Ended => self.ended(),
            Over::Noise(noise) => match (self.ended(), strangers_lines(&noise)) {
                (status, said) if said.is_empty() => status,
                (_, said) => LinkError::NotAnAgent(printable_path(said.as_bytes())),
            },
            Over::Error(error) => error,
        }
    }

    /// Why the session ended, from what `ssh` and the remote side have said.
    fn ended(&mut self) -> LinkError {
        let status = self.ssh.wait(PATIENCE);
        if let Ok(Some(status)) = self.puller.try_wait()
            && !status.success()
        {
            return LinkError::PullerDied(status);
        }
        let remote = self.ssh.remote_messages();
        match status {
            Ok(status) if status.code() == Some(255) => {
                let (failure, said) = self.ssh.explain(&self.host);
                LinkError::Ssh { failure, said }
            }
            Ok(_) if !remote.is_empty() => {
                LinkError::Remote { host: self.host.clone(), said: remote.replace('\n', "; ") }
            }
            Ok(status) => LinkError::Ended { host: self.host.clone(), status },
            Err(_) => LinkError::Closed,
        }
    }
}

/// Starts the puller on the pipes of `ssh`, with its end of the handover and the agents.
fn start_puller(remote: &Remote<'_>, pipes: SshPipes, mut fds: PullerFds) -> io::Result<Child> {
    let mut command = Command::new(remote.puller);
    command.arg("puller").env_clear();
    // What it has to say it tells over the ring, where it is bounded and made printable.
    command.stdin(pipes.from_client).stdout(pipes.to_client).stderr(Stdio::null());
    for agent in remote.agents.iter() {
        command.args(["--agent", &agent.architecture]);
        fds.further.push(agent.file.try_clone()?.into());
    }
    fds.spawn(command).map_err(io::Error::other)
}

/// What counts against the limit of the rate.
fn bytes_of(record: Record<'_>) -> usize {
    match record {
        Record::Message(bytes) | Record::Data(bytes) => bytes.len(),
        _ => 0,
    }
}

impl ClientLink for RemoteLink {
    fn recv(&mut self) -> Result<Up, LinkError> {
        loop {
            if let Some(up) = self.pop()? {
                return Ok(up);
            }
            self.take_record(None)?;
        }
    }

    fn recv_within(&mut self, patience: Duration) -> Result<Option<Up>, LinkError> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(up) = self.pop()? {
                return Ok(Some(up));
            }
            match self.take_record(Some(deadline)) {
                Err(LinkError::Handover(error)) if error.kind() == ErrorKind::TimedOut => return Ok(None),
                taken => taken?,
            }
        }
    }

    fn recv_soon(&mut self) -> Result<Option<Up>, LinkError> {
        let mut has_napped = false;
        loop {
            if let Some(up) = self.pop()? {
                return Ok(Some(up));
            }
            if self.early.is_empty() && !self.up.is_ready() {
                if has_napped {
                    return Ok(None);
                }
                std::thread::sleep(NAP);
                has_napped = true;
            } else {
                self.take_record(None)?;
            }
        }
    }

    fn expect_chunk(&mut self, len: u32) {
        self.intake.assembly.expect(len as usize);
    }

    fn send(&mut self, message: ToAgent) -> Result<(), LinkError> {
        let bytes = encode(&message).map_err(LinkError::Encode)?;
        self.pass(Down::Message(&bytes))
    }

    fn send_blobs(&mut self, blobs: Vec<(BlobHeader, Bytes)>) -> Result<(), LinkError> {
        for (header, bytes) in blobs {
            self.send(ToAgent::Blob(header))?;
            bytes.chunks(holdfast_wire::limits::MAX_DATA).try_for_each(|part| self.pass(Down::Data(part)))?;
        }
        Ok(())
    }

    fn trust(&self) -> Trust {
        Trust::Stranger
    }

    fn credit(&self) -> Option<u64> {
        Some(CREDIT)
    }

    fn take_message_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.intake.message_bytes)
    }

    fn take_data_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.intake.data_bytes)
    }

    fn finish(&mut self) -> Traffic {
        let deadline = Some(Instant::now() + PATIENCE);
        while let Some(record) = self.early.pop_front() {
            self.intake.learn_traffic(record.as_up());
        }
        while let Ok(record) = self.up.recv(deadline) {
            self.intake.learn_traffic(record);
            if matches!(record, Record::End) {
                break;
            }
        }
        self.intake.traffic
    }
}

impl Drop for RemoteLink {
    fn drop(&mut self) {
        // ssh first: the agent sees the end of its input, the puller the end of the stream.
        self.ssh.killer().kill();
        let _ = self.puller.kill();
        let _ = self.puller.wait();
    }
}

/// What was said instead of an agent's first words, without the lines of our own preamble.
fn strangers_lines(noise: &[u8]) -> String {
    let said = String::from_utf8_lossy(noise);
    said.lines().filter(|line| Line::parse(line).is_none()).collect::<Vec<_>>().join("; ").trim().to_owned()
}
