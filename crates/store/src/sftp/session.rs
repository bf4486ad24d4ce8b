//! One connection to an SFTP server: requests of many threads go out as they come, a thread of its own reads the answers
//! and gives each to the one who waits for it.
//!
//! A session that broke, or whose server was silent for too long, stays broken; the store opens another.

use std::collections::{HashMap, HashSet};
use std::io::BufReader;
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::error::SftpError;
use super::wire::{Malformed, Packet, Request, hello, kind, status};
use crate::helper::Complaints;
use crate::vectored;

/// How long a server may take to answer: it may be syncing a large file to a slow disk.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// How long the program that connects may take to end by itself.
const FAREWELL: Duration = Duration::from_secs(2);

/// A connection to a server, used by many threads.
#[derive(Debug)]
pub(super) struct Session {
    child: Mutex<Child>,
    output: Mutex<Option<ChildStdin>>,
    waiting: Arc<Mutex<Waiting>>,
    complaints: Complaints,
    extensions: HashSet<String>,
    /// The most bytes of one read and of one write.
    pub(super) max_read: u32,
    pub(super) max_write: u32,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u32,
    closed: bool,
    answers: HashMap<u32, Sender<Packet>>,
}

/// An answer that is to come.
#[derive(Debug)]
#[must_use = "an answer may be a failure"]
pub(super) struct Pending<'a> {
    session: &'a Session,
    answer: Receiver<Packet>,
}

