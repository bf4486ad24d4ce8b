//! Messages to bytes and back: postcard, bounded.
//!
//! What decodes here is within every bound that a single message can show, and what would not decode is never
//! encoded. The encoding is described in `docs/protocol.md`; postcard's own is at <https://postcard.jamesmunns.com>.
//! Whether a message fits the state of a session is not known here.
//!
//! A message of 1 MiB decodes to at most some 40 MiB: every element of a list takes at least one byte, and lists grow
//! as their elements arrive, whatever length they claim.

use postcard::ser_flavors::{Flavor, Size};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits::MAX_MESSAGE;
use crate::violation::Violation;
use crate::{FromAgent, ToAgent};

/// One direction's messages.
pub trait Message: Serialize + DeserializeOwned + sealed::Sealed {
    /// Checks everything that can be told from the message alone.
    fn validate(&self) -> Result<(), Violation>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::FromAgent {}
    impl Sealed for crate::ToAgent {}
}

impl Message for FromAgent {
    fn validate(&self) -> Result<(), Violation> {
        Self::validate(self)
    }
}

impl Message for ToAgent {
    fn validate(&self) -> Result<(), Violation> {
        Self::validate(self)
    }
}

/// A message that can't be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// It is too long and must be sent in parts.
    #[error("a message of {len} bytes is too long to be sent: {MAX_MESSAGE} are allowed")]
    TooLong {
        /// Its encoded length in bytes.
        len: usize,
    },
    /// The other side would end the session over it.
    #[error("a message that the other side would refuse was not sent")]
    Invalid {
        /// Why.
        #[source]
        source: Violation,
    },
    /// It could not be encoded at all.
    #[error("a message could not be encoded")]
    Encoding {
        /// Why.
        #[source]
        source: postcard::Error,
    },
}

/// The bytes of a message, at most [`MAX_MESSAGE`].
pub fn encode<M: Message>(message: &M) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    encode_onto(message, &mut bytes)?;
    Ok(bytes)
}

/// Appends the bytes of a message to `bytes`; on an error `bytes` is as before.
pub fn encode_onto<M: Message>(message: &M, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    message.validate().map_err(|source| EncodeError::Invalid { source })?;
    let before = bytes.len();
    let result = postcard::serialize_with_flavor(message, Onto(bytes));
    let len = bytes.len() - before;
    match result {
        Ok(()) if len <= MAX_MESSAGE => Ok(()),
        Ok(()) => {
            bytes.truncate(before);
            Err(EncodeError::TooLong { len })
        }
        Err(source) => {
            bytes.truncate(before);
            Err(EncodeError::Encoding { source })
        }
    }
}

/// Appends to a buffer of the caller's, which postcard's own flavours can't.
struct Onto<'a>(&'a mut Vec<u8>);

impl Flavor for Onto<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// How many bytes a value takes within a message: to fill messages up to their bound, and to count credit.
pub fn encoded_len<T: Serialize + ?Sized>(value: &T) -> usize {
    postcard::serialize_with_flavor(value, Size::default())
        .expect("counting fails for no type of this protocol: all lengths are known")
}

/// The message that `bytes` are, all of them.
pub fn decode<M: Message>(bytes: &[u8]) -> Result<M, Violation> {
    if bytes.len() > MAX_MESSAGE {
        return Err(Violation::MessageTooLong { len: bytes.len() });
    }
    let (message, rest) = postcard::take_from_bytes::<M>(bytes).map_err(|source| Violation::Malformed { source })?;
    if !rest.is_empty() {
        return Err(Violation::Trailing { count: rest.len() });
    }
    message.validate()?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChunkRef, ViolationClass};
    use holdfast_model::BlobId;

    fn chunks(count: usize, len: u32) -> FromAgent {
        FromAgent::Chunks { file: 0, chunks: vec![ChunkRef { id: BlobId::new([7; 32]), len }; count] }
    }

    #[test]
    fn a_message_over_the_bound_is_not_sent() {
        let one = encoded_len(&chunks(1, 1)) - encoded_len(&chunks(0, 1));
        let most = (MAX_MESSAGE - 5) / one;
        let message = chunks(most, 1);
        let bytes = encode(&message).unwrap();
        assert_eq!(bytes.len(), encoded_len(&message));
        assert_eq!(decode::<FromAgent>(&bytes), Ok(message));
        let mut kept = b"before".to_vec();
        let error = encode_onto(&chunks(most + 1, 1), &mut kept).unwrap_err();
        assert_eq!(error, EncodeError::TooLong { len: encoded_len(&chunks(most + 1, 1)) });
        assert_eq!(kept, b"before");
    }

    #[test]
    fn what_would_be_refused_is_not_sent() {
        for len in [0, 9 << 20] {
            assert_eq!(encode(&chunks(1, len)), Err(EncodeError::Invalid { source: Violation::ChunkLength { len } }));
        }
    }

    #[test]
    fn a_message_too_long_is_not_even_read() {
        let bytes = vec![0; MAX_MESSAGE + 1];
        assert_eq!(decode::<FromAgent>(&bytes), Err(Violation::MessageTooLong { len: bytes.len() }));
    }

    #[test]
    fn bytes_after_a_message_are_refused() {
        let mut bytes = encode(&ToAgent::Finish).unwrap();
        bytes.extend([0, 0]);
        assert_eq!(decode::<ToAgent>(&bytes), Err(Violation::Trailing { count: 2 }));
    }

    #[test]
    fn unknown_messages_and_cut_ones_are_refused() {
        for bytes in [&[][..], &[200], &[0xff; 40], &encode(&chunks(2, 5)).unwrap()[..40]] {
            let violation = decode::<FromAgent>(bytes).unwrap_err();
            assert_eq!(violation.class(), ViolationClass::Protocol);
        }
    }
}
