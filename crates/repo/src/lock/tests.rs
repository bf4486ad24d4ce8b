//! Locks between processes that are not there: their files are written as those would write them.

use std::sync::Arc;

use holdfast_model::Clock;
use holdfast_store::fault::{Effect, FaultStore, Trigger};
use holdfast_store::{MemoryStore, Store, Verb};

use super::guard::LOST_AFTER;
use super::*;
use crate::testing::{PASSWORD, TestClock, TestPause, options, repository};
use crate::{OpenOptions, RepoErrorKind, Repository};

/// The same repository, opened by somebody else.
fn opened_again(store: &Arc<MemoryStore>, clock: &Arc<TestClock>) -> Repository {
    Repository::open(Arc::clone(store) as Arc<dyn Store>, PASSWORD, options(clock)).unwrap()
}

fn locks(store: &MemoryStore) -> usize {
    store.list(FileKind::Lock).unwrap().len()
}

/// A lock that another process wrote.
fn foreign_lock(repository: &Repository, hostname: &str, pid: i32, exclusive: bool) -> LockId {
    let mut us = Process::current();
    us.pid = pid;
    hostname.clone_into(&mut us.hostname);
    us.life.machine = "another".into();
    repository.write_lock(&LockDocument::new(&us, exclusive, repository.clock().now())).unwrap()
}

/// A lock as restic writes it.
fn restic_lock(repository: &Repository, hostname: &str, pid: i32) -> LockId {
    let document = format!(
        r#"{{"time":"{}","exclusive":false,"hostname":"{hostname}","username":"root","pid":{pid}}}"#,
        ZonedTime::utc(repository.clock().now())
    );
    repository.save_unpacked(FileKind::Lock, document.as_bytes()).unwrap().into()
}

#[test]
fn shared_locks_go_together_and_exclusive_ones_with_none() {
    let (first, store, clock) = repository();
    let second = opened_again(&store, &clock);
    let pause = TestPause::new();
    let shared = first.lock(LockMode::Shared, &pause).unwrap();
    let also = second.lock(LockMode::Shared, &pause).unwrap();
    let error = second.lock(LockMode::Exclusive, &pause).unwrap_err();
    assert_eq!(error.kind(), RepoErrorKind::Locked);
    let RepoError::Locked { holders, .. } = &error else { panic!("{error}") };
    assert_eq!(holders.len(), 2);
    assert_eq!(holders[0].pid, std::process::id() as i32);
    assert!(error.to_string().contains(&holders[0].hostname), "{error}");
    assert_eq!(locks(&store), 2, "a lock that was not got is not left behind");
    drop(shared);
    also.release().unwrap();
    let exclusive = second.lock(LockMode::Exclusive, &pause).unwrap();
    assert_eq!(first.lock(LockMode::Shared, &pause).unwrap_err().kind(), RepoErrorKind::Locked);
    drop(exclusive);
    assert_eq!(locks(&store), 0);
}

