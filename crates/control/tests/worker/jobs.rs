//! What jobs do, from end to end: a real sshd, the real agent and puller, a repository on disk, a database.

use std::time::Duration;

use holdfast_control::LEASE;
use holdfast_db::{Level, LogLine, SnapshotQuery};
use holdfast_model::client::{ClientSpec, HostKey};
use holdfast_model::job::{Cause, JobKind, JobStatus, Launch, NewJob};
use holdfast_model::repository::RepositorySpec;
use holdfast_model::{Clock, JobUid};
use serde_json::{Value, json};

use super::scene::{Scene, shown, work_off, worker};

use JobKind::{Backup, Check, Forget, Prepare, Prune};
use JobStatus::{Failed, Running, Succeeded};

#[tokio::test]
async fn a_client_is_prepared_backed_up_and_thinned_out() {
    let Some(scene) = Scene::new(json!({"retention": {"last": 1}})).await else { return };
    let first = scene.run().await;
    assert_eq!(shown(&first), [(Prepare, Failed), (Backup, Failed), (Forget, Failed)]);
    assert_eq!(first[0].outcome.error.as_ref().unwrap().cause, Cause::HostKeyUnknown);
    let keys = scene.client().await.status.host_keys;
    assert_eq!((keys.accepted.len(), keys.offered.len()), (0, 1), "it is shown, and not believed");
    assert!(scene.log(&first[0]).await.iter().any(|line| line.contains("the host shows the key")));

    scene.accept_host_key().await;
    let second = scene.run().await;
    assert_eq!(shown(&second), [(Prepare, Succeeded), (Backup, Succeeded), (Forget, Succeeded)]);
    let client = scene.client().await.status;
    assert!(client.ready_since.is_some() && client.facts.unwrap().architecture == std::env::consts::ARCH);
    let backup = &second[1];
    assert_eq!((backup.outcome.files, backup.outcome.files_new), (2, 2));
    let snapshots = scene.repository().snapshots().unwrap();
    assert_eq!(
        snapshots.iter().map(|snapshot| JobUid::of_tags(&snapshot.tags)).collect::<Vec<_>>(),
        [Some(backup.uid)]
    );
    assert_eq!((snapshots[0].hostname.as_str(), snapshots[0].id), ("web1", backup.outcome.snapshot.unwrap()));
    assert!(scene.log(backup).await.iter().any(|line| line == "writing the snapshot"));

    scene.clock.advance(Duration::from_secs(3600));
    let third = scene.run().await;
    assert_eq!(shown(&third), [(Backup, Succeeded), (Forget, Succeeded)]);
    assert_eq!((third[0].outcome.files, third[0].outcome.files_new), (2, 0), "it was compared with the one before");
    assert_eq!(third[1].outcome.snapshots_removed, 1);
    let query = SnapshotQuery { client: Some(scene.client.uid), limit: 10, ..SnapshotQuery::default() };
    let known = scene.db.read().await.unwrap().snapshots(&query).await.unwrap();
    assert_eq!(known.iter().map(|snapshot| snapshot.job).collect::<Vec<_>>(), [Some(third[0].uid)]);
}

#[tokio::test]
async fn another_host_key_blocks_a_client_until_somebody_has_decided() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.run().await;
    scene.accept_host_key().await;
    assert_eq!(scene.run().await[1].status, Succeeded);
    let mut client = scene.client().await;
    let other = format!("ssh-ed25519 {}", "A".repeat(68));
    client.status.host_keys.accepted = vec![other.parse().unwrap()];
    let mut writer = scene.db.write().await.unwrap();
    writer.set_status::<ClientSpec>(client.uid, &client.status).await.unwrap();
    writer.commit().await.unwrap();
    let jobs = scene.run().await;
    assert_eq!(jobs[0].status, Failed);
    let cause = jobs[0].outcome.error.as_ref().unwrap().cause;
    assert!(matches!(cause, Cause::HostKeyChanged | Cause::HostKeyUnknown), "{cause:?}");
    assert_eq!(scene.repository().snapshots().unwrap().len(), 1);
}

