//! A repository whose requests are recorded, files on a disk, and sessions between them.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use holdfast_agent::Options;
use holdfast_model::{CancelToken, Monitor};
use holdfast_repo::config::ChunkerKind;
use holdfast_repo::key::KdfCost;
use holdfast_repo::time::ZonedTime;
use holdfast_repo::{EngineOptions, InitOptions, OpenOptions, Repository};
use holdfast_store::record::RecordStore;
use holdfast_store::{FileKind, MemoryStore, Store};
use holdfast_testkit::{Corpus, Counted, FakeClock, TempDir, temp_dir};
use holdfast_wire::{Filter, Overwrite};

use super::lockstep::Lockstep;
use crate::state::{ClientIdentity, RepositoryState};
use crate::{
    All, Backup, BackupRequest, ParentChoice, RestoreReport, RestoreRequest, Stamp, Summary, backup, greet, restore,
};

const PASSWORD: &[u8] = b"password";
/// Small, so that there are enough packs for a request too many for each to show.
const PACK: u32 = 512 << 10;

/// What a silent session is told.
struct Silent;

impl Monitor for Silent {}

/// Everything.
pub(super) struct Scene {
    pub(super) store: Arc<RecordStore<MemoryStore>>,
    pub(super) corpus: Corpus,
    clock: Arc<FakeClock>,
    dir: TempDir,
}

impl Scene {
    /// The corpus and an empty repository.
    pub(super) fn new() -> Self {
        let cheap = InitOptions { chunker: ChunkerKind::Gear, kdf_cost: KdfCost { log_n: 2, r: 1, p: 1 } };
        let store = Arc::new(RecordStore::new(MemoryStore::new()));
        Repository::init(store.clone(), PASSWORD, cheap, OpenOptions::default()).unwrap();
        let dir = temp_dir();
        let corpus = Corpus::create(dir.path().join("source"));
        // An hour after the files were made: all are old enough to be remembered.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 + 3600;
        Self { store, corpus, clock: Arc::new(FakeClock::at_seconds(now)), dir }
    }

    /// The repository, opened by a process that has nothing in memory; opening is not recorded.
    pub(super) fn repository(&self) -> Repository {
        let engine = EngineOptions { pack_size: PACK, ..EngineOptions::default() };
        let options = OpenOptions { state_dir: Some(self.dir.path().join("state")), engine, ..OpenOptions::default() };
        let repository = Repository::open(self.store.clone(), PASSWORD, options).unwrap();
        self.store.take();
        repository
    }

    /// The requests since the repository was opened.
    pub(super) fn requests(&self) -> Counted {
        let mut counted = Counted::new();
        for call in self.store.take() {
            let kind = call.kind.map_or_else(String::new, |kind| format!("{kind:?}"));
            *counted.entry(format!("{:?}-{kind}", call.verb)).or_default() += 1;
        }
        counted
    }

    /// Packs in the repository; the question is not recorded.
    pub(super) fn packs(&self) -> u64 {
        let before = self.store.take();
        let packs = self.store.list(FileKind::Pack).unwrap().len() as u64;
        assert!(before.is_empty(), "requests were not counted: {before:?}");
        self.store.take();
        packs
    }

    /// Backs up the tree.
    pub(super) fn backup(&self, repository: &Repository) -> (Summary, Counted) {
        let identity = ClientIdentity { host_key: "key".into(), hostname: "web1".into() };
        let state = RepositoryState::new(&self.dir.path().join("state"), &repository.id());
        let state = state.client(&identity, None).unwrap();
        let (monitor, cancel) = (Silent, CancelToken::new());
        let work = Backup {
            repository,
            state: Some(&state),
            dry_run: false,
            allowance: None,
            monitor: &monitor,
            cancel: &cancel,
            clock: &*self.clock,
        };
        let time = ZonedTime::utc(holdfast_model::Clock::now(&*self.clock));
        let request = BackupRequest {
            roots: vec![self.corpus.path().into()],
            optional_roots: Vec::new(),
            filter: Filter::default(),
            stamp: Stamp { time, hostname: "web1".into(), username: "root".into(), tags: Vec::new() },
            parent: ParentChoice::Newest,
            with_atime: false,
            compress_link: false,
        };
        let mut link = self.link();
        let hello = greet(&mut link).unwrap();
        let summary = backup(&work, &mut link, &hello, &request).unwrap();
        (summary, link.counted())
    }

    /// Restores the newest snapshot.
    pub(super) fn restore(&self, repository: &Repository) -> (RestoreReport, Counted) {
        repository.engine().refresh().unwrap();
        let snapshot = repository.snapshots().unwrap().pop().unwrap();
        let request = RestoreRequest {
            tree: snapshot.tree,
            target: self.dir.path().join("target").to_str().unwrap().into(),
            overwrite: Overwrite::Always,
            delete: false,
            verify: false,
            dry_run: false,
            owners_by_name: false,
            expected: None,
            selection: &All,
            whole_beneath: &[],
        };
        let mut link = self.link();
        greet(&mut link).unwrap();
        let report = restore(repository, &mut link, &request, &Silent, &CancelToken::new()).unwrap();
        (report, link.counted())
    }

    fn link(&self) -> Lockstep {
        Lockstep::start(Options { clock: self.clock.clone(), ..Options::default() })
    }
}
