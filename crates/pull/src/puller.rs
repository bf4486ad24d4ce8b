//! The process that reads one client's bytes: takes frames apart, decompresses, and hands everything to the vault.
//!
//! It holds no key, opens no file and knows no repository; it has the two pipes of one `ssh`, the rings, and the agents
//! that may be brought to the client. It does not even know what the messages mean: the vault checks them.

mod delivery;
mod upward;

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use holdfast_handover::{HandoverError, Kind, PullerFds, Receiver, Sender, Sizes, puller_ends};
use holdfast_wire::FrameWriter;

use self::delivery::{Delivered, deliver};

/// The first descriptors that the vault gives to the process: the memory and the two bells; the agents follow.
pub const FIRST_FD: RawFd = 3;

/// The sizes of the rings. A large chunk and what follows it find room in the first.
pub const SIZES: Sizes = Sizes { up: 16 << 20, down: 4 << 20 };

/// Why the puller gave up without being able to tell the vault.
#[derive(Debug, thiserror::Error)]
pub enum PullerError {
    /// A descriptor is missing: it was not started by Holdfast.
    #[error("the puller is started by holdfast itself, not by hand")]
    Start(#[source] io::Error),
    /// The rings.
    #[error("the handover to the server's process failed")]
    Handover(#[from] HandoverError),
}

/// An agent that may be brought to the client.
pub(crate) struct Cargo {
    pub(crate) architecture: String,
    pub(crate) file: File,
}

/// Runs the puller until the client's stream ends. `architectures` names the agents in the order of their descriptors.
pub fn run(architectures: &[String]) -> Result<(), PullerError> {
    let mut fds = FIRST_FD..;
    let mut take = || inherited(fds.next().expect("the range has no end")).map_err(PullerError::Start);
    let handover = PullerFds { memory: take()?, up: take()?, down: take()? };
    let cargo = architectures
        .iter()
        .map(|architecture| Ok(Cargo { architecture: architecture.clone(), file: take()?.into() }))
        .collect::<Result<Vec<_>, PullerError>>()?;
    let (mut up, down) = puller_ends(SIZES, handover)?;

    // Standard input and output are the pipes of ssh.
    let mut from_client = File::from(duplicate(io::stdin())?);
    let mut to_client = File::from(duplicate(io::stdout())?);
    let sent = Arc::new(AtomicU64::new(0));
    match deliver(&mut from_client, &mut to_client, &cargo, &sent) {
        Delivered::Agent(first) => {
            let writer = std::thread::Builder::new().name("down".into());
            let counter = sent.clone();
            writer.spawn(move || downward(down, to_client, &counter)).map_err(PullerError::Start)?;
            let received = first.len() as u64;
            upward::run(io::Cursor::new(first).chain(from_client), received, &mut up, &sent)?;
        }
        Delivered::CannotRun(why) => up.send(Kind::CannotRun, why.as_bytes())?,
        Delivered::Noise(noise) => up.send(Kind::Noise, &noise)?,
    }
    up.send(Kind::End, &[])?;
    Ok(())
}

/// Writes to the client whatever the vault says. Ends the process when the vault is gone: nobody waits for it any more.
fn downward(mut down: Receiver, to_client: File, sent: &AtomicU64) {
    let before = sent.load(Ordering::Relaxed);
    let mut writer = FrameWriter::new(to_client);
    loop {
        let record = match down.try_recv() {
            Ok(Some(record)) => Ok(Some(record)),
            // Nothing more to gather: what is there goes out before we wait.
            Ok(None) => {
                if writer.flush().is_err() {
                    return;
                }
                sent.store(before + writer.bytes_sent(), Ordering::Relaxed);
                down.recv(None)
            }
            Err(error) => Err(error),
        };
        let written = match record {
            Ok(Some(record)) if record.kind == Kind::Message => writer.message(&record.bytes),
            Ok(Some(record)) => writer.data(&record.bytes),
            Ok(None) => Ok(()),
            Err(_) => std::process::exit(0),
        };
        if written.is_err() {
            // The client is gone; the other thread sees the end of its stream and tells.
            return;
        }
    }
}

/// Tells how many bytes the connection has carried.
fn tell_traffic(up: &mut Sender, received: u64, sent: &AtomicU64) -> Result<(), HandoverError> {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&received.to_le_bytes());
    bytes[8..].copy_from_slice(&sent.load(Ordering::Relaxed).to_le_bytes());
    up.send(Kind::Traffic, &bytes)
}

fn duplicate(stream: impl AsFd) -> Result<OwnedFd, PullerError> {
    stream.as_fd().try_clone_to_owned().map_err(PullerError::Start)
}

/// Takes over a descriptor that the vault has passed on.
#[expect(unsafe_code, reason = "descriptors arrive as numbers")]
fn inherited(fd: RawFd) -> io::Result<OwnedFd> {
    let valid = rustix::io::fcntl_getfd(
        // SAFETY: only asks whether the descriptor is open; it is not used if it is not.
        unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) },
    );
    valid?;
    // SAFETY: open, as was just seen; this process has just begun, and nothing else in it knows this number.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