#[tokio::test]
async fn a_backup_that_meets_another_host_key_says_which_and_has_it_ready_to_be_decided_about() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.run().await;
    scene.accept_host_key().await;
    assert_eq!(scene.run().await[1].status, Succeeded);
    let mut client = scene.client().await;
    let shown: HostKey = client.status.host_keys.accepted[0].clone();
    // Keys of the same kind as the host's, so that it proves to have another.
    let accepted = client.status.host_keys.accepted.iter().map(|key| another(key.as_str())).collect();
    client.status.host_keys.accepted = accepted;
    let mut writer = scene.db.write().await.unwrap();
    writer.set_status::<ClientSpec>(client.uid, &client.status).await.unwrap();
    writer.commit().await.unwrap();
    let jobs = scene.run().await;
    assert_eq!((jobs[0].kind, jobs[0].status), (Backup, Failed));
    let error = jobs[0].outcome.error.as_ref().unwrap();
    let expected = holdfast_control::fingerprint(&client.status.host_keys.accepted[0]).unwrap();
    assert_eq!(error.cause, Cause::HostKeyChanged, "{}", error.message);
    assert!(error.message.contains(&expected), "{}", error.message);
    assert!(error.message.contains("web1 shows the host key SHA256:"), "{}", error.message);
    assert!(error.message.contains("`holdfast client accept-key web1`"), "{}", error.message);
    assert!(error.message.len() < 300 && !error.message.contains("ssh-keygen"), "{}", error.message);
    let keys = scene.client().await.status.host_keys;
    assert!(keys.is_changed() && keys.offered.contains(&shown), "{keys:?}");
    assert!(scene.client().await.status.ready_since.is_none());
}

/// Another key of the same kind.
fn another(key: &str) -> HostKey {
    let (kind, text) = key.split_once(' ').unwrap();
    let mut bytes: Vec<u8> = text.bytes().collect();
    let last = bytes.len() - 4;
    bytes[last] = if bytes[last] == b'A' { b'B' } else { b'A' };
    format!("{kind} {}", String::from_utf8(bytes).unwrap()).parse().unwrap()
}

#[tokio::test]
async fn whatever_a_dead_worker_had_finished_is_found_by_the_snapshot() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.run().await;
    scene.accept_host_key().await;
    let backup = scene.run().await.remove(1);
    // As if its worker had died between the snapshot and its last word.
    let mut writer = scene.db.write().await.unwrap();
    let mut job = writer.lock_job(backup.uid).await.unwrap();
    (job.status, job.finished, job.worker) = (Running, None, Some("dead".into()));
    (job.lease_until, job.outcome) = (Some(scene.clock.now().to_time()), Default::default());
    writer.save_job(&job).await.unwrap();
    writer.remove_snapshot(backup.repository.unwrap(), backup.outcome.snapshot.unwrap()).await.unwrap();
    writer.commit().await.unwrap();
    scene.clock.advance(LEASE + Duration::from_secs(1));
    let other = worker(&scene.control, "two", scene.dir.path());
    work_off(&other).await;
    let mut reader = scene.db.read().await.unwrap();
    let found = reader.job(backup.uid).await.unwrap();
    assert_eq!((found.status, found.outcome.snapshot), (Succeeded, backup.outcome.snapshot));
    assert!(reader.snapshot_of(backup.uid).await.unwrap().is_some());
    assert_eq!(scene.repository().snapshots().unwrap().len(), 1, "it was not done again");
    drop(reader);
    let log = scene.log(&found).await;
    assert!(log.iter().any(|line| line.starts_with("interrupted: whoever worked on it is gone")), "{log:?}");
}

#[tokio::test]
async fn what_fails_says_what_to_do() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.run().await;
    scene.accept_host_key().await;
    std::fs::write(scene.dir.path().join("password"), "wrong\n").unwrap();
    let jobs = scene.run().await;
    assert_eq!(shown(&jobs), [(Prepare, Succeeded), (Backup, Failed), (Forget, Failed)]);
    assert_eq!(jobs[1].outcome.error.as_ref().unwrap().cause, Cause::WrongPassword);
    let log = scene.log(&jobs[1]).await.join("\n");
    assert!(log.contains("give the repository's own password") && !log.contains("wrong\n"), "{log}");
    std::fs::write(scene.dir.path().join("password"), "secret\n").unwrap();
    std::fs::remove_file(scene.sshd.client_key()).unwrap();
    let jobs = scene.run().await;
    assert_eq!(jobs[0].outcome.error.as_ref().unwrap().cause, Cause::LoginRefused);
}

