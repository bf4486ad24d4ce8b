//! An agent in this process, on threads of its own: no codec, no ring, every chunk hashed once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use holdfast_agent::{Down, Downlink, LinkClosed, Uplink};
use holdfast_wire::{FromAgent, ToAgent};

use super::{ClientLink, LinkError, Traffic, Trust, Up};

/// Messages and chunks under way. Chunks count against the agent's own window, so a few suffice.
const UP_DEPTH: usize = 64;
/// Messages and blobs under way to the agent: blobs are up to 8 MiB.
const DOWN_DEPTH: usize = 8;
/// An agent that listens no more gets so long to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// The server's end.
pub struct LocalLink {
    up: Option<Receiver<Up>>,
    down: Option<Sender<Down>>,
    /// What came while we were sending.
    early: VecDeque<Up>,
    agent: Option<JoinHandle<()>>,
}

struct Upward(Sender<Up>);
struct Downward(Receiver<Down>);

impl Uplink for Upward {
    fn message(&self, message: FromAgent) -> Result<(), LinkClosed> {
        self.0.send(Up::Message(message)).map_err(|_| LinkClosed)
    }

    fn chunk(&self, bytes: Vec<u8>) -> Result<(), LinkClosed> {
        self.0.send(Up::Chunk(bytes)).map_err(|_| LinkClosed)
    }
}

impl Downlink for Downward {
    fn next(&mut self) -> Result<Down, LinkClosed> {
        self.0.recv().map_err(|_| LinkClosed)
    }
}

impl LocalLink {
    /// Starts the agent on a thread of its own.
    pub fn start() -> std::io::Result<Self> {
        let (up_in, up_out) = bounded(UP_DEPTH);
        let (down_in, down_out) = bounded(DOWN_DEPTH);
        let agent = std::thread::Builder::new().name("agent".into()).spawn(move || {
            // How it ends is seen by the server's side of the link: it finds it closed.
            let _ =
                holdfast_agent::serve(Arc::new(Upward(up_in)), Downward(down_out), holdfast_agent::Options::default());
        })?;
        Ok(Self { up: Some(up_out), down: Some(down_in), early: VecDeque::new(), agent: Some(agent) })
    }

    /// Sends, and takes in what the agent says while it has no room: both sides waiting for each other ends nowhere.
    fn pass(&mut self, down: Down) -> Result<(), LinkError> {
        let (Some(up), Some(sender)) = (&self.up, &self.down) else { return Err(LinkError::Closed) };
        loop {
            crossbeam_channel::select! {
                send(sender, down) -> sent => return sent.map_err(|_| last_words(up, &mut self.early)),
                recv(up) -> said => match said {
                    Ok(said) => self.early.push_back(said),
                    Err(_) => return Err(last_words(up, &mut self.early)),
                },
            }
        }
    }
}

/// Why the agent listens no more: it says so before it ends, and may have done so while we were sending.
fn last_words(up: &Receiver<Up>, early: &mut VecDeque<Up>) -> LinkError {
    let deadline = Instant::now() + PATIENCE;
    early.extend(std::iter::from_fn(|| up.recv_deadline(deadline).ok()));
    let refused = early.iter().find_map(|up| match up {
        Up::Message(FromAgent::Refused { message }) => Some(LinkError::Refused(message.clone())),
        _ => None,
    });
    refused.unwrap_or(LinkError::Closed)
}

impl ClientLink for LocalLink {
    fn recv(&mut self) -> Result<Up, LinkError> {
        if let Some(up) = self.early.pop_front() {
            return Ok(up);
        }
        self.up.as_ref().and_then(|up| up.recv().ok()).ok_or(LinkError::Closed)
    }

    fn expect_chunk(&mut self, _len: u32) {}

    fn send(&mut self, message: ToAgent) -> Result<(), LinkError> {
        self.pass(Down::Message(message))
    }

    fn send_blob(&mut self, bytes: Vec<u8>) -> Result<(), LinkError> {
        self.pass(Down::Blob(bytes))
    }

    fn trust(&self) -> Trust {
        Trust::Own
    }

    fn credit(&self) -> Option<u64> {
        None
    }

    fn take_message_bytes(&mut self) -> u64 {
        0
    }

    fn finish(&mut self) -> Traffic {
        Traffic::default()
    }
}

impl Drop for LocalLink {
    fn drop(&mut self) {
        // Both queues are closed first: whatever the agent's threads wait for, they wake up and end.
        self.up.take();
        self.down.take();
        if let Some(agent) = self.agent.take() {
            let _ = agent.join();
        }
    }
}
