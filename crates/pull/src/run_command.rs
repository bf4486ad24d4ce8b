//! Runs a command on a client and takes what it says, as long as that is short: for hooks, and for what is to be known of a
//! host. Nothing of it is stored, and all of it is a stranger's words.

use std::collections::VecDeque;

use holdfast_model::{CancelToken, Cancelled};
use holdfast_wire::{Bits, ChunkerSpec, CommandEnd, CommandJob, FileEnd, FromAgent, ToAgent, ViolationClass};

use crate::Violation;
use crate::backup::Credit;
use crate::link::{ClientLink, LinkError, Up};
use crate::text::printable;

/// What a command said, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOutput {
    /// The beginning of its standard output, up to the bytes that were asked for.
    pub stdout: Vec<u8>,
    /// The end of its standard error, with what is not printable escaped.
    pub stderr: String,
    /// Why it did not succeed, in words; `None` if it did.
    pub failed: Option<String>,
}

/// Why a command could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunCommandError {
    /// The session broke, or the agent refuses to run commands.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Somebody wanted it to end.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Has the agent at the other end of `link`, greeted before, give a command to `sh`, and takes at most so many bytes of its
/// output. The session has ended then.
pub fn run_command(
    link: &mut dyn ClientLink,
    command: &str,
    most: usize,
    cancel: &CancelToken,
) -> Result<CommandOutput, RunCommandError> {
    // The greeting was for free.
    link.take_message_bytes();
    // How it is cut does not matter.
    let chunker = ChunkerSpec::Gear { seed: [0; 32] };
    let granted = link.credit();
    let job = CommandJob { command: command.to_owned(), chunker, compress: false, credit: granted.unwrap_or(u64::MAX) };
    link.send(ToAgent::Command(job)).map_err(|error| ended(error, cancel))?;
    let mut hearing = Hearing { output: Vec::new(), most, due: VecDeque::new(), has_ended: false, end: None };
    let mut credit = Credit::new(granted);
    let end = loop {
        cancel.check()?;
        let said = link.recv().map_err(|error| ended(error, cancel))?;
        let came = hearing.hear(said, link)? + link.take_message_bytes();
        if let Some(bytes) = credit.spend(came).map_err(LinkError::from)? {
            link.send(ToAgent::Credit { bytes })?;
        }
        if hearing.has_ended
            && hearing.due.is_empty()
            && let Some(end) = hearing.end.take()
        {
            break end;
        }
    };
    // All has come: an agent that is gone before it hears so has done its work.
    let _ = link.send(ToAgent::Finish);
    link.finish();
    Ok(CommandOutput { stdout: hearing.output, stderr: printable(end.stderr.trim_ascii()), failed: failed(&end) })
}

/// What breaks because somebody wanted it to end has not failed.
fn ended(error: LinkError, cancel: &CancelToken) -> RunCommandError {
    if cancel.is_cancelled() { Cancelled.into() } else { error.into() }
}

struct Hearing {
    output: Vec<u8>,
    most: usize,
    /// Lengths of the chunks that were asked for and have not come.
    due: VecDeque<u32>,
    has_ended: bool,
    end: Option<CommandEnd>,
}

impl Hearing {
    /// Takes what came; gives back how many bytes of chunks it was.
    fn hear(&mut self, said: Up, link: &mut dyn ClientLink) -> Result<u64, LinkError> {
        match said {
            Up::Chunk(bytes) => {
                let is_due = self.due.pop_front().is_some_and(|len| len as usize == bytes.len());
                if !is_due {
                    return Err(broken("a chunk that is not due").into());
                }
                let room = self.most.saturating_sub(self.output.len());
                self.output.extend_from_slice(&bytes[..bytes.len().min(room)]);
                return Ok(bytes.len() as u64);
            }
            Up::Message(FromAgent::Chunks { file: 0, chunks }) => {
                let mut answers = Vec::with_capacity(chunks.len());
                for chunk in chunks {
                    let asked: u64 = self.due.iter().map(|len| u64::from(*len)).sum();
                    let wanted = asked + (self.output.len() as u64) < self.most as u64;
                    if wanted {
                        link.expect_chunk(chunk.len);
                        self.due.push_back(chunk.len);
                    }
                    answers.push(wanted);
                }
                link.send(ToAgent::WantChunks(answers.into_iter().collect::<Bits>()))?;
            }
            Up::Message(FromAgent::FileEnd(FileEnd { file: 0, .. })) => self.has_ended = true,
            Up::Message(FromAgent::CommandEnd(end)) => self.end = Some(end),
            Up::Message(FromAgent::Problem { .. }) => {}
            Up::Message(FromAgent::Refused { message }) => return Err(LinkError::Refused(message)),
            Up::Message(_) => return Err(broken("a message out of place").into()),
        }
        Ok(0)
    }
}

fn broken(what: &str) -> Violation {
    Violation::new(ViolationClass::Protocol, what)
}

fn failed(end: &CommandEnd) -> Option<String> {
    match (end.code, end.signal) {
        (Some(0), None) => None,
        (Some(code), _) => Some(format!("exit status {code}")),
        (None, Some(signal)) => Some(format!("killed by signal {signal}")),
        (None, None) => Some("it could not be started".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::greet;
    use crate::link::LocalLink;

    fn run(command: &str, most: usize) -> CommandOutput {
        let mut link = LocalLink::start(&CancelToken::new()).unwrap();
        greet(&mut link).unwrap();
        run_command(&mut link, command, most, &CancelToken::new()).unwrap()
    }

    #[test]
    fn a_command_is_run_and_heard_out() {
        let output = run("echo one; echo two >&2; printf 'and more'", 1000);
        assert_eq!(output.stdout, b"one\nand more");
        assert_eq!((output.stderr.as_str(), output.failed), ("two", None));
        assert_eq!(run("exit 7", 10).failed.unwrap(), "exit status 7");
        assert_eq!(run("kill -9 $$", 10).failed.unwrap(), "killed by signal 9");
    }

    #[test]
    fn of_one_that_goes_on_and_on_only_the_beginning_is_taken() {
        let output = run("head -c 50000000 /dev/zero; echo end >&2", 1000);
        assert_eq!(output.stdout, vec![0; 1000]);
        assert_eq!((output.stderr.as_str(), output.failed), ("end", None));
    }
}
