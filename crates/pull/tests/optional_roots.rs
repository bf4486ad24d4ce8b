//! Roots that a client may lack: the real agent on a real directory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use holdfast_model::{CancelToken, Clock, Monitor};
use holdfast_pull::{Backup, BackupError, BackupRequest, LocalLink, ParentChoice, Stamp, Summary, backup, greet};
use holdfast_repo::config::ChunkerKind;
use holdfast_repo::key::KdfCost;
use holdfast_repo::time::ZonedTime;
use holdfast_repo::{InitOptions, OpenOptions, Repository};
use holdfast_store::MemoryStore;
use holdfast_testkit::{FakeClock, Tree, temp_dir};
use holdfast_wire::Filter;

struct Silent;

impl Monitor for Silent {}

fn back_up(roots: &[&std::path::Path], optional: &[&std::path::Path]) -> Result<Summary, BackupError> {
    let bytes = |paths: &[&std::path::Path]| paths.iter().map(|path| path.to_str().unwrap().into()).collect();
    let cheap = InitOptions { chunker: ChunkerKind::Gear, kdf_cost: KdfCost { log_n: 2, r: 1, p: 1 } };
    let store = Arc::new(MemoryStore::new());
    let repository = Repository::init(store, b"password", cheap, OpenOptions::default()).unwrap();
    let (clock, cancel) = (FakeClock::at_seconds(1_800_000_000), CancelToken::new());
    let work = Backup {
        repository: &repository,
        state: None,
        dry_run: false,
        allowance: None,
        monitor: &Silent,
        cancel: &cancel,
        clock: &clock,
    };
    let request = BackupRequest {
        roots: bytes(roots),
        optional_roots: bytes(optional),
        filter: Filter::default(),
        stamp: Stamp {
            time: ZonedTime::utc(clock.now()),
            hostname: "here".into(),
            username: "root".into(),
            tags: Vec::new(),
        },
        parent: ParentChoice::Newest,
        with_atime: false,
        compress_link: false,
    };
    let mut link = LocalLink::start(&cancel).unwrap();
    let hello = greet(&mut link).unwrap();
    backup(&work, &mut link, &hello, &request)
}

#[test]
fn a_root_that_may_be_missing_is_no_problem_and_one_of_all_must_be_there() {
    let dir = temp_dir();
    Tree::create(dir.path()).file("mail/ann", "hello");
    let (mail, none, deep) = (dir.path().join("mail"), dir.path().join("none"), dir.path().join("lib/mail"));
    let errors = |roots: &[&std::path::Path], optional: &[&std::path::Path]| back_up(roots, optional).unwrap().errors;
    assert_eq!(errors(&[&mail, &none], &[]), 1);
    assert_eq!(errors(&[&mail, &none], &[&mail, &none]), 0);
    assert_eq!(errors(&[&mail, &deep], &[&deep]), 0, "nor is what would be on the way to it");
    assert_eq!(errors(&[&mail, &none, &deep], &[&none]), 1, "only those that may be missing");
    let gone = back_up(&[&none, &deep], &[&none, &deep]);
    assert!(matches!(gone, Err(BackupError::NothingFound)), "{gone:?}");
}