impl Session {
    /// Says hello to the server that `child` leads to.
    pub(super) fn start(mut child: Child) -> Result<Self, SftpError> {
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(output), Some(input), Some(stderr)) = pipes else { return Err(Malformed.into()) };
        // A server that takes nothing more must not hold those who write to it.
        rustix::io::ioctl_fionbio(&output, true).map_err(|_| Malformed)?;
        let complaints = Complaints::listen(stderr, |line| line);
        let mut session = Self {
            child: Mutex::new(child),
            output: Mutex::new(Some(output)),
            waiting: Arc::default(),
            complaints,
            extensions: HashSet::new(),
            max_read: 32 << 10,
            max_write: 32 << 10,
        };
        let (sender, first) = channel();
        session.listen(BufReader::with_capacity(64 << 10, input), sender)?;
        session.write(&[&hello()])?;
        // There is no limit here: ssh may be asking its user for a password.
        let mut version = first.recv().map_err(|_| session.lost())?;
        session.extensions = extensions(&mut version)?;
        session.ask_limits()?;
        Ok(session)
    }

    /// Starts the thread that reads: the first packet goes to `first`, the others to those who wait for them.
    fn listen(&self, mut input: BufReader<ChildStdout>, first: Sender<Packet>) -> Result<(), SftpError> {
        let waiting = Arc::clone(&self.waiting);
        let read = move || {
            if let Ok(packet) = Packet::read(&mut input) {
                let _ = first.send(packet);
            }
            drop(first);
            while let Ok(mut packet) = Packet::read(&mut input) {
                let Ok(id) = packet.u32() else { break };
                // An answer that nobody waits for any more goes nowhere.
                if let Some(sender) = waiting.lock().answers.remove(&id) {
                    let _ = sender.send(packet);
                }
            }
            let mut waiting = waiting.lock();
            waiting.closed = true;
            waiting.answers.clear();
        };
        let started = thread::Builder::new().name("sftp".to_owned()).spawn(read);
        started.map(drop).map_err(|source| SftpError::Start { program: "a thread".to_owned(), source })
    }

    /// Whether the connection has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.waiting.lock().closed
    }

    /// Whether the server knows an extension.
    pub(super) fn knows(&self, extension: &str) -> bool {
        self.extensions.contains(extension)
    }

    /// Sends a request, with the concatenation of `content` at its end.
    pub(super) fn send(&self, request: Request, content: &[&[u8]]) -> Result<Pending<'_>, SftpError> {
        let (sender, answer) = channel();
        let id = {
            let mut waiting = self.waiting.lock();
            if waiting.closed {
                drop(waiting);
                return Err(self.lost());
            }
            let id = waiting.next;
            waiting.next = id.wrapping_add(1);
            waiting.answers.insert(id, sender);
            id
        };
        let head = request.finish(id, content.iter().map(|part| part.len()).sum());
        let mut parts = Vec::with_capacity(content.len() + 1);
        parts.push(&head[..]);
        parts.extend_from_slice(content);
        self.write(&parts)?;
        Ok(Pending { session: self, answer })
    }

    /// Sends a request and waits for its answer.
    pub(super) fn call(&self, request: Request) -> Result<Packet, SftpError> {
        self.send(request, &[])?.wait()
    }

    fn write(&self, parts: &[&[u8]]) -> Result<(), SftpError> {
        let output = self.output.lock();
        let pipe = output.as_ref().ok_or_else(|| self.lost())?;
        if vectored::write_all_within(pipe, parts, PATIENCE).is_err() {
            // Half a packet may be out: nothing sensible can follow.
            drop(output);
            self.close();
            return Err(self.lost());
        }
        Ok(())
    }

    fn lost(&self) -> SftpError {
        SftpError::Lost { said: self.complaints.last_words(Duration::from_millis(500)) }
    }

    /// Ends the connection for everyone.
    fn close(&self) {
        self.waiting.lock().closed = true;
        // First, as it ends a write that is under way. It may have ended by itself.
        let _ = self.child.lock().kill();
        *self.output.lock() = None;
    }

    /// Asks how much the server takes at once; without an answer it is what every server must take.
    fn ask_limits(&mut self) -> Result<(), SftpError> {
        if !self.knows("limits@openssh.com") {
            return Ok(());
        }
        let mut limits = self.call(Request::new(kind::EXTENDED).text("limits@openssh.com"))?;
        if limits.kind != kind::EXTENDED_REPLY {
            return Ok(());
        }
        let (_packet, read, write) = (limits.u64()?, limits.u64()?, limits.u64()?);
        // Zero means that there is no limit; but we take no packet larger than this plus its head.
        let usable = |limit: u64| if limit == 0 { 255 << 10 } else { limit.clamp(4 << 10, 255 << 10) as u32 };
        (self.max_read, self.max_write) = (usable(read), usable(write));
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        *self.output.lock() = None;
        let start = Instant::now();
        let mut child = self.child.lock();
        while start.elapsed() < FAREWELL && matches!(child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Pending<'_> {
    /// The answer, unless it is a failure.
    pub(super) fn wait(self) -> Result<Packet, SftpError> {
        let mut packet = match self.answer.recv_timeout(PATIENCE) {
            Ok(packet) => packet,
            Err(RecvTimeoutError::Disconnected) => return Err(self.session.lost()),
            Err(RecvTimeoutError::Timeout) => {
                self.session.close();
                return Err(SftpError::Silent);
            }
        };
        if packet.kind != kind::STATUS {
            return Ok(packet);
        }
        match packet.u32()? {
            status::OK => Ok(packet),
            code => {
                let words = packet.text().unwrap_or_default();
                let message: String =
                    String::from_utf8_lossy(words).chars().filter(|c| !c.is_control()).take(200).collect();
                let message = if message.is_empty() { format!("status {code}") } else { message };
                Err(SftpError::Status { code, message })
            }
        }
    }
}

/// Checks the server's hello and gives the names of its extensions.
fn extensions(hello: &mut Packet) -> Result<HashSet<String>, SftpError> {
    if hello.kind != kind::VERSION {
        return Err(Malformed.into());
    }
    match hello.u32()? {
        3 => {}
        version => return Err(SftpError::Version { version }),
    }
    let mut found = HashSet::new();
    while !hello.is_empty() {
        found.insert(String::from_utf8_lossy(hello.text()?).into_owned());
        hello.text()?;
    }
    Ok(found)
}
