//! Locks, as either sees the other's.

use holdfast_model::CancelToken;
use holdfast_repo::{LockMode, RepoErrorKind};
use holdfast_store::Sleep;

use crate::fixture::Fixture;

#[test]
fn restic_respects_our_locks() {
    let Some(fixture) = Fixture::empty() else { return };
    let repository = fixture.open();
    let pause = Sleep::new(CancelToken::new());
    let shared = repository.lock(LockMode::Shared, &pause).unwrap();
    fixture.restic.ok(["snapshots"]);
    assert_eq!(fixture.restic.run(["prune"]).status.code(), Some(11));
    let listed = fixture.restic.ok(["list", "locks", "--no-lock"]);
    assert!(listed.contains(&shared.id().to_string()));
    drop(shared);
    let exclusive = repository.lock(LockMode::Exclusive, &pause).unwrap();
    let refused = fixture.restic.run(["snapshots"]);
    assert_eq!(refused.status.code(), Some(11));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains(&format!("PID {}", std::process::id())), "{said}");
    exclusive.release().unwrap();
    fixture.restic.ok(["prune"]);
}

#[test]
fn we_respect_and_understand_the_locks_of_restic() {
    let Some(fixture) = Fixture::empty() else { return };
    let repository = fixture.open();
    // It waits for its input and holds a lock meanwhile.
    let mut command = fixture.restic.command();
    let mut restic = command
        .args(["backup", "--stdin"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let pause = Sleep::new(CancelToken::new());
    let lock = loop {
        if let Some(lock) = repository.locks().unwrap().pop() {
            break lock;
        }
        std::thread::yield_now();
    };
    assert_eq!(lock.pid, restic.id() as i32);
    assert!(!lock.exclusive && !lock.dead && lock.started.is_none());
    assert_eq!(repository.lock(LockMode::Exclusive, &pause).unwrap_err().kind(), RepoErrorKind::Locked);
    drop(repository.lock(LockMode::Shared, &pause).unwrap());
    restic.kill().unwrap();
    restic.wait().unwrap();
    assert!(repository.locks().unwrap().iter().all(|lock| lock.dead));
    assert_eq!(repository.lock(LockMode::Exclusive, &pause).unwrap_err().kind(), RepoErrorKind::Locked);
    assert_eq!(repository.unlock(false).unwrap(), 1);
    drop(repository.lock(LockMode::Exclusive, &pause).unwrap());
    assert!(repository.locks().unwrap().is_empty());
}
