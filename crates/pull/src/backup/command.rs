//! A command's output as a snapshot of one file.
//!
//! The file is stored only if the command succeeded: half a dump is worse than none, because it looks like one.

use holdfast_model::monitor::{Phase, Progress};
use holdfast_model::{Timestamp, TreeId};
use holdfast_repo::time::ZonedTime;
use holdfast_repo::tree::{Node, NodeKind, Tree};
use holdfast_wire::{Bits, CommandEnd, CommandJob, FileEnd, FileOutcome, FromAgent, ToAgent, ViolationClass};

use super::credit::Credit;
use super::files::{CompleteFile, Files};
use super::sink::{Sink, Stamped};
use super::{Backup, BackupError, Stamp, Summary, chunker_of, proof_of};
use crate::Violation;
use crate::backup::dirs::Place;
use crate::link::{ClientLink, LinkError, Up};
use crate::problems::Problems;
use crate::text::printable;

/// Which command, and what becomes of its output.
#[derive(Debug, Clone)]
pub struct CommandRequest {
    /// Given to the client's `sh`.
    pub command: String,
    /// The file's absolute path in the snapshot.
    pub path: Vec<u8>,
    /// How the snapshot is stamped.
    pub stamp: Stamp,
    /// Whether the link is slow enough for the agent to compress what it sends.
    pub compress_link: bool,
}

/// Backs up the output of a command that the agent at the other end of `link`, greeted before, runs.
pub fn backup_command(
    work: &Backup<'_>,
    link: &mut dyn ClientLink,
    request: &CommandRequest,
) -> Result<Summary, BackupError> {
    let sink = Sink::begin(work)?;
    // The greeting was for free.
    link.take_message_bytes();
    link.send(ToAgent::Command(CommandJob {
        command: request.command.clone(),
        chunker: chunker_of(work.repository),
        compress: request.compress_link,
        credit: link.credit().unwrap_or(u64::MAX),
    }))?;
    work.monitor.phase(Phase::BackingUp);
    let received = receive(work, link, &sink).and_then(|file| Ok((write_trees(&sink, request, &file)?, file)));
    let (tree, file) = match received {
        Ok(received) => received,
        Err(error) => return Err(sink.give_up(error, work)),
    };
    // All has come: an agent that is gone before it hears so has done its work.
    let _ = link.send(ToAgent::Finish);
    let mut summary =
        Summary { files_new: 1, total_files_processed: 1, total_bytes_processed: file.size, ..Summary::default() };
    let paths = vec![String::from_utf8_lossy(&request.path).into_owned()];
    sink.commit(work, Stamped { stamp: &request.stamp, paths, excludes: Vec::new() }, tree, None, &mut summary)?;
    summary.traffic = link.finish();
    Ok(summary)
}

/// Receives the output to its end.
fn receive(work: &Backup<'_>, link: &mut dyn ClientLink, sink: &Sink) -> Result<CompleteFile, BackupError> {
    let possession = sink.possession(work, link.trust());
    let mut files = Files::default();
    files.ask(Place { dir: 0, index: 0 });
    let mut progress = Progress { current: Some("output of the command".into()), ..Progress::default() };
    let (mut file, mut ended) = (None, false);
    let (mut credit, mut problems) = (Credit::new(link.credit()), Problems::default());
    loop {
        work.cancel.check()?;
        let mut came = 0;
        match link.recv()? {
            Up::Chunk(bytes) => {
                came += bytes.len() as u64;
                let (chunk, complete) = files.arrived(bytes.len())?;
                sink.ingest.put_data(chunk.id, bytes, proof_of(link.trust()))?;
                file = file.or(complete);
            }
            Up::Message(FromAgent::Chunks { file: 0, chunks }) => {
                let mut answers = Vec::with_capacity(chunks.len());
                for chunk in chunks {
                    let wanted = !files.has_asked(&chunk)? && !possession.proven(&chunk)?;
                    files.append(0, chunk, wanted)?;
                    if wanted {
                        link.expect_chunk(chunk.len);
                    }
                    progress.bytes_done = progress.bytes_done.saturating_add(chunk.len.into());
                    answers.push(wanted);
                }
                link.send(ToAgent::WantChunks(answers.into_iter().collect::<Bits>()))?;
                work.monitor.progress(&progress);
            }
            Up::Message(FromAgent::FileEnd(FileEnd { file: 0, outcome: FileOutcome::Stored })) => {
                file = file.or(files.end(0, FileOutcome::Stored)?);
            }
            Up::Message(FromAgent::CommandEnd(end)) => {
                succeeded(end)?;
                ended = true;
            }
            Up::Message(FromAgent::Problem { path, during, message }) => {
                problems.tell(work.monitor, &path, during, message)?;
            }
            Up::Message(FromAgent::Refused { message }) => return Err(LinkError::Refused(message).into()),
            Up::Message(_) => return Err(Violation::new(ViolationClass::Protocol, "a message out of place").into()),
        }
        if let Some(bytes) = credit.spend(came + link.take_message_bytes())? {
            link.send(ToAgent::Credit { bytes })?;
        }
        if ended && let Some(file) = file.take() {
            return Ok(file);
        }
    }
}

fn succeeded(end: CommandEnd) -> Result<(), BackupError> {
    let status = match (end.code, end.signal) {
        (Some(0), None) => return Ok(()),
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "it could not be started".into(),
    };
    Err(BackupError::Command { status, stderr: printable(end.stderr.trim_ascii()) })
}

/// The file, and the directories on the way to it.
fn write_trees(sink: &Sink, request: &CommandRequest, file: &CompleteFile) -> Result<TreeId, BackupError> {
    let now = sink.began;
    let mut names = request.path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).rev();
    let name = names.next().unwrap_or(b"output");
    let mut node = stamped(Node::new(name, NodeKind::File { content: file.content.clone() }, 0o600), now);
    node.size = file.size;
    node.links = 1;
    for name in names {
        let subtree = write_tree(sink, node)?;
        node = stamped(Node::new(name, NodeKind::Dir { subtree }, 0o755), now);
    }
    write_tree(sink, node)
}

fn write_tree(sink: &Sink, node: Node) -> Result<TreeId, BackupError> {
    let tree = Tree::new(vec![node]).map_err(|error| Violation::new(ViolationClass::Name, error.to_string()))?;
    Ok(sink.ingest.put_tree(&tree)?)
}

fn stamped(mut node: Node, now: Timestamp) -> Node {
    node.mtime = ZonedTime::utc(now);
    node.atime = node.mtime;
    node.ctime = node.mtime;
    node
}