#[test]
fn a_lock_says_what_restic_says_and_when_the_session_began() {
    let (repository, store, clock) = repository();
    let guard = repository.lock(LockMode::Exclusive, &TestPause::new()).unwrap();
    let id = store.list(FileKind::Lock).unwrap()[0].id;
    let text = String::from_utf8(repository.load_unpacked(FileKind::Lock, &id).unwrap()).unwrap();
    assert!(text.starts_with(r#"{"time":"2023-11-14T22:13:20Z","exclusive":true,"hostname":""#), "{text}");
    assert!(text.contains(&format!(r#""pid":{}"#, std::process::id())), "{text}");
    clock.advance(Duration::from_secs(6 * 60));
    guard.tick();
    let info = repository.locks().unwrap().remove(0);
    assert_eq!(info.time.to_string(), "2023-11-14T22:19:20Z");
    assert_eq!(info.started.unwrap().at, guard.started());
    assert_eq!(info.started.unwrap().to_string(), "2023-11-14T22:13:20Z");
}

#[test]
fn dead_locks_of_ours_are_removed_and_those_of_restic_wait_for_an_unlock() {
    let (repository, store, _) = repository();
    let mut us = Process::current();
    let mut child = std::process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    (us.pid, us.life.machine) = (child.id() as i32, Process::current().life.machine);
    repository.write_lock(&LockDocument::new(&us, true, repository.clock().now())).unwrap();
    drop(repository.lock(LockMode::Exclusive, &TestPause::new()).unwrap());
    assert_eq!(locks(&store), 0);
    // In a container, or on another machine of that name, it may be at work.
    for host in [&*us.hostname, "elsewhere"] {
        restic_lock(&repository, host, us.pid);
        let error = repository.lock(LockMode::Exclusive, &TestPause::new()).unwrap_err();
        assert_eq!(error.kind(), RepoErrorKind::Locked);
        assert_eq!(locks(&store), 1);
        assert_eq!(repository.unlock(false).unwrap(), usize::from(host == us.hostname));
    }
}

#[test]
fn two_who_lock_at_the_same_moment_never_both_get_it() {
    let (repository, _, _) = repository();
    /// While we wait for the storage to settle, somebody else's lock appears.
    struct Rival<'a>(&'a Repository);
    impl Pause for Rival<'_> {
        fn pause(&self, _: Duration) -> bool {
            foreign_lock(self.0, "elsewhere", 1, true);
            true
        }
    }
    let error = repository.lock(LockMode::Shared, &Rival(&repository)).unwrap_err();
    assert_eq!(error.kind(), RepoErrorKind::Locked);
    assert_eq!(repository.locks().unwrap().len(), 1, "only the rival's is left");
}

#[test]
fn work_that_reads_while_a_lock_settles_counts_only_if_the_lock_is_given() {
    let (repository, _, _) = repository();
    let cancel = CancelToken::new();
    let mut token = None;
    let (lock, done) = repository
        .lock_while(LockMode::Shared, &TestPause::new(), &cancel, |stop| {
            token = Some(stop.clone());
            repository.locks().unwrap().len()
        })
        .unwrap();
    assert_eq!(done, 1, "the lock is there before the work begins");
    assert!(!token.unwrap().is_cancelled());
    lock.release().unwrap();

    struct Rival<'a>(&'a Repository);
    impl Pause for Rival<'_> {
        fn pause(&self, _: Duration) -> bool {
            foreign_lock(self.0, "elsewhere", 1, true);
            true
        }
    }
    let refused = repository.lock_while(LockMode::Shared, &Rival(&repository), &cancel, |stop| {
        // Goes on for ever, unless it is told to end.
        let (ended, end) = crossbeam_channel::bounded(1);
        stop.on_cancel(move || _ = ended.send(()));
        end.recv().unwrap();
    });
    assert_eq!(refused.unwrap_err().kind(), RepoErrorKind::Locked);
    assert_eq!(repository.locks().unwrap().len(), 1, "only the rival's is left");
}

#[test]
fn waiting_for_a_lock_ends_when_it_is_given_back_or_patience_does() {
    let (repository, store, _) = repository();
    let lock = foreign_lock(&repository, "elsewhere", 1, true);
    let pause = TestPause::new();
    let patience = Duration::from_secs(100);
    assert!(repository.lock_within(LockMode::Shared, patience, &pause).is_err());
    assert!(*pause.waited.lock() >= patience);
    /// The other one is done after a while.
    struct Released<'a>(&'a MemoryStore, LockId);
    impl Pause for Released<'_> {
        fn pause(&self, _: Duration) -> bool {
            let _ = self.0.remove(FileKind::Lock, &self.1.into());
            true
        }
    }
    repository.lock_within(LockMode::Shared, patience, &Released(&store, lock)).unwrap();
    let lock = foreign_lock(&repository, "elsewhere", 1, true);
    assert!(repository.lock(LockMode::Shared, &Released(&store, LockId::new([9; 32]))).is_err(), "no patience");
    let patient = OpenOptions { lock_patience: patience, ..OpenOptions::default() };
    let patient = Repository::open(store.clone(), PASSWORD, patient).unwrap();
    drop(patient.lock(LockMode::Shared, &Released(&store, lock)).unwrap());
    let cancelled = TestPause { cancelled: true, ..TestPause::new() };
    let error = repository.lock(LockMode::Shared, &cancelled).unwrap_err();
    assert_eq!(error.kind(), RepoErrorKind::Cancelled);
    assert_eq!(locks(&store), 0);
}

#[test]
fn a_lock_is_refreshed_every_five_minutes() {
    let (repository, store, clock) = repository();
    let guard = repository.lock(LockMode::Shared, &TestPause::new()).unwrap();
    let first = guard.id();
    clock.advance(Duration::from_secs(4 * 60));
    guard.tick();
    assert_eq!(guard.id(), first);
    for _ in 0..10 {
        clock.advance(Duration::from_secs(5 * 60));
        let before = guard.id();
        guard.tick();
        assert_ne!(guard.id(), before);
        assert_eq!(locks(&store), 1);
        guard.check().unwrap();
    }
}

#[test]
fn a_lock_that_somebody_removed_is_lost() {
    let (repository, store, clock) = repository();
    let guard = repository.lock(LockMode::Shared, &TestPause::new()).unwrap();
    let watch = guard.watch();
    assert_eq!(opened_again(&store, &clock).unlock(true).unwrap(), 1);
    clock.advance(Duration::from_secs(5 * 60));
    guard.tick();
    assert!(watch.is_lost());
    assert_eq!(watch.check().unwrap_err().kind(), RepoErrorKind::LockLost);
    assert_eq!(locks(&store), 0, "it is not written anew");
}

