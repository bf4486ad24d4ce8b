//! Chunks on their way: named, announced, held until the server says which it wants, then sent or dropped.
//!
//! Numbers, announcements and answers go in one order. What is held has its room in the window until it has left. Chunks
//! that are announced together are named together, which costs less than one after the other.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use holdfast_chunker::sha256_each;
use holdfast_model::BlobId;
use holdfast_wire::{Bits, ChunkRef, FileEnd, FromAgent};

use crate::AgentError;
use crate::cutter::ZeroChunk;
use crate::outbox::Outbox;
use crate::stop::{Gate, Stop, Stopped};
use crate::window::Room;

/// A chunk with its bytes.
pub(crate) struct Chunk {
    pub(crate) content: Content,
    /// The memory that it takes.
    pub(crate) room: Arc<Room>,
}

/// The bytes of a chunk.
pub(crate) enum Content {
    Bytes(Vec<u8>),
    /// Zeros, which have their name and take no memory until they are sent.
    Zeros(ZeroChunk),
}

impl Content {
    fn len(&self) -> u32 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u32,
            Self::Zeros(zeros) => zeros.len,
        }
    }

    fn unnamed(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Zeros(_) => None,
        }
    }
}

/// A chunk with its name.
struct Named {
    id: BlobId,
    chunk: Chunk,
}

impl Named {
    fn reference(&self) -> ChunkRef {
        ChunkRef { id: self.id, len: self.chunk.content.len() }
    }
}

/// The next chunks of a file and, if it is finished, its end.
pub(crate) struct Part {
    pub(crate) file: u64,
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) end: Option<FileEnd>,
}

/// Bytes of wanted chunks that are sent in one turn, about.
const TURN: usize = 256 << 10;

/// The chunks of a session.
pub(crate) struct Chunks {
    outbox: Arc<Outbox>,
    stop: Arc<Stop>,
    held: Arc<Gate<Held>>,
}

#[derive(Default)]
struct Held {
    announced: VecDeque<Named>,
    wanted: VecDeque<Named>,
}

impl Held {
    /// The next chunks to send: one, or as many small ones as make a turn.
    fn next_wanted(&mut self) -> Option<Vec<Named>> {
        let mut bytes = 0;
        let fits = |chunk: &&Named| {
            bytes += chunk.reference().len as usize;
            bytes <= TURN
        };
        let count = self.wanted.iter().take_while(fits).count().max(1);
        (!self.wanted.is_empty()).then(|| self.wanted.drain(..count).collect())
    }
}

impl Chunks {
    pub(crate) fn new(outbox: &Arc<Outbox>, stop: &Arc<Stop>) -> Arc<Self> {
        let held = Gate::new(stop, Held::default());
        Arc::new(Self { outbox: Arc::clone(outbox), stop: Arc::clone(stop), held })
    }

    /// Names chunks and announces these parts of files, all in one turn. None is left.
    pub(crate) fn announce(&self, parts: &mut Vec<Part>) -> Result<(), Stopped> {
        let mut hashes = hashes(parts).into_iter();
        let mut name = |chunk: Chunk| {
            let id = match chunk.content {
                Content::Bytes(_) => BlobId::new(hashes.next().expect("there is one for each chunk of bytes")),
                Content::Zeros(zeros) => zeros.id,
            };
            Named { id, chunk }
        };
        let turn = self.outbox.turn();
        for Part { file, chunks, end } in parts.drain(..) {
            if !chunks.is_empty() {
                let mut references = Vec::with_capacity(chunks.len());
                let named = chunks.into_iter().map(&mut name).inspect(|named| references.push(named.reference()));
                // Before the message leaves: the answer may come at once.
                self.held.with(|held| held.announced.extend(named));
                turn.send(FromAgent::Chunks { file, chunks: references })?;
            }
            if let Some(end) = end {
                turn.send(FromAgent::FileEnd(end))?;
            }
        }
        Ok(())
    }

