//! Plays the server of a restore: sends nodes in windows and the blobs that are asked for, and keeps what is answered.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use holdfast_agent::restore::{RestoreError, RestoreSummary, run};
use holdfast_agent::{Down, Downlink, LinkClosed, Uplink};
use holdfast_model::BlobId;
use holdfast_wire::{
    BlobHeader, BlobTarget, EntryKind, FromAgent, Need, Overwrite, RestoreJob, RestoreNode, RestoreOutcome, ToAgent,
};
use serde_bytes::ByteBuf;

use crate::snapshot::{Snapshot, bytes};

/// A job with nothing special about it.
pub(crate) fn job(target: &Path, overwrite: Overwrite) -> RestoreJob {
    let target = ByteBuf::from(bytes(target));
    RestoreJob { target, overwrite, delete: false, verify: false, dry_run: false, owners_by_name: false }
}

/// How a server behaves. By default as it should.
pub(crate) struct Server<'a> {
    pub(crate) snapshot: &'a Snapshot,
    /// Nodes in one window.
    pub(crate) window: usize,
    /// Whether the nodes of a window are sent before the blobs of the one before.
    pub(crate) ahead: bool,
    /// Called before each blob is sent, with the number of blobs sent before; it may change the stored bytes and header.
    pub(crate) before_blob: Before<'a>,
    /// Blobs that are sent before the link breaks.
    pub(crate) cut_after: Option<usize>,
    /// Blobs that the server does not have any more.
    pub(crate) lost: Vec<BlobId>,
}

/// Called before a blob is sent.
type Before<'a> = Box<dyn FnMut(usize, &mut BlobHeader, &mut Vec<u8>) + 'a>;

/// What a restore answered.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) result: Result<RestoreSummary, RestoreError>,
    pub(crate) outcomes: HashMap<u64, RestoreOutcome>,
    pub(crate) needs: HashMap<u64, Need>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) refused: Option<String>,
    pub(crate) end: Option<u64>,
    pub(crate) owners_kept: u64,
    pub(crate) blobs: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) path: Vec<u8>,
    pub(crate) during: String,
    pub(crate) message: String,
}

impl Answers {
    /// The summary of a restore without any problem.
    #[track_caller]
    pub(crate) fn good(&self) -> RestoreSummary {
        assert!(self.problems.is_empty(), "{:#?}", self.problems);
        let summary = *self.result.as_ref().unwrap();
        assert_eq!(summary.failed, 0);
        assert_eq!(self.end, Some(summary.deleted));
        summary
    }

    pub(crate) fn outcome(&self, snapshot: &Snapshot, path: impl AsRef<[u8]>) -> RestoreOutcome {
        self.outcomes[&snapshot.number(path)]
    }
}

struct Up(Sender<FromAgent>);

impl Uplink for Up {
    fn message(&self, message: FromAgent) -> Result<(), LinkClosed> {
        self.0.send(message).map_err(|_| LinkClosed)
    }

    fn chunk(&self, _bytes: Vec<u8>) -> Result<(), LinkClosed> {
        Err(LinkClosed)
    }
}

struct FromServer(Receiver<Down>);

impl Downlink for FromServer {
    fn next(&mut self) -> Result<Down, LinkClosed> {
        self.0.recv().map_err(|_| LinkClosed)
    }
}

impl<'a> Server<'a> {
    pub(crate) fn of(snapshot: &'a Snapshot) -> Self {
        let before_blob = Box::new(|_: usize, _: &mut BlobHeader, _: &mut Vec<u8>| ());
        Server { snapshot, window: 500, ahead: false, before_blob, cut_after: None, lost: Vec::new() }
    }

    pub(crate) fn before_blob(mut self, call: impl FnMut(usize, &mut BlobHeader, &mut Vec<u8>) + 'a) -> Self {
        self.before_blob = Box::new(call);
        self
    }

    /// Restores everything.
    pub(crate) fn restore(self, job: RestoreJob) -> Answers {
        self.restore_by(job, run)
    }

    /// As another user, who is in no further group.
    pub(crate) fn restore_as(self, uid: u32, job: RestoreJob) -> Answers {
        use rustix::process::{Gid, Uid};
        use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
        self.restore_by(job, move |job, up, down| {
            // Credentials are each thread's own, and handed on to the threads that it starts.
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(uid));
            set_thread_groups(&[]).unwrap();
            set_thread_res_gid(gid, gid, gid).unwrap();
            set_thread_res_uid(uid, uid, uid).unwrap();
            run(job, up, down)
        })
    }

    fn restore_by<F>(self, job: RestoreJob, agent: F) -> Answers
    where
        F: FnOnce(RestoreJob, Arc<dyn Uplink>, FromServer) -> Result<RestoreSummary, RestoreError> + Send,
    {
        let (up_in, up) = unbounded();
        let (down, down_out) = bounded(4);
        thread::scope(|scope| {
            let agent = scope.spawn(|| agent(job, Arc::new(Up(up_in)), FromServer(down_out)));
            let mut session = Session {
                server: self,
                up,
                down: Some(down),
                answers: Answers {
                    result: Err(RestoreError::LinkClosed(LinkClosed)),
                    outcomes: HashMap::new(),
                    needs: HashMap::new(),
                    problems: Vec::new(),
                    refused: None,
                    end: None,
                    owners_kept: 0,
                    blobs: 0,
                },
            };
            let _ = session.play();
            session.down = None;
            while session.take().is_ok() {}
            session.answers.result = agent.join().unwrap();
            session.answers
        })
    }
}

struct Session<'a> {
    server: Server<'a>,
    up: Receiver<FromAgent>,
    down: Option<Sender<Down>>,
    answers: Answers,
}

