//! Commands whose output is backed up.

use std::process::Command;

use holdfast_agent::{AgentError, serve};
use holdfast_chunker::sha256;
use holdfast_model::BlobId;
use holdfast_wire::{ChunkRef, ChunkerSpec, CommandEnd, CommandJob, FileEnd, FileOutcome, FromAgent, ToAgent, Version};

use crate::link::{ServerEnd, Up, link};
use crate::server::later;
use crate::tree::noise;

fn job(command: &str) -> ToAgent {
    let chunker = ChunkerSpec::Gear { seed: [1; 32] };
    ToAgent::Command(CommandJob { command: command.into(), chunker, compress: false, credit: 9 << 20 })
}

fn start(command: &str) -> (ServerEnd, std::thread::JoinHandle<Result<(), AgentError>>) {
    let (up, down, mut end) = link();
    let agent = std::thread::spawn(move || serve(up, down, later()));
    let Ok(Up::Message(FromAgent::Hello(_))) = end.up.recv() else { panic!("no hello") };
    end.send(ToAgent::Welcome { version: Version::CURRENT });
    end.send(job(command));
    (end, agent)
}

fn run(command: &str) -> (Vec<u8>, CommandEnd) {
    let (mut end, agent) = start(command);
    let (mut output, mut ended, mut refs) = (Vec::new(), false, Vec::<ChunkRef>::new());
    let command_end = loop {
        match end.up.recv().unwrap() {
            Up::Message(FromAgent::Chunks { file: 0, chunks }) => {
                end.send(ToAgent::WantChunks(chunks.iter().map(|_| true).collect()));
                refs.extend(chunks);
            }
            Up::Message(FromAgent::FileEnd(FileEnd { file: 0, outcome: FileOutcome::Stored })) => ended = true,
            Up::Message(FromAgent::CommandEnd(command_end)) => {
                assert!(ended);
                break command_end;
            }
            Up::Chunk(bytes) => take(&mut end, &mut output, &mut refs, bytes),
            other => panic!("{other:?}"),
        }
    };
    while !refs.is_empty() {
        let Ok(Up::Chunk(bytes)) = end.up.recv() else { panic!("chunks are missing") };
        take(&mut end, &mut output, &mut refs, bytes);
    }
    end.send(ToAgent::Finish);
    assert!(agent.join().unwrap().is_ok());
    (output, command_end)
}

fn take(end: &mut ServerEnd, output: &mut Vec<u8>, refs: &mut Vec<ChunkRef>, bytes: Vec<u8>) {
    let expected = refs.remove(0);
    assert_eq!((BlobId::new(sha256(&bytes)), bytes.len() as u32), (expected.id, expected.len));
    end.send(ToAgent::Credit { bytes: bytes.len() as u64 });
    output.extend(bytes);
}

#[test]
fn the_output_is_the_file() {
    let (output, end) = run("printf 'some output'; printf 'some error' >&2");
    assert_eq!((output.as_slice(), end.code, end.signal), (&b"some output"[..], Some(0), None));
    assert_eq!(*end.stderr, b"some error");
    let file = tempfile::NamedTempFile::new().unwrap();
    let content = noise(20 << 20, 2);
    std::fs::write(file.path(), &content).unwrap();
    let (output, _) = run(&format!("cat {}", file.path().display()));
    assert!(output == content);
    assert_eq!(run("true").0, b"");
}

#[test]
fn how_it_ended_is_told() {
    assert_eq!(run("echo x; exit 7").1.code, Some(7));
    let end = run("kill -TERM $$").1;
    assert_eq!((end.code, end.signal), (None, Some(15)));
    assert_eq!(run("no-such-command").1.code, Some(127));
}

#[test]
fn a_failure_in_a_pipe_counts_where_the_shell_can_tell() {
    let knows = Command::new("sh").args(["-c", "(set -o pipefail) 2>/dev/null"]).status().unwrap().success();
    if !knows {
        println!("skipped: this sh has no pipefail");
    }
    let expected = if knows { Some(3) } else { Some(0) };
    assert_eq!(run("(exit 3) | cat").1.code, expected);
}

#[test]
fn much_on_standard_error_holds_nothing_up() {
    let (output, end) = run("head -c 3000000 /dev/zero | tr '\\0' e >&2; echo done");
    assert_eq!(output, b"done\n");
    assert_eq!(*end.stderr, [b'e'; 16 << 10]);
}

#[test]
fn the_command_and_all_it_started_die_with_the_link() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let (end, agent) =
        start(&format!("sh -c 'echo $$ > {0}.new; mv {0}.new {0}; exec sleep 1000' | cat", pid.display()));
    let pid = loop {
        match std::fs::read_to_string(&pid) {
            Ok(pid) => break pid.trim().to_owned(),
            Err(_) => std::thread::yield_now(),
        }
    };
    drop(end);
    assert!(matches!(agent.join().unwrap(), Err(AgentError::LinkClosed(_))));
    // It never ends by itself.
    let lives = || std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with("sleep"));
    while lives() {
        std::thread::yield_now();
    }
}
