//! Proves that a restore has left out nothing: each node that was sent gets one outcome.

use holdfast_wire::ViolationClass;

use super::RestoreError;
use crate::Violation;

/// Which nodes have their outcome.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    /// One bit for each node that was sent.
    known: Vec<u64>,
    sent: u64,
    count: u64,
}

impl Outcomes {
    /// The nodes below this number are sent.
    pub(super) fn expect(&mut self, end: u64) {
        self.sent = end;
        self.known.resize(end.div_ceil(64) as usize, 0);
    }

    /// The agent says what became of a node.
    pub(super) fn take(&mut self, node: u64) -> Result<(), Violation> {
        let word = self.known.get_mut((node / 64) as usize).filter(|_| node < self.sent);
        match word {
            Some(word) if *word & 1 << (node % 64) == 0 => {
                *word |= 1 << (node % 64);
                self.count += 1;
                Ok(())
            }
            _ => Err(Violation::new(ViolationClass::Protocol, format!("an outcome for node {node}"))),
        }
    }

    /// Fails if there is a node of which nothing was said.
    pub(super) fn all(&self) -> Result<(), RestoreError> {
        match self.sent - self.count {
            0 => Ok(()),
            missing => Err(RestoreError::Untold { missing }),
        }
    }
}
