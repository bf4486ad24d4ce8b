//! Makes what the puller says into what the agent said: messages within their bounds, chunks as they were asked for.

use std::collections::VecDeque;

use holdfast_handover::{Counters, ErrorKind, FailureKind, HandoverError, Up as Record};
use holdfast_wire::{FromAgent, ViolationClass, decode};

use super::assembly::Assembly;
use super::{LinkError, Traffic, Up};
use crate::Violation;
use crate::text::{make_printable, printable_path, with_causes};

/// What has been taken in.
#[derive(Debug, Default)]
pub(super) struct Intake {
    /// Messages that can be given out.
    ready: VecDeque<Up>,
    /// Bytes of chunks, of which the first so many were given out. Cut when they are wanted: a client can have a million
    /// chunks in one piece of them.
    data: Vec<u8>,
    given: usize,
    /// The chunks that are due.
    pub(super) assembly: Assembly,
    /// Bytes of chunks since they were asked for.
    pub(super) data_bytes: u64,
    /// Bytes of messages since they were asked for.
    pub(super) message_bytes: u64,
    /// What the connection has carried.
    pub(super) traffic: Traffic,
}

/// Why nothing more will come.
#[derive(Debug)]
pub(super) enum Over {
    /// The stream, or the puller, has ended: `ssh` knows why.
    Ended,
    /// No agent ever spoke; what came instead, if anything.
    Noise(Vec<u8>),
    /// Something else.
    Error(LinkError),
}

impl Intake {
    /// The next thing that can be given out. One takes records in while there is none.
    pub(super) fn pop(&mut self) -> Result<Option<Up>, Over> {
        if let Some(up) = self.ready.pop_front() {
            return Ok(Some(up));
        }
        let mut rest = &self.data[self.given..];
        let chunk = self.assembly.take(&mut rest)?;
        self.given = self.data.len() - rest.len();
        if rest.is_empty() {
            self.data.clear();
            self.given = 0;
        }
        Ok(chunk.map(Up::Chunk))
    }

    /// Takes in one record.
    pub(super) fn take(&mut self, record: Record<'_>) -> Result<(), Over> {
        match record {
            Record::Message(bytes) => {
                let mut message = decode(bytes).map_err(Violation::from)?;
                // A refusal is the last word, which needs no credit.
                if !matches!(message, FromAgent::Refused { .. }) {
                    self.message_bytes += bytes.len() as u64;
                }
                make_texts_printable(&mut message);
                self.ready.push_back(Up::Message(message));
            }
            Record::Data(bytes) => {
                self.data_bytes += bytes.len() as u64;
                self.data.extend_from_slice(bytes);
            }
            Record::Counters(_) => self.learn_traffic(record),
            Record::Connected => {}
            Record::Noise(bytes) => return Err(Over::Noise(bytes.trim_ascii().to_vec())),
            Record::Failed { kind, text } => return Err(failed(kind, text)),
            Record::End => return Err(Over::Ended),
        }
        Ok(())
    }

    /// Takes in what a record says of the traffic, and nothing else.
    pub(super) fn learn_traffic(&mut self, record: Record<'_>) {
        if let Record::Counters(Counters { received, sent }) = record {
            self.traffic = Traffic { received, sent };
        }
    }
}

/// What a client says to people ends on terminals and in logs: whatever becomes of it, it is harmless from here on.
/// Paths and names stay bytes, and the errors of commands lines, which are made printable where they are shown.
fn make_texts_printable(message: &mut FromAgent) {
    match message {
        FromAgent::Problem { during, message, path: _ } => {
            make_printable(during);
            make_printable(message);
        }
        FromAgent::Refused { message } => make_printable(message),
        FromAgent::Hello(hello) => {
            make_printable(&mut hello.release);
            make_printable(&mut hello.architecture);
        }
        _ => {}
    }
}

fn failed(kind: FailureKind, text: &str) -> Over {
    match kind {
        FailureKind::Protocol => Violation::new(ViolationClass::Protocol, text).into(),
        FailureKind::Expansion => Violation::new(ViolationClass::Expansion, text).into(),
        FailureKind::CannotRun => Over::Error(LinkError::CannotRun(printable_path(text.as_bytes()))),
        FailureKind::Confinement => Over::Error(LinkError::Unconfined(printable_path(text.as_bytes()))),
        // A connection that broke does no more than this.
        FailureKind::Truncated | FailureKind::Io | FailureKind::Internal => Over::Ended,
    }
}

impl From<Violation> for Over {
    fn from(violation: Violation) -> Self {
        Self::Error(violation.into())
    }
}

impl From<HandoverError> for Over {
    fn from(error: HandoverError) -> Self {
        match error.kind() {
            ErrorKind::PeerGone => Self::Ended,
            ErrorKind::Closed => Self::Error(LinkError::Closed),
            // A puller that breaks its ring counts as the client's doing: it reads nothing but the client's bytes.
            ErrorKind::Violation => Violation::new(ViolationClass::Protocol, with_causes(&error)).into(),
            ErrorKind::TimedOut | ErrorKind::Failed => Self::Error(LinkError::Handover(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(over: Result<(), Over>) -> Option<ViolationClass> {
        match over {
            Err(Over::Error(LinkError::Violation(violation))) => Some(violation.class),
            _ => None,
        }
    }

    #[test]
    fn what_was_not_asked_for_and_what_is_no_message_is_a_violation() {
        let mut intake = Intake::default();
        assert!(class(intake.take(Record::Message(&[0xff; 9]))).is_some());
        assert!(intake.pop().unwrap().is_none());
        intake.take(Record::Data(b"bytes")).unwrap();
        assert_eq!(class(intake.pop().map(drop)), Some(ViolationClass::ChunkOrder));
    }

    #[test]
    fn a_failure_of_the_puller_is_what_the_client_did() {
        let mut intake = Intake::default();
        let mut fail = |kind| intake.take(Record::Failed { kind, text: "why\x1b" });
        assert_eq!(class(fail(FailureKind::Protocol)), Some(ViolationClass::Protocol));
        assert_eq!(class(fail(FailureKind::Expansion)), Some(ViolationClass::Expansion));
        for kind in [FailureKind::Truncated, FailureKind::Io, FailureKind::Internal] {
            assert!(matches!(fail(kind), Err(Over::Ended)));
        }
        let cannot = fail(FailureKind::CannotRun);
        assert!(matches!(cannot, Err(Over::Error(LinkError::CannotRun(why))) if why == "why\\u{1b}"));
    }
}
