//! Both ends of a conversation within one process.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use holdfast_agent::{Down, Downlink, LinkClosed, Uplink};
use holdfast_wire::{FromAgent, ToAgent};

/// What the agent sends.
#[derive(Debug)]
pub enum Up {
    Message(FromAgent),
    Chunk(Vec<u8>),
}

struct AgentUp(SyncSender<Up>);
struct AgentDown(Receiver<Down>);

/// The server's end.
pub struct ServerEnd {
    pub up: Receiver<Up>,
    down: Sender<Down>,
}

pub fn link() -> (Arc<dyn Uplink>, impl Downlink + 'static, ServerEnd) {
    let (up_sender, up) = sync_channel(16);
    let (down, down_receiver) = channel();
    (Arc::new(AgentUp(up_sender)), AgentDown(down_receiver), ServerEnd { up, down })
}

impl ServerEnd {
    pub fn send(&self, message: ToAgent) {
        // The agent may have ended already.
        let _ = self.down.send(Down::Message(message));
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
