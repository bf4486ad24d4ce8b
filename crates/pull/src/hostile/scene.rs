//! A repository in memory, and sessions with scripted agents.

use std::sync::Arc;

use holdfast_model::monitor::{ItemError, Progress};
use holdfast_model::{BlobId, CancelToken, Monitor, TreeId};
use holdfast_repo::config::ChunkerKind;
use holdfast_repo::key::KdfCost;
use holdfast_repo::time::ZonedTime;
use holdfast_repo::tree::{Node, NodeKind, Tree};
use holdfast_repo::{IngestSession, InitOptions, OpenOptions, Proof, Repository, Sleep};
use holdfast_store::MemoryStore;
use holdfast_testkit::{FakeClock, TempDir, temp_dir};
use holdfast_wire::{AgentHello, Filter, Overwrite, Version, ViolationClass};
use parking_lot::Mutex;

use crate::link::LinkError;
use crate::link::scripted::{Agent, Played, ScriptedLink, chunk, scripted};
use crate::state::{ClientIdentity, ClientState, RepositoryState};
use crate::{
    All, Backup, BackupError, BackupRequest, CommandRequest, ParentChoice, RestoreError, RestoreReport, RestoreRequest,
    Stamp, Summary, backup, backup_command, restore,
};

const CREDIT: u64 = 32 << 20;

/// A repository and what is remembered of its clients.
pub(super) struct Scene {
    pub(super) repository: Repository,
    pub(super) clock: FakeClock,
    state: TempDir,
}

/// How a session ended.
#[derive(Debug)]
pub(super) struct Ended<T, E> {
    pub(super) result: Result<T, E>,
    /// What people were shown.
    pub(super) shown: Shown,
}

/// What people were shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) errors: Vec<ItemError>,
    pub(super) notes: Vec<String>,
    /// The file that was named last as the one under way.
    pub(super) current: Option<String>,
}

#[derive(Default)]
struct Recorder(Mutex<Shown>);

impl Monitor for Recorder {
    fn item_error(&self, error: &ItemError) {
        self.0.lock().errors.push(error.clone());
    }

    fn progress(&self, progress: &Progress) {
        self.0.lock().current.clone_from(&progress.current);
    }

    fn note(&self, text: &str) {
        self.0.lock().notes.push(text.to_owned());
    }
}

impl<T> Ended<T, BackupError> {
    /// The class of the violation that ended the session.
    #[track_caller]
    pub(super) fn violation(&self) -> ViolationClass {
        match &self.result {
            Err(BackupError::Link(LinkError::Violation(violation))) => violation.class,
            Err(other) => panic!("no violation: {other:?}"),
            Ok(_) => panic!("it went well"),
        }
    }
}

impl Scene {
    pub(super) fn new() -> Self {
        let cheap = InitOptions { chunker: ChunkerKind::Gear, kdf_cost: KdfCost { log_n: 2, r: 1, p: 1 } };
        let store = Arc::new(MemoryStore::new());
        let repository = Repository::init(store, b"password", cheap, OpenOptions::default()).unwrap();
        Self { repository, clock: FakeClock::at_seconds(1_700_000_000), state: temp_dir() }
    }

    /// What is remembered of the client of that name, whose host key is its own.
    pub(super) fn client(&self, host: &str) -> ClientState {
        self.client_with_key(host, host)
    }

    /// The same, for a host that has proven this key.
    pub(super) fn client_with_key(&self, host: &str, key: &str) -> ClientState {
        let identity = ClientIdentity { host_key: key.into(), hostname: host.into() };
        RepositoryState::new(self.state.path(), &self.repository.id()).client(&identity, None).unwrap()
    }

    /// A backup of all of a client, as its agent plays it.
    pub(super) fn backup(
        &self,
        host: &str,
        script: impl FnOnce(&Agent) -> Played + Send,
    ) -> Ended<Summary, BackupError> {
        self.backup_as(&self.client(host), &request(host), script)
    }

    /// The same, for what is remembered and asked for as said.
    pub(super) fn backup_as(
        &self,
        state: &ClientState,
        request: &BackupRequest,
        script: impl FnOnce(&Agent) -> Played + Send,
    ) -> Ended<Summary, BackupError> {
        self.play(CREDIT, Some(state), script, |work, link| backup(work, link, &hello(), request))
    }

    /// A backup with so much credit.
    pub(super) fn backup_with_credit(
        &self,
        credit: u64,
        script: impl FnOnce(&Agent) -> Played + Send,
    ) -> Ended<Summary, BackupError> {
        let state = self.client("web1");
        self.play(credit, Some(&state), script, |work, link| backup(work, link, &hello(), &request("web1")))
    }

    /// A backup of a client of which nothing can be remembered.
    pub(super) fn backup_without_state(
        &self,
        host: &str,
        script: impl FnOnce(&Agent) -> Played + Send,
    ) -> Ended<Summary, BackupError> {
        self.play(CREDIT, None, script, |work, link| backup(work, link, &hello(), &request(host)))
    }