    /// Takes the server's answer to the next chunks that it has not answered.
    pub(crate) fn answered(&self, answers: &Bits) -> Result<(), AgentError> {
        let unwanted: Vec<Named> = self.held.change(|held| {
            if answers.len() > held.announced.len() {
                let what = format!("it answered {} chunks of {}", answers.len(), held.announced.len());
                return Err(AgentError::Protocol { what });
            }
            let mut unwanted = Vec::new();
            for (wanted, chunk) in answers.iter().zip(held.announced.drain(..answers.len())) {
                if wanted { held.wanted.push_back(chunk) } else { unwanted.push(chunk) }
            }
            Ok(unwanted)
        })?;
        // Freed here, not under the lock.
        drop(unwanted);
        Ok(())
    }

    /// Sends what is wanted until the session is over. One thread does this. Each chunk that was sent becomes a line
    /// of the log, if there is one.
    pub(crate) fn send_wanted(&self, mut log: Option<File>) -> Result<(), Stopped> {
        loop {
            let wanted = self.held.wait(Held::next_wanted)?;
            let turn = self.outbox.turn();
            for Named { id, chunk: Chunk { content, room } } in wanted {
                let bytes = match content {
                    Content::Bytes(bytes) => bytes,
                    Content::Zeros(zeros) => vec![0; zeros.len as usize],
                };
                let len = bytes.len();
                turn.send_chunk(bytes)?;
                drop(room);
                if let Some(log) = &mut log {
                    log.write_all(format!("{id} {len}\n").as_bytes()).map_err(|error| {
                        let message = format!("the log of sent chunks can't be written: {error}");
                        self.stop.fail(AgentError::Refused { message })
                    })?;
                }
            }
        }
    }
}

/// The hashes of all chunks that have no name, in order.
fn hashes(parts: &[Part]) -> Vec<[u8; 32]> {
    let chunks = parts.iter().flat_map(|part| &part.chunks);
    sha256_each(&chunks.filter_map(|chunk| chunk.content.unnamed()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use holdfast_chunker::sha256;

    use super::*;
    use crate::testing::Recorder;
    use crate::window::Window;

    fn chunk(window: &Window, byte: u8) -> Chunk {
        let room = Arc::new(window.reserve(1).unwrap());
        Chunk { content: Content::Bytes(vec![byte]), room }
    }

    #[test]
    fn wanted_chunks_leave_in_the_order_of_their_numbers_and_are_logged() {
        let up = Recorder::new();
        let stop = Stop::new(up.clone());
        let outbox = Outbox::new(up.clone(), &stop, u64::MAX);
        let window = Window::new(&stop, 4);
        let chunks = Chunks::new(&outbox, &stop);
        let part = |file, chunks| Part { file, chunks, end: None };
        let zeros = Content::Zeros(ZeroChunk { id: BlobId::new([9; 32]), len: 3 });
        let zeros = Chunk { content: zeros, room: Arc::new(window.reserve(1).unwrap()) };
        let first = part(0, vec![chunk(&window, 1), zeros, chunk(&window, 2)]);
        chunks.announce(&mut vec![first, part(1, vec![chunk(&window, 3)])]).unwrap();
        chunks.answered(&[true, true, false].into_iter().collect()).unwrap();
        chunks.answered(&[true].into_iter().collect()).unwrap();

        let log = tempfile::NamedTempFile::new().unwrap();
        let sender = {
            let (chunks, log) = (Arc::clone(&chunks), log.reopen().unwrap());
            std::thread::spawn(move || chunks.send_wanted(Some(log)))
        };
        // All room is free again when all have left.
        drop(window.reserve(4).unwrap());
        stop.finish();
        assert_eq!(sender.join().unwrap(), Err(Stopped));
        assert_eq!(up.chunks(), [vec![1], vec![0, 0, 0], vec![3]]);
        let names = [(sha256(&[1]), 1), ([9; 32], 3), (sha256(&[3]), 1)];
        let expected = names.map(|(id, len)| format!("{} {len}\n", BlobId::new(id)));
        assert_eq!(std::fs::read_to_string(log.path()).unwrap(), expected.concat());
    }

    #[test]
    fn an_answer_to_what_was_not_announced_is_a_violation() {
        let stop = Stop::new(Recorder::new());
        let chunks = Chunks::new(&Outbox::new(Recorder::new(), &stop, u64::MAX), &stop);
        let answer = chunks.answered(&[false].into_iter().collect());
        assert!(matches!(answer, Err(AgentError::Protocol { .. })));
    }
}
