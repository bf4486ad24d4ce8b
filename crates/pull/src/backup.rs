//! A backup: one session with one agent becomes one snapshot, or nothing.

mod budget;
mod command;
mod credit;
mod dirs;
mod error;
mod files;
mod node;
mod pace;
mod parent;
mod rules;
mod session;
mod sink;
mod summary;

use std::collections::{BTreeSet, HashSet};

use holdfast_model::monitor::{Phase, Progress};
use holdfast_model::{CancelToken, Clock, Monitor, SnapshotId, Timestamp};
use holdfast_repo::time::ZonedTime;
use holdfast_repo::{Chunking, Proof, Repository, SavedSnapshot, SnapshotFilter};
use holdfast_wire::{AgentHello, BackupJob, ChunkerSpec, Filter, ToAgent};
use serde_bytes::ByteBuf;

use crate::link::{ClientLink, Trust};
use crate::problems::Problems;
use crate::state::{ClientState, DigestMemory, DigestRecorder};

pub(crate) use self::credit::Credit;
use self::dirs::Dirs;
use self::files::Files;
use self::node::Owners;
use self::pace::Pace;
use self::parent::Parent;
use self::rules::Scope;
use self::session::Session;
use self::sink::{Sink, Stamped};
use self::summary::Counts;

pub use command::{CommandRequest, backup_command};
pub use error::BackupError;
pub use summary::Summary;

/// What to back up, and how the snapshot is stamped. The client has no say in the latter.
#[derive(Debug, Clone)]
pub struct BackupRequest {
    /// Absolute paths on the client.
    pub roots: Vec<Vec<u8>>,
    /// Those of them that the client may lack: that one is not there is no problem. One of all roots must be there.
    pub optional_roots: Vec<Vec<u8>>,
    /// What to leave out.
    pub filter: Filter,
    /// How the snapshot is stamped.
    pub stamp: Stamp,
    /// What to compare with.
    pub parent: ParentChoice,
    /// Whether to store access times.
    pub with_atime: bool,
    /// Whether the link is slow enough for the agent to compress what it sends.
    pub compress_link: bool,
}

/// What a snapshot says of itself.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// When.
    pub time: ZonedTime,
    /// The host.
    pub hostname: String,
    /// The user.
    pub username: String,
    /// Tags.
    pub tags: Vec<String>,
}

/// Which snapshot to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParentChoice {
    /// The newest of the same host and paths.
    Newest,
    /// This one.
    Snapshot(SnapshotId),
    /// None: every file is read.
    Nothing,
}

/// Everything that a backup works with.
pub struct Backup<'a> {
    /// Where the snapshot goes. For a dry run it is opened over a store that writes nothing.
    pub repository: &'a Repository,
    /// What is remembered of the client; `None` remembers nothing. Without it a client that is no source of this machine
    /// is compared with nothing and sends everything: nothing proves that a snapshot of its name is its own.
    pub state: Option<&'a ClientState>,
    /// Whether this one is not to be remembered.
    pub dry_run: bool,
    /// Bytes of packs that what the client sends may take up. More of it ends the backup without a snapshot, and what came of
    /// it is not kept for the next one.
    pub allowance: Option<u64>,
    /// Told of everything.
    pub monitor: &'a dyn Monitor,
    /// Ends the work.
    pub cancel: &'a CancelToken,
    /// The server's clock: it alone stamps snapshots.
    pub clock: &'a dyn Clock,
}

/// Backs up what the agent at the other end of `link`, greeted before, finds.
pub fn backup(
    work: &Backup<'_>,
    link: &mut dyn ClientLink,
    hello: &AgentHello,
    request: &BackupRequest,
) -> Result<Summary, BackupError> {
    let sink = Sink::begin(work)?;
    let parent = find_parent(work, link.trust(), request)?;
    if let Some(parent) = &parent
        && link.trust() == Trust::Stranger
        && parent.hostname != request.stamp.hostname
    {
        // Unchanged files are taken from it, and its chunks count as this client's: it must be this client's own.
        return Err(BackupError::ForeignParent { parent: parent.id.short(), hostname: parent.hostname.clone() });
    }
    let mut memory = load_memory(work.state, request)?;
    if request.parent == ParentChoice::Nothing {
        memory.forget();
    }
    // The greeting was for free.
    link.take_message_bytes();
    link.send(ToAgent::Backup(BackupJob {
        roots: request.roots.iter().cloned().map(ByteBuf::from).collect(),
        filter: request.filter.clone(),
        chunker: chunker_of(work.repository),
        digest_seed: memory.seed(),
        atime: request.with_atime,
        compress: request.compress_link,
        credit: link.credit().unwrap_or(u64::MAX),
    }))?;
    let credit = link.credit();
    work.monitor.phase(Phase::BackingUp);
    let served = {
        let mut session = Session {
            possession: sink.possession(work, link.trust()),
            link: &mut *link,
            ingest: &sink.ingest,
            monitor: work.monitor,
            cancel: work.cancel,
            clock: work.clock,
            pace: Pace::new(work.clock.instant()),
            named: work.clock.instant(),
            parent: parent.as_ref().map(|parent| compare_with(work, parent, hello, sink.began)),
            memory: &memory,
            scope: Scope::new(request.roots.iter().cloned()),
            dirs: Dirs::default(),
            files: Files::default(),
            owners: Owners::default(),
            recorder: DigestRecorder::default(),
            known: HashSet::new(),
            counts: Counts::default(),
            progress: expected(parent.as_ref()),
            credit: Credit::new(credit),
            chunk_bytes: 0,
            problems: Problems::default(),
            optional_roots: request.optional_roots.clone(),
            root: None,
            answers: Vec::new(),
            walked: (0, 0),
        };
        session.run().map(|root| (root, session.recorder, session.counts, session.progress.errors))
    };
    let (root, recorded, counts, errors) = match served {
        Ok(served) => served,
        Err(error) => return Err(sink.give_up(error, work)),
    };
    // All has come: an agent that is gone before it hears so has done its work.
    let _ = link.send(ToAgent::Finish);
    let mut summary = Summary { errors, ..counts.summary(root.known.totals) };
    let paths = request.roots.iter().map(|root| String::from_utf8_lossy(root).into_owned()).collect();
    let stamp = Stamped { stamp: &request.stamp, paths, excludes: request.filter.exclude.clone() };
    sink.commit(work, stamp, root.known.tree, parent.as_ref(), &mut summary)?;
    if work.state.is_some() && !work.dry_run {
        memory.replace(recorded)?;
    }
    summary.traffic = link.finish();
    Ok(summary)
}