#[test]
fn a_lock_that_is_gone_is_noticed_at_once_by_who_asks() {
    let (repository, store, clock) = repository();
    let guard = repository.lock(LockMode::Shared, &TestPause::new()).unwrap();
    guard.prove().unwrap();
    clock.advance(Duration::from_secs(6 * 60));
    guard.tick();
    guard.prove().unwrap();
    opened_again(&store, &clock).unlock(true).unwrap();
    guard.check().unwrap();
    assert_eq!(guard.prove().unwrap_err().kind(), RepoErrorKind::LockLost);
    assert!(guard.watch().is_lost());
}

#[test]
fn a_lock_grows_old_though_the_clock_is_set_back() {
    /// Whatever time passes, it is always the same time of day.
    struct SetBack(Arc<TestClock>);
    impl Clock for SetBack {
        fn now(&self) -> Timestamp {
            Timestamp { seconds: 1_700_000_000, nanoseconds: 0 }
        }
        fn instant(&self) -> std::time::Instant {
            self.0.instant()
        }
    }
    let (_, store, clock) = repository();
    let options = OpenOptions { clock: Some(Arc::new(SetBack(clock.clone()))), ..OpenOptions::default() };
    let repository = Repository::open(store, PASSWORD, options).unwrap();
    let guard = repository.lock(LockMode::Shared, &TestPause::new()).unwrap();
    clock.advance(LOST_AFTER + Duration::from_secs(1));
    assert_eq!(guard.check().unwrap_err().kind(), RepoErrorKind::LockLost);
}

#[test]
fn a_lock_file_that_could_not_be_removed_is_removed_later() {
    let (_, store, clock) = repository();
    let faulty = Arc::new(FaultStore::new(store.clone()));
    let repository = Repository::open(faulty.clone(), PASSWORD, options(&clock)).unwrap();
    let fail = |nth| faulty.inject(Trigger::nth(nth).of(Verb::Remove), Effect::Fail(ErrorKind::Permanent));
    // At the end of one lock, and when another is refreshed.
    let ended = repository.lock(LockMode::Shared, &TestPause::new()).unwrap();
    let refreshed = repository.lock(LockMode::Shared, &TestPause::new()).unwrap();
    fail(1);
    fail(2);
    assert!(ended.release().is_err());
    assert_eq!(locks(&store), 2);
    refreshed.tick();
    assert_eq!(locks(&store), 1);
    clock.advance(Duration::from_secs(6 * 60));
    fail(1);
    refreshed.tick();
    assert_eq!(locks(&store), 2);
    refreshed.release().unwrap();
    drop(repository.lock(LockMode::Exclusive, &TestPause::new()).unwrap());
    assert_eq!(locks(&store), 0);
}

#[test]
fn a_lock_that_could_not_be_refreshed_in_time_is_lost_before_others_take_it_for_stale() {
    let (repository, _, clock) = repository();
    let guard = repository.lock(LockMode::Shared, &TestPause::new()).unwrap();
    clock.advance(LOST_AFTER);
    guard.check().unwrap();
    clock.advance(Duration::from_secs(1));
    assert_eq!(guard.check().unwrap_err().kind(), RepoErrorKind::LockLost);
    let now = repository.clock().now();
    assert!(!repository.locks().unwrap()[0].is_stale(now));
    guard.tick();
    assert!(guard.watch().is_lost(), "it stays lost");
}

#[test]
fn unlock_removes_what_is_stale_or_all() {
    let (repository, store, clock) = repository();
    foreign_lock(&repository, "old", 1, false);
    clock.advance(STALE_AFTER + Duration::from_secs(1));
    foreign_lock(&repository, "new", 1, false);
    assert_eq!(repository.unlock(false).unwrap(), 1);
    assert_eq!(repository.locks().unwrap()[0].hostname, "new");
    assert_eq!(repository.unlock(true).unwrap(), 1);
    assert_eq!(locks(&store), 0);
}

#[test]
fn a_lock_file_that_cannot_be_read_stops_us_unless_it_is_empty() {
    let (repository, store, _) = repository();
    store.put(FileKind::Lock, &Id::new([1; 32]), &[]).unwrap();
    drop(repository.lock(LockMode::Exclusive, &TestPause::new()).unwrap());
    store.put(FileKind::Lock, &Id::new([2; 32]), &[b"rubbish"]).unwrap();
    let pause = TestPause::new();
    assert_eq!(repository.lock(LockMode::Shared, &pause).unwrap_err().kind(), RepoErrorKind::Corrupt);
    assert_eq!(*pause.waited.lock(), Duration::from_secs(2), "its upload may not be finished");
    repository.unlock(true).unwrap();
    repository.lock(LockMode::Shared, &TestPause::new()).unwrap();
}
