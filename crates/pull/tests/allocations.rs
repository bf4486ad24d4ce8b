//! The regression guard of memory: how often a run asks the allocator for some, held against `testdata/limits.toml`.
//!
//! A program of its own, because its allocator counts whatever the process does.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use holdfast_model::{CancelToken, Clock, Monitor, Timestamp};
use holdfast_pull::state::{ClientIdentity, RepositoryState};
use holdfast_pull::{
    All, Backup, BackupRequest, LocalLink, ParentChoice, RestoreRequest, Stamp, backup, greet, restore,
};
use holdfast_repo::config::ChunkerKind;
use holdfast_repo::key::KdfCost;
use holdfast_repo::time::ZonedTime;
use holdfast_repo::{InitOptions, OpenOptions, Repository};
use holdfast_store::MemoryStore;
use holdfast_testkit::{Corpus, Counted, CountingAllocator, FakeClock, Guard, TempDir, temp_dir};
use holdfast_wire::{Filter, Overwrite};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

/// How often some work asks for memory.
fn calls_during<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = ALLOCATOR.calls();
    let done = work();
    (done, ALLOCATOR.calls() - before)
}

struct Silent;

impl Monitor for Silent {}

struct Scene {
    repository: Repository,
    corpus: Corpus,
    clock: FakeClock,
    dir: TempDir,
}

impl Scene {
    fn new() -> Self {
        let cheap = InitOptions { chunker: ChunkerKind::Gear, kdf_cost: KdfCost { log_n: 2, r: 1, p: 1 } };
        let dir = temp_dir();
        let options = OpenOptions { state_dir: Some(dir.path().join("state")), ..OpenOptions::default() };
        let repository = Repository::init(Arc::new(MemoryStore::new()), b"password", cheap, options).unwrap();
        let corpus = Corpus::create(dir.path().join("source"));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        Self { repository, corpus, clock: FakeClock::at_seconds(now), dir }
    }

    fn backup(&self) {
        let state = RepositoryState::new(&self.dir.path().join("state"), &self.repository.id());
        let state = state.client(&ClientIdentity::local("here"), None).unwrap();
        let cancel = CancelToken::new();
        let work = Backup {
            repository: &self.repository,
            state: Some(&state),
            dry_run: false,
            allowance: None,
            monitor: &Silent,
            cancel: &cancel,
            clock: &self.clock,
        };
        let time = ZonedTime::utc(self.clock.now());
        let request = BackupRequest {
            roots: vec![self.corpus.path().into()],
            optional_roots: Vec::new(),
            filter: Filter::default(),
            stamp: Stamp { time, hostname: "here".into(), username: "root".into(), tags: Vec::new() },
            parent: ParentChoice::Newest,
            with_atime: false,
            compress_link: false,
        };
        let mut link = LocalLink::start(&cancel).unwrap();
        let hello = greet(&mut link).unwrap();
        backup(&work, &mut link, &hello, &request).unwrap();
    }

    fn restore(&self) {
        let snapshot = self.repository.snapshots().unwrap().pop().unwrap();
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
        let cancel = CancelToken::new();
        let mut link = LocalLink::start(&cancel).unwrap();
        greet(&mut link).unwrap();
        assert_eq!(restore(&self.repository, &mut link, &request, &Silent, &cancel).unwrap().failed, 0);
    }

    /// Waits until every file is older than what counts as just changed.
    fn let_it_age(&self) {
        let made = self.clock.now().seconds;
        holdfast_testkit::process::must_happen("the files grow older", || {
            Timestamp::from(SystemTime::now()).seconds > made + 4
        });
    }
}

#[test]
fn the_guard_finds_no_allocation_too_many() {
    let scene = Scene::new();
    scene.let_it_age();
    let units = [("file", scene.corpus.files), ("dir", scene.corpus.dirs + scene.corpus.way())];
    let works: [(&str, &dyn Fn()); 3] =
        [("backup-first", &|| scene.backup()), ("backup-again", &|| scene.backup()), ("restore", &|| scene.restore())];
    let counted: Counted = works.map(|(work, run)| (work.to_owned(), calls_during(run).1)).into();
    let mut guard = Guard::default();
    guard.check("allocations", &counted, &units);
    guard.finish();
}