/// The snapshot to compare with. What is chosen here is the client's own: either by name and by its proven key, or
/// because somebody said so.
fn find_parent(work: &Backup<'_>, trust: Trust, request: &BackupRequest) -> Result<Option<SavedSnapshot>, BackupError> {
    let repository = work.repository;
    match request.parent {
        ParentChoice::Nothing => Ok(None),
        ParentChoice::Snapshot(id) => Ok(Some(repository.load_snapshot(id)?)),
        ParentChoice::Newest => {
            let paths: BTreeSet<String> =
                request.roots.iter().map(|root| String::from_utf8_lossy(root).into_owned()).collect();
            let filter = SnapshotFilter { hosts: vec![request.stamp.hostname.clone()], ..SnapshotFilter::default() };
            // A damaged snapshot of somebody else's must not keep this one from being made.
            let snapshots = repository.read_snapshots()?.good.into_iter().rev();
            let same = |snapshot: &SavedSnapshot| snapshot.paths.iter().cloned().collect::<BTreeSet<_>>() == paths;
            let made = match (trust, work.state) {
                (Trust::Own, _) => None,
                (Trust::Stranger, Some(state)) => Some(state.made()?),
                (Trust::Stranger, None) => return Ok(None),
            };
            // One whose tags were changed since has another id.
            let is_own = |snapshot: &SavedSnapshot| {
                let is_made = |id: &SnapshotId| made.as_ref().is_none_or(|made| made.contains(id));
                is_made(&snapshot.id) || snapshot.original.as_ref().is_some_and(is_made)
            };
            Ok(snapshots.filter(|snapshot| filter.matches(snapshot) && is_own(snapshot)).find(same))
        }
    }
}

/// What to compare with, and since when the client's files may have changed unseen.
fn compare_with(work: &Backup<'_>, parent: &SavedSnapshot, hello: &AgentHello, now: Timestamp) -> Parent {
    let began = parent.summary.as_ref().map_or(parent.time.at, |summary| summary.backup_start.at);
    // That time is the server's; the files' times are the client's.
    let ahead = hello.now.seconds.saturating_sub(now.seconds);
    let began = Timestamp { seconds: began.seconds.saturating_add(ahead), nanoseconds: 0 };
    Parent::new(work.repository.clone(), parent.tree, began)
}

/// How much there will be, as far as the parent tells.
fn expected(parent: Option<&SavedSnapshot>) -> Progress {
    let summary = parent.and_then(|parent| parent.summary.as_ref());
    Progress {
        files_total: summary.map(|summary| summary.total_files_processed),
        bytes_total: summary.map(|summary| summary.total_bytes_processed),
        ..Progress::default()
    }
}

fn load_memory(state: Option<&ClientState>, request: &BackupRequest) -> Result<DigestMemory, BackupError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|source| BackupError::Random(source.into()))?;
    match state {
        Some(state) => Ok(DigestMemory::load(state, &job_of(request), seed)?),
        None => Ok(DigestMemory::empty(seed)),
    }
}

/// What tells a job from others of the same client: they do not share their memory.
pub(crate) fn job_of(request: &BackupRequest) -> Vec<Vec<u8>> {
    let BackupRequest { roots, filter, with_atime, .. } = request;
    let mut parts = roots.clone();
    for (option, patterns) in [("e", &filter.exclude), ("i", &filter.iexclude), ("p", &filter.exclude_if_present)] {
        parts.extend(patterns.iter().map(|pattern| [option, pattern].concat().into_bytes()));
    }
    parts.extend(filter.exclude_larger_than.map(|bytes| format!("larger {bytes}").into_bytes()));
    for (flag, option) in [
        (filter.exclude_caches, "caches"),
        (filter.one_file_system, "one file system"),
        (filter.local_only, "local only"),
        (*with_atime, "atime"),
    ] {
        parts.extend(flag.then(|| option.into()));
    }
    parts
}

/// Whether chunks must be hashed again.
fn proof_of(trust: Trust) -> Proof {
    match trust {
        Trust::Own => Proof::Verified,
        Trust::Stranger => Proof::Unverified,
    }
}

fn chunker_of(repository: &Repository) -> ChunkerSpec {
    match repository.chunking() {
        Chunking::Gear { seed } => ChunkerSpec::Gear { seed },
        Chunking::Rabin { polynomial } => ChunkerSpec::Rabin { polynomial },
    }
}
