//! Both ends of a conversation within one process.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

use holdfast_agent::{Down, Downlink, LinkClosed, Uplink};
use holdfast_wire::{FromAgent, ToAgent};

/// What the agent sends.
#[derive(Debug)]
pub(crate) enum Up {
    Message(FromAgent),
    /// A whole chunk.
    Chunk(Vec<u8>),
    /// Some bytes of chunks.
    Bytes(Vec<u8>),
}

struct AgentUp(SyncSender<Up>);
struct AgentDown(Receiver<Down>);

/// The server's end.
pub(crate) struct ServerEnd {
    pub(crate) up: Receiver<Up>,
    down: Box<dyn FnMut(ToAgent)>,
}

pub(crate) fn link() -> (Arc<dyn Uplink>, impl Downlink + 'static, ServerEnd) {
    let (up_sender, up) = sync_channel(16);
    let (down, down_receiver) = channel();
    // The agent may have ended already.
    let send = move |message| drop(down.send(Down::Message(message)));
    (Arc::new(AgentUp(up_sender)), AgentDown(down_receiver), ServerEnd::new(up, send))
}

impl ServerEnd {
    pub(crate) fn new(up: Receiver<Up>, send: impl FnMut(ToAgent) + 'static) -> Self {
        Self { up, down: Box::new(send) }
    }

    pub(crate) fn send(&mut self, message: ToAgent) {
        (self.down)(message);
    }
}

impl Uplink for AgentUp {
    fn message(&self, message: FromAgent) -> Result<(), LinkClosed> {
        self.0.send(Up::Message(message)).map_err(|_| LinkClosed)
    }

    fn chunk(&self, bytes: Vec<u8>) -> Result<(), LinkClosed> {
        self.0.send(Up::Chunk(bytes)).map_err(|_| LinkClosed)
    }
}

impl Downlink for AgentDown {
    fn next(&mut self) -> Result<Down, LinkClosed> {
        self.0.recv().map_err(|_| LinkClosed)
    }
}
