//! An agent in this process, on threads of its own: no codec, no ring, every chunk hashed once.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use holdfast_agent::{Down, Downlink, LinkClosed, Uplink};
use holdfast_model::CancelToken;
use holdfast_wire::{BlobHeader, FromAgent, ToAgent};

use super::{ClientLink, LinkError, NAP, Traffic, Trust, Up};

/// Messages and chunks under way. Chunks count against the agent's own window, so a few suffice.
const UP_DEPTH: usize = 256;
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
    /// Closed when the work is cancelled: whatever the agent hangs in, nobody waits for it any more.
    cancelled: Receiver<Infallible>,
    _alive: Arc<Mutex<Option<Sender<Infallible>>>>,
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
        next_soon(&self.0).map_or_else(|| self.0.recv().map_err(|_| LinkClosed), Ok)
    }
}

impl LocalLink {
    /// Starts the agent on a thread of its own.
    pub fn start(cancel: &CancelToken) -> std::io::Result<Self> {
        let (up_in, up_out) = bounded(UP_DEPTH);
        let (down_in, down_out) = bounded(DOWN_DEPTH);
        let agent = std::thread::Builder::new().name("agent".into()).spawn(move || {
            // How it ends is seen by the server's side of the link: it finds it closed.
            let _ =
                holdfast_agent::serve(Arc::new(Upward(up_in)), Downward(down_out), holdfast_agent::Options::default());
        })?;
        let (alive, cancelled) = bounded(0);
        let alive = Arc::new(Mutex::new(Some(alive)));
        // The token may live on: it keeps nothing of this link.
        let weak = Arc::downgrade(&alive);
        cancel.on_cancel(move || {
            if let Some(alive) = weak.upgrade() {
                alive.lock().unwrap_or_else(PoisonError::into_inner).take();
            }
        });
        let (up, down) = (Some(up_out), Some(down_in));
        Ok(Self { up, down, early: VecDeque::new(), agent: Some(agent), cancelled, _alive: alive })
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
                recv(self.cancelled) -> _ => return Err(LinkError::Closed),
            }
        }
    }
}

/// What is there, or comes in the time of a nap.
fn next_soon<T>(from: &Receiver<T>) -> Option<T> {
    from.try_recv().ok().or_else(|| {
        std::thread::sleep(NAP);
        from.try_recv().ok()
    })
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
        let up = self.up.as_ref().ok_or(LinkError::Closed)?;
        crossbeam_channel::select! {
            recv(up) -> said => said.map_err(|_| LinkError::Closed),
            recv(self.cancelled) -> _ => Err(LinkError::Closed),
        }
    }

    fn recv_soon(&mut self) -> Result<Option<Up>, LinkError> {
        let early = self.early.pop_front();
        Ok(early.or_else(|| self.up.as_ref().and_then(next_soon)))
    }

    fn expect_chunk(&mut self, _len: u32) {}

    fn send(&mut self, message: ToAgent) -> Result<(), LinkError> {
        self.pass(Down::Message(message))
    }

    fn send_blobs(&mut self, blobs: Vec<(BlobHeader, Bytes)>) -> Result<(), LinkError> {
        self.pass(Down::Blobs(blobs))
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
        let is_cancelled = self.cancelled.try_recv() == Err(TryRecvError::Disconnected);
        if let Some(agent) = self.agent.take().filter(|_| !is_cancelled) {
            let _ = agent.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancellation_ends_the_wait_for_an_agent_that_hangs() {
        let cancel = CancelToken::new();
        let mut link = LocalLink::start(&cancel).unwrap();
        assert!(matches!(link.recv(), Ok(Up::Message(FromAgent::Hello(_)))));
        // It waits for its job, as long as nobody gives it one.
        std::thread::scope(|scope| {
            let waiting = scope.spawn(move || link.recv().map(drop));
            cancel.cancel();
            assert!(matches!(waiting.join().unwrap(), Err(LinkError::Closed)));
        });
    }
}