#[tokio::test]
async fn a_repository_is_checked_and_pruned_in_a_process_of_its_own() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.run().await;
    scene.accept_host_key().await;
    let backup = scene.run().await.remove(1);
    let maintain = async |kind, parameters: Value, number: u8| {
        let new = NewJob {
            uid: JobUid::new(scene.clock.now(), [number; 10]),
            tenant: backup.tenant,
            kind,
            run: backup.run,
            launch: Launch::Manual,
            launched_by: "ann".into(),
            now: scene.clock.now().to_time(),
        };
        let mut job = new.queued().for_policy(None, None, backup.repository);
        job.parameters = parameters;
        let mut writer = scene.db.write().await.unwrap();
        writer.add_job(&job).await.unwrap();
        writer.commit().await.unwrap();
        work_off(&scene.worker).await;
        scene.db.read().await.unwrap().job(job.uid).await.unwrap()
    };
    let checked = maintain(Check, json!({"read": {"from": 0, "count": 256}}), 11).await;
    assert_eq!(checked.status, Succeeded, "{:?}", checked.outcome);
    assert!(checked.outcome.bytes > 0);
    let id = backup.outcome.snapshot.unwrap();
    scene.repository().remove_snapshot(id).unwrap();
    let refused = maintain(Prune, Value::Null, 12).await;
    assert_eq!(refused.outcome.error.unwrap().cause, Cause::Configuration, "nothing would be left of it");
    scene.run().await;
    let pruned = maintain(Prune, Value::Null, 13).await;
    assert_eq!(pruned.status, Succeeded, "{:?}", pruned.outcome);
    assert!(scene.log(&pruned).await.iter().any(|line| line.contains("bytes are in use")));
    let status =
        scene.db.read().await.unwrap().object::<RepositorySpec>(backup.repository.unwrap()).await.unwrap().status;
    assert!(status.checked.is_some() && status.pruned.is_some());
    // A bit of every pack is turned over.
    for folder in std::fs::read_dir(scene.dir.path().join("repository/data")).unwrap() {
        for pack in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = pack.unwrap().path();
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[40] ^= 1;
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            std::fs::write(&path, bytes).unwrap();
        }
    }
    let reading = async || {
        let mut reader = scene.db.read().await.unwrap();
        reader.object::<RepositorySpec>(backup.repository.unwrap()).await.unwrap().status.reading.oldest()
    };
    let before = reading().await;
    assert!(before.is_some(), "all was read");
    scene.clock.advance(std::time::Duration::from_secs(60));
    let damaged = maintain(Check, json!({"read": {"from": 0, "count": 256}}), 14).await;
    assert_eq!(damaged.outcome.error.as_ref().unwrap().cause, Cause::Damaged);
    assert!(scene.log(&damaged).await.iter().any(|line| line.starts_with("damaged: ")));
    assert!(reading().await > before, "what has damage in it was read");
}

#[tokio::test]
async fn a_job_that_goes_on_says_so_behind_what_it_said_before() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.run().await;
    scene.accept_host_key().await;
    let backup = scene.run().await.remove(1);
    let new = NewJob {
        uid: JobUid::new(scene.clock.now(), [21; 10]),
        tenant: backup.tenant,
        kind: Check,
        run: backup.run,
        launch: Launch::Manual,
        launched_by: "ann".into(),
        now: scene.clock.now().to_time(),
    };
    let mut job = new.queued().for_policy(None, None, backup.repository);
    let now = scene.clock.now().to_time();
    job.begin("one that was stopped", now, now).unwrap();
    job.put_back(now, None).unwrap();
    let said = LogLine { at: now, level: Level::Info, text: "opening the repository".into() };
    let mut writer = scene.db.write().await.unwrap();
    writer.add_job(&job).await.unwrap();
    writer.add_log(job.uid, 1, &[said]).await.unwrap();
    writer.commit().await.unwrap();
    work_off(&scene.worker).await;
    let log = scene.log(&job).await;
    assert_eq!(log[..2], ["opening the repository", "it was interrupted before, and goes on now"], "{log:?}");
    let never = scene.log(&backup).await;
    assert!(!never.iter().any(|line| line.contains("interrupted")), "{never:?}");
}
