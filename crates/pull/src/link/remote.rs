//! An agent on a client: `ssh`, and a puller that reads what the client sends.
//!
//! Everything that arrives is a stranger's: messages are decoded here within their bounds, chunk bytes are cut where
//! they were asked for, and more than was asked for ends the session.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use holdfast_handover::{HandoverError, Kind, Receiver, Record, Sender, vault_ends, wait_for_either};
use holdfast_model::CancelToken;
use holdfast_model::source::RemoteHost;
use holdfast_wire::{FromAgent, ToAgent, ViolationClass, decode, encode};

use super::assembly::Assembly;
use super::{ClientLink, LinkError, Traffic, Trust, Up};
use crate::agents::Agents;
use crate::puller::{FIRST_FD, SIZES};
use crate::ssh::{SshKiller, SshProcess, SshProgram, explain};
use crate::text::{printable, printable_path};
use crate::{Start, Violation, preamble};

/// Bytes that may be under way from an agent before they are taken.
const CREDIT: u64 = 32 << 20;
/// What an agent may say while we send, before that is a flood.
const MAX_EARLY: usize = 64 << 20;
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
    /// This program, which is also the puller: `PROGRAM puller --agents …`.
    pub puller: &'a Path,
    /// At most so many bytes a second from the client.
    pub limit_rate: Option<u64>,
}

/// The server's end of a session with a client.
pub struct RemoteLink {
    host: String,
    ssh: SshProcess,
    puller: Child,
    up: Receiver,
    down: Sender,
    early: VecDeque<Record>,
    early_bytes: usize,
    ready: VecDeque<Up>,
    assembly: Assembly,
    message_bytes: u64,
    traffic: Traffic,
    limit: Option<RateLimit>,
}

/// Slows down what is taken; the client's side then fills up and waits.
struct RateLimit {
    bytes_per_second: u64,
    began: Instant,
    taken: u64,
}

impl RemoteLink {
    /// Starts `ssh` and the puller. The agent is heard of with the first message.
    pub fn connect(remote: &Remote<'_>, cancel: &CancelToken) -> io::Result<Self> {
        let command = preamble::command(remote.agents, remote.start);
        let (ssh, pipes) = SshProcess::start(remote.ssh, remote.host, &command)?;
        let (down, up, fds) = vault_ends(SIZES).map_err(io::Error::other)?;
        let mut handed: Vec<OwnedFd> = vec![fds.memory, fds.up, fds.down];
        for agent in remote.agents.iter() {
            handed.push(agent.file.try_clone()?.into());
        }
        let architectures: Vec<&str> = remote.agents.iter().map(|agent| agent.architecture.as_str()).collect();
        let mappings = handed.into_iter().zip(FIRST_FD..).map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd });
        let puller = Command::new(remote.puller)
            .args(["puller", "--agents", &architectures.join(",")])
            .env_clear()
            .stdin(pipes.from_client)
            .stdout(pipes.to_client)
            .stderr(Stdio::inherit())
            .fd_mappings(mappings.collect())
            .map_err(io::Error::other)?
            .spawn()?;
        watch(cancel, ssh.killer())?;
        let limit = remote.limit_rate.map(|bytes_per_second| RateLimit {
            bytes_per_second: bytes_per_second.max(1),
            began: Instant::now(),
            taken: 0,
        });
        Ok(Self {
            host: remote.host.to_string(),
            ssh,
            puller,
            up,
            down,
            early: VecDeque::new(),
            early_bytes: 0,
            ready: VecDeque::new(),
            assembly: Assembly::default(),
            message_bytes: 0,
            traffic: Traffic::default(),
            limit,
        })
    }

    /// The fingerprint of the key that the host has proven to have, once the agent has spoken.
    pub fn host_key(&mut self) -> Option<String> {
        self.ssh.host_key()
    }

    fn next_record(&mut self) -> Result<Record, LinkError> {
        if let Some(record) = self.early.pop_front() {
            self.early_bytes -= record.bytes.len();
            return Ok(record);
        }
        match self.up.recv(None) {
            Ok(Some(record)) => Ok(record),
            Ok(None) | Err(HandoverError::Gone) => Err(self.ended()),
            Err(error) => Err(broken(&error)),
        }
    }

    fn take(&mut self, record: Record) -> Result<(), LinkError> {
        if let Some(limit) = &mut self.limit {
            limit.take(record.bytes.len());
        }
        match record.kind {
            Kind::Message => {
                self.message_bytes += record.bytes.len() as u64;
                let message: FromAgent = decode(&record.bytes).map_err(Violation::from)?;
                self.ready.push_back(Up::Message(message));
            }
            Kind::Data => {
                let ready = &mut self.ready;
                self.assembly.take(&record.bytes, |chunk| ready.push_back(Up::Chunk(chunk)))?;
            }
            Kind::Traffic => self.learn_traffic(&record.bytes),
            Kind::Connected => {}
            Kind::Noise => {
                let status = self.ended();
                return Err(match record.bytes.trim_ascii() {
                    b"" => status,
                    noise => LinkError::NotAnAgent(printable_path(noise)),
                });
            }
            Kind::CannotRun => return Err(LinkError::CannotRun(printable(&record.bytes))),
            Kind::Violation => {
                let text = printable(&record.bytes);
                let class = if text.starts_with("V8") { ViolationClass::Expansion } else { ViolationClass::Protocol };
                return Err(Violation::new(class, text.split_once(' ').map_or("", |(_, text)| text)).into());
            }
            Kind::End => return Err(self.ended()),
        }
        Ok(())
    }

    fn learn_traffic(&mut self, bytes: &[u8]) {
        if let Some((received, sent)) = bytes.split_first_chunk().zip(bytes.last_chunk()).map(|((a, _), b)| (a, b)) {
            self.traffic = Traffic { received: u64::from_le_bytes(*received), sent: u64::from_le_bytes(*sent) };
        }
    }

    fn pass(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), LinkError> {
        loop {
            match self.down.try_send(kind, bytes) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(HandoverError::Gone) => return Err(self.ended()),
                Err(error) => return Err(broken(&error)),
            }
            // No room: takes in what the agent says meanwhile, for it may wait for us as we do for it.
            match self.up.try_recv() {
                Ok(Some(record)) => {
                    self.early_bytes += record.bytes.len();
                    self.early.push_back(record);
                    if self.early_bytes > MAX_EARLY {
                        return Err(Violation::new(ViolationClass::Quota, "a flood of messages").into());
                    }
                }
                Ok(None) => wait_for_either(&mut self.down, &mut self.up).map_err(|error| broken(&error))?,
                Err(HandoverError::Gone) => return Err(self.ended()),
                Err(error) => return Err(broken(&error)),
            }
        }
    }

    /// Why the session ended, from what `ssh` and the remote side have said.
    fn ended(&mut self) -> LinkError {
        let status = self.ssh.wait(PATIENCE);
        let (own, remote) = (self.ssh.own_messages(), self.ssh.remote_messages());
        match status {
            Ok(status) if status.code() == Some(255) => LinkError::Ssh(explain(&self.host, &own)),
            Ok(_) if !remote.is_empty() => LinkError::Remote { host: self.host.clone(), said: remote.replace('\n', "; ") },
            _ => LinkError::Closed,
        }
    }
}

