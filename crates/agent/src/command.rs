//! A command whose standard output is backed up as a file.
//!
//! It runs in its own process group, which is killed when the server is gone: no dump goes on for nobody. Its standard
//! error is always read, so that it never waits for that, and its end is kept.

mod process;
mod tail;

use std::io::Read;
use std::process::ChildStdout;
use std::sync::Arc;

use holdfast_wire::{ChunkerSpec, CommandJob, FileEnd, FileOutcome, FromAgent, ToAgent};

use self::process::Process;
use crate::chunks::{Chunk, Chunks, Content, Part};
use crate::cutter::{Cutter, LARGEST};
use crate::outbox::Outbox;
use crate::stop::{Stop, Stopped};
use crate::threads::Threads;
use crate::window::Window;
use crate::{AgentError, Downlink, Options, Uplink};

/// Bytes that are read at once.
const PIECE: usize = 256 << 10;
/// What a chunk takes besides its bytes.
const OVERHEAD: usize = 256;

/// Does a command job.
pub(crate) fn run(
    job: &CommandJob,
    up: &Arc<dyn Uplink>,
    down: &mut impl Downlink,
    options: Options,
) -> Result<(), AgentError> {
    let stop = Stop::new(Arc::clone(up));
    let outbox = Outbox::new(Arc::clone(up), &stop, job.credit);
    let chunks = Chunks::new(&outbox, &stop);
    let (mut pump, process, output) = match start(job, &chunks, &stop) {
        Ok(started) => started,
        Err(message) => {
            stop.fail(AgentError::Refused { message });
            return stop.result();
        }
    };
    let mut threads = Threads::new(&stop);
    let sender = Arc::clone(&chunks);
    threads.start("sender", move || sender.send_wanted(options.send_log));
    let (running, way_out) = (Arc::clone(&process), Arc::clone(&outbox));
    threads.start("command", move || {
        pump.run(output)?;
        way_out.send(FromAgent::CommandEnd(running.wait()))
    });
    if let Err(error) = answer(down, &outbox, &chunks) {
        stop.fail(error);
        process.kill();
        return stop.result();
    }
    stop.finish();
    process.kill();
    threads.join();
    stop.result()
}

fn start(
    job: &CommandJob,
    chunks: &Arc<Chunks>,
    stop: &Arc<Stop>,
) -> Result<(Pump, Arc<Process>, ChildStdout), String> {
    let pump = Pump::new(&job.chunker, chunks, stop)?;
    let (process, output) =
        Process::start(&job.command).map_err(|error| format!("the client can't start sh: {error}"))?;
    Ok((pump, Arc::new(process), output))
}

/// Takes what the server says until it has all it wants.
fn answer(down: &mut impl Downlink, outbox: &Outbox, chunks: &Chunks) -> Result<(), AgentError> {
    loop {
        match crate::serve::next_message(down)? {
            ToAgent::Credit { bytes } => outbox.grant(bytes),
            ToAgent::WantChunks(answers) => chunks.answered(&answers)?,
            ToAgent::Finish => return Ok(()),
            other => return Err(crate::serve::unexpected(&other)),
        }
    }
}

/// Cuts and announces the output as file 0.
struct Pump {
    chunks: Arc<Chunks>,
    window: Window,
    cutter: Cutter,
    /// Bytes that were read with a chunk and belong to the next one.
    rest: Vec<u8>,
}

impl Pump {
    fn new(chunker: &ChunkerSpec, chunks: &Arc<Chunks>, stop: &Arc<Stop>) -> Result<Self, String> {
        let window = Window::new(stop, crate::backup::WINDOW);
        Ok(Self { chunks: Arc::clone(chunks), window, cutter: Cutter::new(chunker)?, rest: Vec::new() })
    }

    fn run(&mut self, mut output: impl Read) -> Result<(), Stopped> {
        while let Some(chunk) = self.chunk(&mut output)? {
            self.chunks.announce(&mut vec![Part { file: 0, chunks: vec![chunk], end: None }])?;
        }
        let end = FileEnd { file: 0, outcome: FileOutcome::Stored };
        self.chunks.announce(&mut vec![Part { file: 0, chunks: Vec::new(), end: Some(end) }])
    }

    fn chunk(&mut self, output: &mut impl Read) -> Result<Option<Chunk>, Stopped> {
        let mut room = self.window.reserve(LARGEST + OVERHEAD)?;
        let mut bytes = std::mem::take(&mut self.rest);
        let mut cutting = self.cutter.begin();
        let len = loop {
            if let Some(cut) = cutting.look(&bytes) {
                break cut;
            }
            let before = bytes.len();
            // A pipe that can't be read has ended: the command's status tells how.
            let _ended = output.by_ref().take(PIECE as u64).read_to_end(&mut bytes);
            if bytes.len() == before {
                break before;
            }
        };
        self.rest = bytes.split_off(len);
        bytes.shrink_to_fit();
        room.shrink(len + OVERHEAD);
        Ok((len > 0).then(|| Chunk { content: Content::Bytes(bytes), room: Arc::new(room) }))
    }
}
