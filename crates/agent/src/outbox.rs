//! All that leaves the agent after the job came: in one order, and never more than the server has room for.
//!
//! What is sent and not yet acknowledged never exceeds the credit granted. Whoever waits for credit holds nothing that
//! a downlink message needs: credit always arrives.

use std::sync::Arc;

use holdfast_wire::limits::{MAX_PATH, MAX_TEXT};
use holdfast_wire::{FromAgent, encoded_len};
use parking_lot::{Mutex, MutexGuard};
use serde_bytes::ByteBuf;

use crate::stop::{Gate, Stop, Stopped};
use crate::{LinkClosed, Uplink};

/// From here on credit is not counted: the server has no bound in mind.
const UNLIMITED: u64 = u64::MAX / 2;

/// Where everything is sent.
pub(crate) struct Outbox {
    up: Arc<dyn Uplink>,
    stop: Arc<Stop>,
    credit: Arc<Gate<u64>>,
    limited: bool,
    order: Mutex<()>,
}

impl Outbox {
    pub(crate) fn new(up: Arc<dyn Uplink>, stop: &Arc<Stop>, credit: u64) -> Arc<Self> {
        Arc::new(Self {
            up,
            stop: Arc::clone(stop),
            credit: Gate::new(stop, credit),
            limited: credit < UNLIMITED,
            order: Mutex::new(()),
        })
    }

    /// The server has taken in so many bytes.
    pub(crate) fn grant(&self, bytes: u64) {
        self.credit.change(|credit| *credit = credit.saturating_add(bytes));
    }

    /// The right to send, until it is dropped: nothing of others comes in between.
    pub(crate) fn turn(&self) -> Turn<'_> {
        Turn { outbox: self, _order: self.order.lock() }
    }

    /// Sends one message.
    pub(crate) fn send(&self, message: FromAgent) -> Result<(), Stopped> {
        self.turn().send(message)
    }

    /// Reports what could not be done with one file.
    pub(crate) fn problem(&self, path: &[u8], during: &str, message: &str) -> Result<(), Stopped> {
        self.send(FromAgent::Problem {
            path: ByteBuf::from(&path[..path.len().min(MAX_PATH)]),
            during: during.to_owned(),
            message: shortened(message),
        })
    }

    fn pay(&self, bytes: impl FnOnce() -> usize) -> Result<(), Stopped> {
        if !self.limited {
            return self.stop.check();
        }
        let bytes = bytes() as u64;
        self.credit.wait(|credit| {
            *credit = credit.checked_sub(bytes)?;
            Some(())
        })
    }

    fn closed(&self, error: LinkClosed) -> Stopped {
        self.stop.fail(error.into())
    }
}

/// As much of a text as a message takes.
pub(crate) fn shortened(text: &str) -> String {
    let end = (0..=text.len().min(MAX_TEXT)).rev().find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or(0)].to_owned()
}

/// The right to send.
pub(crate) struct Turn<'a> {
    outbox: &'a Outbox,
    _order: MutexGuard<'a, ()>,
}

impl Turn<'_> {
    /// Sends one message when there is credit for it.
    pub(crate) fn send(&self, message: FromAgent) -> Result<(), Stopped> {
        self.outbox.pay(|| encoded_len(&message))?;
        self.outbox.up.message(message).map_err(|error| self.outbox.closed(error))
    }

    /// Sends the bytes of a chunk when there is credit for all of them.
    pub(crate) fn send_chunk(&self, bytes: Vec<u8>) -> Result<(), Stopped> {
        self.outbox.pay(|| bytes.len())?;
        self.outbox.up.chunk(bytes).map_err(|error| self.outbox.closed(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Recorder;

    #[test]
    fn nothing_is_sent_without_credit() {
        let up = Recorder::new();
        let stop = Stop::new(up.clone());
        let walked = FromAgent::Walked { files: 1, bytes: 2 };
        let outbox = Outbox::new(up.clone(), &stop, encoded_len(&walked) as u64 + 9);
        outbox.send(walked.clone()).unwrap();
        let sender = {
            let outbox = Arc::clone(&outbox);
            std::thread::spawn(move || outbox.turn().send_chunk(vec![7; 10]))
        };
        assert!(up.chunks().is_empty());
        outbox.grant(1);
        sender.join().unwrap().unwrap();
        assert_eq!(up.chunks(), [[7; 10]]);
        assert_eq!(outbox.credit.with(|credit| *credit), 0);
    }

    #[test]
    fn whoever_waits_for_credit_hears_of_the_end() {
        let stop = Stop::new(Recorder::new());
        let outbox = Outbox::new(Recorder::new(), &stop, 0);
        let sender = {
            let outbox = Arc::clone(&outbox);
            std::thread::spawn(move || outbox.send(FromAgent::Root { dir: 0 }))
        };
        stop.finish();
        assert_eq!(sender.join().unwrap(), Err(Stopped));
    }
}