/// A puller that breaks its ring counts as the client's doing: it reads nothing but the client's bytes.
fn broken(error: &HandoverError) -> LinkError {
    Violation::new(ViolationClass::Protocol, crate::text::with_causes(error)).into()
}

/// Ends `ssh` when the work is cancelled: everything that waits for the client then wakes up.
fn watch(cancel: &CancelToken, killer: SshKiller) -> io::Result<()> {
    cancel.on_cancel(move || killer.kill());
    Ok(())
}

impl RateLimit {
    fn take(&mut self, bytes: usize) {
        self.taken += bytes as u64;
        let due = Duration::from_secs_f64(self.taken as f64 / self.bytes_per_second as f64);
        if let Some(early) = due.checked_sub(self.began.elapsed()) {
            std::thread::sleep(early);
        }
    }
}

impl ClientLink for RemoteLink {
    fn recv(&mut self) -> Result<Up, LinkError> {
        loop {
            if let Some(up) = self.ready.pop_front() {
                return Ok(up);
            }
            let record = self.next_record()?;
            self.take(record)?;
        }
    }

    fn expect_chunk(&mut self, len: u32) {
        self.assembly.expect(len as usize);
    }

    fn send(&mut self, message: ToAgent) -> Result<(), LinkError> {
        let bytes = encode(&message).map_err(LinkError::Encode)?;
        self.pass(Kind::Message, &bytes)
    }

    fn send_blob(&mut self, bytes: Vec<u8>) -> Result<(), LinkError> {
        bytes.chunks(holdfast_wire::limits::MAX_DATA).try_for_each(|part| self.pass(Kind::Data, part))
    }

    fn trust(&self) -> Trust {
        Trust::Stranger
    }

    fn credit(&self) -> Option<u64> {
        Some(CREDIT)
    }

    fn take_message_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.message_bytes)
    }

    fn finish(&mut self) -> Traffic {
        while let Ok(Some(record)) = self.up.recv(Some(PATIENCE)) {
            match record.kind {
                Kind::Traffic => self.learn_traffic(&record.bytes),
                Kind::End => break,
                _ => {}
            }
        }
        self.traffic
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
