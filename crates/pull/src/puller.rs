//! The process that reads one client's bytes: takes frames apart, decompresses, and hands everything to the vault.
//!
//! It holds no key, opens no file and knows no repository; it has the two pipes of one `ssh`, the rings, and the agents
//! that may be brought to the client, and can get nothing else. It does not even know what the messages mean: the vault
//! checks them.

mod confine;
mod delivery;
mod upward;

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use holdfast_confine::ConfineError;
use holdfast_handover::{
    Closer, Counters, Down, DownReceiver, ErrorKind, FailureKind, HandoverError, PullerEnd, PullerFds, Up, UpSender,
};
use holdfast_wire::FrameWriter;

use crate::text::with_causes;

pub use self::confine::confined;
use self::delivery::{Delivered, deliver};

/// Why the puller gave up without being able to tell the vault.
#[derive(Debug, thiserror::Error)]
pub enum PullerError {
    /// What it needs is missing: it was not started by Holdfast.
    #[error("the puller is started by holdfast itself, not by hand")]
    Start(#[source] io::Error),
    /// It could not be confined.
    #[error(transparent)]
    Confine(#[from] ConfineError),
    /// The rings.
    #[error("the handover to the server's process failed")]
    Handover(#[from] HandoverError),
}

/// An agent that may be brought to the client.
pub(crate) struct Cargo {
    pub(crate) architecture: String,
    pub(crate) file: File,
}

/// Runs the puller until the client's stream ends, or the vault. `architectures` names the agents in the order of their
/// files among the `descriptors`, which are what [`PullerFds::spawn`] passes.
pub fn run(architectures: &[String], descriptors: &str) -> Result<(), PullerError> {
    let mut fds = PullerFds::from_argument(descriptors)?;
    let files = std::mem::take(&mut fds.further);
    if files.len() != architectures.len() {
        return Err(PullerError::Start(io::Error::other("each agent needs a file")));
    }
    let cargo: Vec<Cargo> = architectures
        .iter()
        .zip(files)
        .map(|(architecture, file)| Cargo { architecture: architecture.clone(), file: file.into() })
        .collect();
    let PullerEnd { mut up, down } = PullerEnd::from_fds(fds)?;
    let client = Client::take()?;
    let (vault, sent) = (up.closer(), client.sent.clone());
    let writer = match confined(|| start_threads(vault, down, sent)) {
        Err(PullerError::Confine(error)) => {
            // Nothing has been read, and nothing is.
            return Ok(up.send(Up::Failed { kind: FailureKind::Confinement, text: &with_causes(&error) }, None)?);
        }
        result => result?,
    };
    match client.converse(&mut up, &writer, &cargo) {
        // Nobody is left to be told.
        Err(PullerError::Handover(error)) if error.kind() == ErrorKind::PeerGone => Ok(()),
        result => result,
    }
}

/// The pipes to and from the client.
struct Client {
    from: File,
    to: File,
    /// Bytes that were sent.
    sent: Arc<AtomicU64>,
}

/// Takes over the pipe to the client, once the agent speaks.
type Writer = mpsc::Sender<File>;

impl Client {
    fn take() -> Result<Self, PullerError> {
        let (from, to) = (File::from(duplicate(io::stdin())?), File::from(duplicate(io::stdout())?));
        // Only the writer must hold the pipe to ssh: when it lets go, the agent sees the end.
        rustix::stdio::dup2_stdout(io::stderr()).map_err(|errno| PullerError::Start(errno.into()))?;
        Ok(Self { from, to, sent: Arc::default() })
    }

    fn converse(mut self, up: &mut UpSender, writer: &Writer, cargo: &[Cargo]) -> Result<(), PullerError> {
        match deliver(&mut self.from, &mut self.to, cargo, &self.sent) {
            Delivered::Agent(first) => {
                // It waits for this until the vault is gone, and then for nothing more.
                let _ = writer.send(self.to);
                let received = first.len() as u64;
                upward::run(io::Cursor::new(first).chain(self.from), received, up, &self.sent)?;
            }
            Delivered::CannotRun(why) => up.send(Up::Failed { kind: FailureKind::CannotRun, text: &why }, None)?,
            Delivered::Noise(noise) => up.send(Up::Noise(&noise), None)?,
        }
        Ok(())
    }
}

/// Starts the thread that watches the vault, and the one that writes to the client. Both run when this returns: what a thread
/// does to begin is more than the puller may later.
fn start_threads(vault: Closer, down: DownReceiver, sent: Arc<AtomicU64>) -> Result<Writer, PullerError> {
    let (begun, both) = mpsc::channel::<()>();
    let watcher_begun = begun.clone();
    start("vault", move || {
        let _ = watcher_begun.send(());
        end_with(&vault);
    })?;
    let (writer, taken) = mpsc::channel::<File>();
    start("down", move || {
        let _ = begun.send(());
        if let Ok(to_client) = taken.recv() {
            downward(down, to_client, &sent);
        }
    })?;
    let gone = |_| PullerError::Start(io::Error::other("a thread has ended before it began"));
    both.recv().and_then(|()| both.recv()).map_err(gone)?;
    Ok(writer)
}

fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), PullerError> {
    thread::Builder::new().name(name.into()).spawn(work).map(drop).map_err(PullerError::Start)
}

/// Ends the process when the vault is gone, whatever its threads wait for: nobody waits for them any more.
fn end_with(vault: &Closer) {
    exit(i32::from(vault.wait_for_end().is_err()));
}

/// Writes to the client whatever the vault says, until the vault is gone.
fn downward(mut down: DownReceiver, to_client: File, sent: &AtomicU64) {
    let before = sent.load(Ordering::Relaxed);
    // None once the stream has ended. If the client ended it, the other thread sees the end of its stream and tells;
    // here everything is still taken, so that the vault does not wait for room meanwhile.
    let mut writer = Some(FrameWriter::new(to_client));
    loop {
        let record = match down.try_recv() {
            Ok(Some(record)) => Ok(record),
            // Nothing more to gather: what is there goes out before we wait.
            Ok(None) => {
                writer = writer.and_then(|writer| flushed(writer, before, sent));
                down.recv(None)
            }
            Err(error) => Err(error),
        };
        let Ok(record) = record else { return };
        writer = writer.and_then(|mut writer| match record {
            Down::Message(bytes) => writer.message(bytes).is_ok().then_some(writer),
            Down::Data(bytes) => writer.data(bytes).is_ok().then_some(writer),
            Down::Close => flushed(writer, before, sent).and(None),
        });
    }
}

/// The writer, if the stream has not ended.
fn flushed(mut writer: FrameWriter<File>, before: u64, sent: &AtomicU64) -> Option<FrameWriter<File>> {
    writer.flush().ok()?;
    sent.store(before + writer.bytes_sent(), Ordering::Relaxed);
    Some(writer)
}

/// Tells how many bytes the connection has carried.
fn tell_traffic(up: &mut UpSender, received: u64, sent: &AtomicU64) -> Result<(), HandoverError> {
    up.send(Up::Counters(Counters { received, sent: sent.load(Ordering::Relaxed) }), None)
}

fn duplicate(stream: impl AsFd) -> Result<OwnedFd, PullerError> {
    stream.as_fd().try_clone_to_owned().map_err(PullerError::Start)
}
