//! Brings the agent to the client: answers the preamble's one line.
//!
//! Whatever the login shell prints before that line is skipped, up to a bound. A host with an agent behind a forced
//! command has no preamble: there the agent's preface comes first.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

use holdfast_handover::MAX_NOISE;
use holdfast_wire::PREFACE;

use super::Cargo;
use crate::preamble::Line;

/// Greetings and the like before the preamble's line, in bytes.
const MAX_GREETING: usize = 64 << 10;

/// How the delivery ended.
pub(super) enum Delivered {
    /// The agent speaks; these are its first bytes.
    Agent(Vec<u8>),
    /// The client cannot run an agent; why.
    CannotRun(String),
    /// No agent ever spoke; what came instead.
    Noise(Vec<u8>),
}

/// Waits for the agent, and sends it if the client asks for it.
pub(super) fn deliver(from: &mut impl Read, to: &mut impl Write, cargo: &[Cargo], sent: &AtomicU64) -> Delivered {
    let mut bytes = Vec::new();
    let (mut start, mut sent_before) = (0, false);
    // A client that cannot store the agent stops reading, and then says why.
    let mut cut_off = None;
    let mut buffer = [0; 4096];
    loop {
        if bytes[start..].starts_with(&PREFACE) {
            bytes.drain(..start);
            return Delivered::Agent(bytes);
        }
        if let Some(length) = bytes[start..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&bytes[start..start + length]).into_owned();
            start += length + 1;
            match Line::parse(&line) {
                Some(Line::Need(_)) if sent_before => {
                    return Delivered::CannotRun("it asks for the agent again and again".into());
                }
                Some(Line::Need(architecture)) => {
                    let Some(cargo) = cargo.iter().find(|cargo| cargo.architecture == architecture) else {
                        let why =
                            format!("no agent for the architecture {architecture} is installed on the backup server");
                        return Delivered::CannotRun(why);
                    };
                    match send(to, cargo) {
                        Ok(count) => drop(sent.fetch_add(count, Ordering::Relaxed)),
                        Err(error) => cut_off = Some(error),
                    }
                    sent_before = true;
                }
                Some(Line::Error(why)) => return Delivered::CannotRun(why),
                Some(Line::Cached) | None => {}
            }
            continue;
        }
        if bytes.len() >= MAX_GREETING {
            break;
        }
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    if let Some(error) = cut_off {
        return Delivered::CannotRun(format!("the agent could not be sent: {error}"));
    }
    bytes.truncate(MAX_NOISE);
    Delivered::Noise(bytes)
}

/// Sends the agent; then nothing until it speaks, for the shell may read more than it needs.
fn send(to: &mut impl Write, cargo: &Cargo) -> io::Result<u64> {
    let mut file = FromStart { file: &cargo.file, position: 0 };
    let count = io::copy(&mut file, to)?;
    to.flush()?;
    Ok(count)
}

/// Reads a file from its start, wherever other sessions, which share the open file, are reading it.
struct FromStart<'a> {
    file: &'a File,
    position: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cargo() -> Vec<Cargo> {
        // Another session has read it to its end.
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"the agent").unwrap();
        vec![Cargo { architecture: "x86_64".into(), file }]
    }

    fn answer(said: &[u8]) -> (Delivered, Vec<u8>) {
        let mut to = Vec::new();
        let delivered = deliver(&mut &*said, &mut to, &cargo(), &AtomicU64::new(0));
        (delivered, to)
    }

    #[test]
    fn the_agent_is_sent_when_it_is_asked_for_and_greetings_are_skipped() {
        let said = [b"Welcome!\nholdfast-preamble need x86_64\n".as_slice(), &PREFACE, b"more"].concat();
        let (delivered, to) = answer(&said);
        assert_eq!(to, b"the agent");
        assert!(matches!(delivered, Delivered::Agent(first) if first.ends_with(b"more")));
    }

    #[test]
    fn the_agent_is_sent_once() {
        let (delivered, to) = answer("holdfast-preamble need x86_64\n".repeat(1000).as_bytes());
        assert_eq!(to, b"the agent");
        assert!(matches!(delivered, Delivered::CannotRun(why) if why.contains("again")));
    }

    #[test]
    fn a_client_that_stops_reading_is_heard_out() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let why = |said: &str| match deliver(&mut said.as_bytes(), &mut Closed, &cargo(), &AtomicU64::new(0)) {
            Delivered::CannotRun(why) => why,
            _ => panic!("{said}"),
        };
        assert_eq!(
            why("holdfast-preamble need x86_64\nholdfast-preamble error the disk is full\n"),
            "the disk is full"
        );
        assert!(why("holdfast-preamble need x86_64\n").contains("could not be sent"));
    }

    #[test]
    fn an_installed_agent_needs_no_preamble() {
        assert!(matches!(answer(&PREFACE), (Delivered::Agent(_), to) if to.is_empty()));
    }

    #[test]
    fn what_is_no_agent_is_shown_and_bounded() {
        let (delivered, _) = answer("Your account has expired.\n".as_bytes());
        assert!(matches!(delivered, Delivered::Noise(noise) if noise.starts_with(b"Your account")));
        assert!(matches!(answer(&vec![b'x'; 1 << 20]).0, Delivered::Noise(noise) if noise.len() == MAX_NOISE));
        let (delivered, _) = answer(b"holdfast-preamble need mips\n");
        assert!(matches!(delivered, Delivered::CannotRun(why) if why.contains("mips")));
        let (delivered, _) = answer(b"holdfast-preamble error this host runs BeOS\n");
        assert!(matches!(delivered, Delivered::CannotRun(why) if why == "this host runs BeOS"));
    }
}