/// The link is closed, from either side.
struct Closed;

impl Session<'_> {
    fn send(&self, down: Down) -> Result<(), Closed> {
        self.down.as_ref().ok_or(Closed)?.send(down).map_err(|_| Closed)
    }

    fn say(&self, message: ToAgent) -> Result<(), Closed> {
        self.send(Down::Message(message))
    }

    /// Takes one answer in.
    fn take(&mut self) -> Result<(), Closed> {
        match self.up.recv().map_err(|_| Closed)? {
            FromAgent::Needs(needs) => {
                for need in needs {
                    assert!(need.chunks.is_well_formed());
                    assert!(self.answers.needs.insert(need.node, need).is_none(), "a need was told twice");
                }
            }
            FromAgent::Restored(restored) => {
                for node in restored {
                    assert!(self.answers.outcomes.insert(node.node, node.outcome).is_none(), "told twice: {node:?}");
                }
            }
            FromAgent::Problem { path, during, message } => {
                self.answers.problems.push(Problem { path: path.into_vec(), during, message });
            }
            FromAgent::Refused { message } => {
                self.answers.refused = Some(message);
                self.down = None;
            }
            FromAgent::RestoreEnd { deleted, owners_kept } => {
                self.answers.end = Some(deleted);
                self.answers.owners_kept = owners_kept;
            }
            other => panic!("unexpected {other:?}"),
        }
        Ok(())
    }

    fn play(&mut self) -> Result<(), Closed> {
        let nodes = &self.server.snapshot.nodes;
        let mut open: Vec<u64> = Vec::new();
        let numbered: Vec<(u64, _)> = (0..).zip(nodes).collect();
        let windows: Vec<_> = numbered.chunks(self.server.window).collect();
        for (at, window) in windows.iter().enumerate() {
            if at == 0 || !self.server.ahead {
                self.announce(window)?;
            }
            let is_question =
                |kind: &EntryKind, link: Option<u64>| matches!(kind, EntryKind::File { .. }) && link.is_none();
            let questions: Vec<u64> = window
                .iter()
                .filter(|(_, node)| is_question(&node.entry.kind, node.hard_link_to))
                .map(|(number, _)| *number)
                .collect();
            while !questions.iter().all(|number| self.answers.needs.contains_key(number)) {
                self.take()?;
            }
            if let Some(next) = windows.get(at + 1).filter(|_| self.server.ahead) {
                self.announce(next)?;
            }
            self.blobs(&questions)?;
            // The directories that this window shows to be complete, deepest first.
            let last = &window.last().unwrap().1.path;
            while let Some(number) = open.pop_if(|number| !is_above(&nodes[*number as usize].path, last)) {
                self.say(ToAgent::CloseDirs(vec![number]))?;
            }
            let mut above = Vec::new();
            let mut closed = Vec::new();
            for (number, node) in window.iter().filter(|(_, node)| matches!(node.entry.kind, EntryKind::Dir { .. })) {
                if is_above(&node.path, last) { above.push(*number) } else { closed.push(*number) }
            }
            closed.sort_by_key(|number| std::cmp::Reverse(nodes[*number as usize].path.len()));
            self.say(ToAgent::CloseDirs(closed))?;
            open.extend(above);
        }
        while let Some(number) = open.pop() {
            self.say(ToAgent::CloseDirs(vec![number]))?;
        }
        self.say(ToAgent::Finish)?;
        while self.answers.end.is_none() {
            self.take()?;
        }
        assert_eq!(self.answers.outcomes.len(), self.server.snapshot.nodes.len(), "every node has an outcome");
        Ok(())
    }

    fn announce(&self, window: &[(u64, &RestoreNode)]) -> Result<(), Closed> {
        for batch in window.chunks(50) {
            self.say(ToAgent::Nodes(batch.iter().map(|(_, node)| (*node).clone()).collect()))?;
        }
        self.say(ToAgent::WindowEnd)
    }

    fn blobs(&mut self, questions: &[u64]) -> Result<(), Closed> {
        let mut targets: HashMap<BlobId, Vec<BlobTarget>> = HashMap::new();
        for number in questions {
            let chunks = &self.server.snapshot.nodes[*number as usize].chunks;
            let need = &self.answers.needs[number];
            assert_eq!(need.chunks.len(), chunks.len());
            for (index, chunk) in chunks.iter().enumerate().filter(|(index, _)| need.chunks.get(*index)) {
                targets.entry(chunk.id).or_default().push(BlobTarget { node: *number, chunk: index as u32 });
            }
        }
        // Neither in the order of the files nor in any other.
        for (id, targets) in targets {
            if self.server.lost.contains(&id) {
                continue;
            }
            if self.server.cut_after == Some(self.answers.blobs) {
                self.down = None;
                return Err(Closed);
            }
            let plain = &self.server.snapshot.blobs[&id];
            let compressed = self.answers.blobs.is_multiple_of(2);
            let mut stored = if compressed { zstd::bulk::compress(plain, 1).unwrap() } else { plain.clone() };
            let stored_len = stored.len() as u32;
            let mut header = BlobHeader { id, stored_len, len: plain.len() as u32, compressed, targets };
            (self.server.before_blob)(self.answers.blobs, &mut header, &mut stored);
            self.say(ToAgent::Blob(header))?;
            self.send(Down::Blob(stored))?;
            self.answers.blobs += 1;
        }
        Ok(())
    }
}

/// Whether a directory may still get something after this path.
fn is_above(dir: &[u8], path: &[u8]) -> bool {
    dir.is_empty() || (path.starts_with(dir) && path.get(dir.len()).is_none_or(|byte| *byte == b'/'))
}
