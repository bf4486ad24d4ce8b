//! For the tests beside the code: an uplink that only writes down what was sent.

use std::sync::Arc;

use holdfast_wire::FromAgent;
use parking_lot::Mutex;

use crate::{LinkClosed, Uplink};

/// Remembers messages and chunks.
#[derive(Default)]
pub(crate) struct Recorder {
    messages: Mutex<Vec<FromAgent>>,
    chunks: Mutex<Vec<Vec<u8>>>,
}

impl Recorder {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub(crate) fn messages(&self) -> Vec<FromAgent> {
        self.messages.lock().clone()
    }

    pub(crate) fn chunks(&self) -> Vec<Vec<u8>> {
        self.chunks.lock().clone()
    }
}

impl Uplink for Recorder {
    fn message(&self, message: FromAgent) -> Result<(), LinkClosed> {
        self.messages.lock().push(message);
        Ok(())
    }

    fn chunk(&self, bytes: Vec<u8>) -> Result<(), LinkClosed> {
        self.chunks.lock().push(bytes);
        Ok(())
    }
}
