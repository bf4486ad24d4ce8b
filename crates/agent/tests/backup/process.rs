//! The agent as a process of its own, behind frames on its standard input and output.

use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::sync_channel;

use holdfast_wire::{BackupJob, Decompressor, Frame, FrameReader, FrameWriter, ToAgent, decode};

use crate::link::{ServerEnd, Up};
use crate::server::{Seen, Server};

pub(crate) struct Agent {
    pub(crate) child: Child,
}

impl Agent {
    /// Starts the program; `prepare` may change how.
    pub(crate) fn start(arguments: &[&str], prepare: impl FnOnce(&mut Command)) -> Self {
        // Another build of it can be measured, too.
        let program = std::env::var_os("HOLDFAST_TEST_AGENT").unwrap_or(env!("CARGO_BIN_EXE_holdfast-agent").into());
        Self::start_as(Command::new(program), arguments, prepare)
    }

    /// Starts it through another command.
    pub(crate) fn start_as(mut command: Command, arguments: &[&str], prepare: impl FnOnce(&mut Command)) -> Self {
        command.arg("--stdio").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        prepare(&mut command);
        Self { child: command.spawn().unwrap() }
    }

    /// A whole backup.
    pub(crate) fn backup(&mut self, server: &mut Server, job: BackupJob) -> Seen {
        let end = self.end();
        server.session(end, job, &mut |_| ())
    }

    /// The server's end of the pipes.
    pub(crate) fn end(&mut self) -> ServerEnd {
        let (sender, up) = sync_channel(16);
        let output = self.child.stdout.take().unwrap();
        std::thread::spawn(move || receive(output, &mut |up| sender.send(up).is_ok()));
        let mut writer = FrameWriter::new(self.child.stdin.take().unwrap());
        let send = move |message: ToAgent| send(&mut writer, &message);
        ServerEnd::new(up, send)
    }

    /// The most memory that it had.
    pub(crate) fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(Path::new("/proc").join(self.child.id().to_string()).join("status"));
        let status = status.unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

fn send(writer: &mut FrameWriter<ChildStdin>, message: &ToAgent) {
    // The agent may have ended already.
    let _ = writer.send(message).and_then(|()| writer.flush());
}

/// Puts data frames together to chunks again, as the chunks that are wanted tell; here all that were announced are.
fn receive(output: ChildStdout, deliver: &mut dyn FnMut(Up) -> bool) {
    let mut reader = FrameReader::new(output);
    let mut decompressor = Decompressor::new();
    while let Ok(Some(frame)) = reader.next_frame() {
        let up = match frame {
            Frame::Message(bytes) => Up::Message(decode(bytes).unwrap()),
            Frame::Raw(bytes) => Up::Bytes(bytes.to_vec()),
            Frame::Zstd { bytes, decoded_len } => {
                Up::Bytes(decompressor.decompress(bytes, decoded_len).unwrap().to_vec())
            }
        };
        if !deliver(up) {
            return;
        }
    }
}