    /// A backup by an agent that does not hear that it is over.
    pub(super) fn backup_deaf(
        &self,
        host: &str,
        script: impl FnOnce(&Agent) -> Played + Send,
    ) -> Ended<Summary, BackupError> {
        self.play(CREDIT, Some(&self.client(host)), script, |work, link| {
            link.is_deaf_to_the_end = true;
            backup(work, link, &hello(), &request(host))
        })
    }

    /// A backup of a command's output.
    pub(super) fn command(
        &self,
        host: &str,
        script: impl FnOnce(&Agent) -> Played + Send,
    ) -> Ended<Summary, BackupError> {
        let request = CommandRequest {
            command: "dump".into(),
            path: b"/dump".to_vec(),
            stamp: stamp(host),
            compress_link: false,
        };
        self.play(CREDIT, Some(&self.client(host)), script, |work, link| backup_command(work, link, &request))
    }

    /// A restore of a whole tree that may be made to be just so.
    pub(super) fn restore(
        &self,
        tree: TreeId,
        script: impl FnOnce(&Agent) -> Played + Send,
    ) -> Ended<RestoreReport, RestoreError> {
        let request = RestoreRequest {
            tree,
            target: b"/target".to_vec(),
            overwrite: Overwrite::Always,
            delete: true,
            verify: false,
            dry_run: false,
            owners_by_name: false,
            expected: None,
            selection: &All,
            whole_beneath: &[Vec::new()],
        };
        self.play(CREDIT, None, script, |work, link| {
            restore(work.repository, link, &request, work.monitor, work.cancel)
        })
    }

    fn play<T, E>(
        &self,
        credit: u64,
        state: Option<&ClientState>,
        script: impl FnOnce(&Agent) -> Played + Send,
        serve: impl FnOnce(&Backup<'_>, &mut ScriptedLink) -> Result<T, E>,
    ) -> Ended<T, E> {
        let (recorder, cancel) = (Recorder::default(), CancelToken::new());
        let work = Backup {
            repository: &self.repository,
            state,
            dry_run: false,
            allowance: None,
            monitor: &recorder,
            cancel: &cancel,
            clock: &self.clock,
        };
        let (mut link, agent) = scripted(credit);
        let result = std::thread::scope(|scope| {
            let player = scope.spawn(move || {
                // Whether the server was gone before the script's end shows in its result.
                let _ = script(&agent);
                agent.hang_up();
            });
            let result = serve(&work, &mut link);
            drop(link);
            player.join().expect("the script ends well");
            result
        });
        Ended { result, shown: recorder.0.into_inner() }
    }

    /// Stores data and gives its id.
    pub(super) fn put_data(&self, bytes: &[u8]) -> BlobId {
        let session = self.session();
        session.put_data(chunk(bytes).id, bytes.to_vec(), Proof::Verified).unwrap();
        session.abandon().unwrap();
        chunk(bytes).id
    }

    /// Stores a tree, whatever it reaches.
    pub(super) fn put_tree(&self, nodes: Vec<Node>) -> TreeId {
        let session = self.session();
        let id = session.put_tree(&Tree::new(nodes).unwrap()).unwrap();
        session.abandon().unwrap();
        id
    }

    fn session(&self) -> IngestSession {
        IngestSession::begin(&self.repository, Box::new(|_| ()), &Sleep::new(CancelToken::new())).unwrap()
    }
}

/// A file of one blob.
pub(super) fn file_node(name: &str, content: &[BlobId]) -> Node {
    let mut node = Node::new(name.as_bytes(), NodeKind::File { content: content.to_vec() }, 0o644);
    node.links = 1;
    node
}

/// A directory.
pub(super) fn dir_node(name: &str, subtree: TreeId) -> Node {
    Node::new(name.as_bytes(), NodeKind::Dir { subtree }, 0o755)
}

pub(super) fn request(host: &str) -> BackupRequest {
    BackupRequest {
        roots: vec![b"/".to_vec()],
        optional_roots: Vec::new(),
        filter: Filter::default(),
        stamp: stamp(host),
        parent: ParentChoice::Newest,
        with_atime: false,
        compress_link: false,
    }
}

fn stamp(host: &str) -> Stamp {
    let time = ZonedTime::utc(holdfast_model::Timestamp { seconds: 1_700_000_000, nanoseconds: 0 });
    Stamp { time, hostname: host.into(), username: "root".into(), tags: Vec::new() }
}

fn hello() -> AgentHello {
    AgentHello {
        oldest: Version::OLDEST,
        newest: Version::CURRENT,
        release: String::new(),
        architecture: String::new(),
        uid: 0,
        now: holdfast_model::Timestamp { seconds: 1_700_000_000, nanoseconds: 0 },
        home: Vec::new().into(),
    }
}
