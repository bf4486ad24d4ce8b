//! A link on which a message takes longer than any work: each side hears of what the other said only when it can do
//! nothing more without.
//!
//! So the number of *turns* is the number of round trips that the conversation takes on a connection whose delay is
//! all that counts, whatever the machine: a step that waits for an answer per file or per directory shows as so many
//! turns. When an agent can do nothing more is asked of the kernel: all threads sleep, and none has run meanwhile.

use std::collections::VecDeque;
use std::fmt::{Debug, Write};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, unbounded};
use holdfast_agent::{Down, Downlink, LinkClosed, Options, Uplink};
use holdfast_testkit::{Counted, process};
use holdfast_wire::{BlobHeader, FromAgent, ToAgent, encoded_len};

use crate::link::{ClientLink, LinkError, Traffic, Trust, Up};

/// As much as a real one may send ahead.
const CREDIT: u64 = 32 << 20;

/// The server's end.
pub(super) struct Lockstep {
    up: Receiver<Up>,
    down: Option<Sender<Down>>,
    /// What the server has said in this turn.
    said: Vec<Down>,
    /// What the agent had said before it stood still.
    heard: VecDeque<Up>,
    agent: Option<JoinHandle<()>>,
    /// Messages by name and way, bytes of messages by way, and turns.
    counted: Counted,
    message_bytes: u64,
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
        self.0.recv().map_err(|_| LinkClosed)
    }
}

impl Lockstep {
    /// Starts an agent.
    pub(super) fn start(options: Options) -> Self {
        let (up_in, up) = unbounded();
        let (down, down_out) = unbounded();
        let agent = std::thread::spawn(move || {
            holdfast_agent::serve(Arc::new(Upward(up_in)), Downward(down_out), options).expect("the agent's work");
        });
        let (said, heard, counted) = (Vec::new(), VecDeque::new(), Counted::new());
        Self { up, down: Some(down), said, heard, agent: Some(agent), counted, message_bytes: 0 }
    }

    /// What was counted.
    pub(super) fn counted(&self) -> Counted {
        self.counted.clone()
    }

    fn count(&mut self, what: String, by: u64) {
        *self.counted.entry(what).or_default() += by;
    }

    /// Lets the agent hear what was said.
    fn deliver(&mut self) {
        let down = self.down.as_ref().expect("nothing is said after the end");
        for said in self.said.drain(..) {
            // An agent that has ended is found when it is waited for.
            let _ = down.send(said);
        }
    }

    /// One turn: the agent hears all that was said, and does what it can.
    fn turn(&mut self) {
        if !self.said.is_empty() {
            self.count("turns".to_owned(), 1);
        }
        self.deliver();
        process::must_happen("the agent stands still", stands_still);
        self.heard.extend(self.up.try_iter());
    }
}

impl ClientLink for Lockstep {
    fn recv(&mut self) -> Result<Up, LinkError> {
        if self.heard.is_empty() {
            self.turn();
        }
        let up = self.heard.pop_front().ok_or(LinkError::Closed)?;
        match &up {
            Up::Message(message) => {
                let bytes = encoded_len(message) as u64;
                self.count(format!("up-{}", name_of(message)), 1);
                self.count("up-bytes".to_owned(), bytes);
                self.message_bytes += bytes;
            }
            Up::Chunk(_) => self.count("up-chunks".to_owned(), 1),
        }
        Ok(up)
    }

    fn recv_soon(&mut self) -> Result<Option<Up>, LinkError> {
        if self.heard.is_empty() { Ok(None) } else { self.recv().map(Some) }
    }

    fn expect_chunk(&mut self, _len: u32) {}

    fn send(&mut self, message: ToAgent) -> Result<(), LinkError> {
        self.count(format!("down-{}", name_of(&message)), 1);
        self.count("down-bytes".to_owned(), encoded_len(&message) as u64);
        self.said.push(Down::Message(message));
        Ok(())
    }

    fn send_blobs(&mut self, blobs: Vec<(BlobHeader, Bytes)>) -> Result<(), LinkError> {
        for (header, bytes) in blobs {
            self.send(ToAgent::Blob(header))?;
            self.said.push(Down::Blob(bytes.into()));
        }
        Ok(())
    }

    fn trust(&self) -> Trust {
        Trust::Stranger
    }

    fn credit(&self) -> Option<u64> {
        Some(CREDIT)
    }

    fn take_message_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.message_bytes)
    }

    fn finish(&mut self) -> Traffic {
        self.deliver();
        self.down = None;
        if let Some(agent) = self.agent.take() {
            agent.join().expect("the agent ends well");
        }
        Traffic::default()
    }
}

/// The name of a message, as its type calls it.
fn name_of(message: &impl Debug) -> String {
    struct First(String);
    impl Write for First {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            let name = text.find(|letter: char| !letter.is_alphanumeric()).map_or(text, |end| &text[..end]);
            self.0.push_str(name);
            // What follows the name is not of interest: it may be long.
            if name.len() == text.len() { Ok(()) } else { Err(std::fmt::Error) }
        }
    }
    let mut first = First(String::new());
    let _ = write!(first, "{message:?}");
    first.0
}

/// Whether every other thread of this process waits for something, and none has run for a moment: then nothing more
/// happens by itself.
fn stands_still() -> bool {
    let Some(before) = asleep() else { return false };
    std::thread::sleep(Duration::from_millis(5));
    asleep() == Some(before)
}

/// How much every other thread has run so far, if all of them sleep.
fn asleep() -> Option<Vec<(String, String)>> {
    let own = std::fs::read_link("/proc/thread-self").expect("/proc is mounted");
    let own = own.file_name().and_then(|id| id.to_str()).expect("a number").to_owned();
    let mut threads = Vec::new();
    for thread in std::fs::read_dir("/proc/self/task").expect("/proc is mounted") {
        let thread = thread.expect("/proc can be listed");
        let id = thread.file_name().into_string().expect("a number");
        if id == own {
            continue;
        }
        // One that has ended meanwhile has changed something.
        let status = std::fs::read_to_string(thread.path().join("status")).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        if !field("State:")?.starts_with('S') {
            return None;
        }
        let ran =
            ["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"].map(|name| field(name).unwrap_or_default());
        threads.push((id, ran.join(" ")));
    }
    threads.sort();
    Some(threads)
}
