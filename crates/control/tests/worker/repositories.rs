//! Repositories are made, adopted, and looked into again.

use holdfast_control::{Asker, Care, ProtectionQuery};
use holdfast_db::SnapshotQuery;
use holdfast_model::RepositoryUid;
use holdfast_model::client::Step;
use holdfast_model::job::{Cause, Job, JobKind, JobStatus, Launch};
use holdfast_model::protection::Protection;
use holdfast_model::repository::{RepositorySpec, RepositoryStatus};
use serde_json::json;

use super::scene::{Scene, work_off, worker_with};

const ANN: Asker<'_> = Asker { launch: Launch::Manual, name: "ann" };

async fn prepare(scene: &Scene, create: bool) -> (Job, RepositoryStatus) {
    let uid = repository(scene).await;
    let job = scene.control.care_for(uid, Care::Prepare { create, as_restic: false }, ANN).await.unwrap();
    work_off(&scene.worker).await;
    let mut reader = scene.db.read().await.unwrap();
    let status = reader.object::<RepositorySpec>(uid).await.unwrap().status;
    (reader.job(job.uid).await.unwrap(), status)
}

async fn repository(scene: &Scene) -> RepositoryUid {
    let all = scene.db.read().await.unwrap().all_objects::<RepositorySpec>(&Default::default()).await.unwrap();
    all.objects[0].uid
}

#[tokio::test]
async fn a_repository_is_made_only_if_that_is_wanted() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    std::fs::remove_dir_all(scene.dir.path().join("repository")).unwrap();
    let (job, status) = prepare(&scene, false).await;
    assert_eq!(job.outcome.error.unwrap().cause, Cause::RepositoryMissing);
    assert!(status.ready_since.is_none() && status.problem.is_some());
    assert!(!scene.dir.path().join("repository/config").exists());
    let (job, status) = prepare(&scene, true).await;
    assert_eq!(job.status, JobStatus::Succeeded, "{:?}", job.outcome);
    assert!(status.ready_since.is_some() && status.problem.is_none());
    assert_eq!(status.id.unwrap(), scene.repository().id());
    // Once more changes nothing of it.
    assert_eq!(prepare(&scene, true).await.1.id, status.id);
}

#[tokio::test]
async fn what_others_have_stored_is_adopted_and_what_they_remove_is_no_longer_known() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    let Some(restic) = holdfast_testkit::Restic::new(scene.dir.path().join("repository"), "secret") else { return };
    let source = scene.dir.path().join("source").display().to_string();
    restic.ok(["backup", &source, "--host", "web1"]);
    restic.ok(["backup", &source, "--host", "stranger"]);
    let (job, status) = prepare(&scene, false).await;
    assert_eq!((job.status, job.outcome.files), (JobStatus::Succeeded, 2), "{:?}", job.outcome);
    let size = status.size.unwrap();
    assert!(size.snapshots == 2 && size.stored_bytes > 0, "{size:?}");
    let known = async || {
        let query = SnapshotQuery { repository: Some(repository(&scene).await), limit: 10, ..SnapshotQuery::default() };
        scene.db.read().await.unwrap().snapshots(&query).await.unwrap()
    };
    let snapshots = known().await;
    let clients: Vec<_> = snapshots.iter().map(|one| (one.hostname.as_str(), one.client, one.policy)).collect();
    assert_eq!(clients, [("stranger", None, None), ("web1", Some(scene.client.uid), None)]);
    restic.ok(["forget", &snapshots[0].id.to_string()]);
    let (job, _) = prepare(&scene, false).await;
    assert_eq!((job.status, job.outcome.files, job.outcome.warnings), (JobStatus::Warning, 0, 1), "{:?}", job.outcome);
    assert_eq!(known().await.len(), 1);
    let told =
        format!("no job of this server has said that it removed them: {} of stranger from", snapshots[0].id.short());
    let log = scene.log(&job).await;
    assert!(log.iter().any(|line| line.contains(&told)), "{log:?}");
    assert_eq!(gone(&scene).await, [snapshots[0].id.to_string()]);
    // Another has come in the place of the other, and is nothing to worry about.
    for tag in ["kept", "long"] {
        restic.ok(["tag", "--set", tag, &known().await[0].id.to_string()]);
        let (job, _) = prepare(&scene, false).await;
        assert_eq!((job.status, job.outcome.files), (JobStatus::Succeeded, 1), "{:?}", job.outcome);
        assert_eq!(known().await[0].details.tags, [tag]);
    }
}

/// The snapshots of which events say that they are gone.
async fn gone(scene: &Scene) -> Vec<String> {
    let events = scene.db.read().await.unwrap().events_after(0, 1000).await.unwrap();
    let gone = events.into_iter().filter(|event| event.event.body["change"] == "gone");
    gone.map(|event| event.event.subject).collect()
}

#[tokio::test]
async fn each_look_at_a_repository_finds_out_whether_it_opens() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.run().await;
    scene.accept_host_key().await;
    assert!(scene.run().await.iter().any(|job| job.kind == JobKind::Backup && job.status == JobStatus::Succeeded));
    let (place, away) = (scene.dir.path().join("repository"), scene.dir.path().join("away"));
    for (part, cause) in [("config", Cause::RepositoryMissing), ("keys", Cause::Damaged)] {
        std::fs::rename(place.join(part), &away).unwrap();
        let (job, status) = prepare(&scene, false).await;
        let error = job.outcome.error.expect(part);
        assert_eq!(error.cause, cause, "{part}: {}", error.message);
        assert!(status.ready_since.is_none() && status.problem.unwrap() == error.message);
        std::fs::rename(&away, place.join(part)).unwrap();
        let (job, status) = prepare(&scene, false).await;
        assert_eq!(job.status, JobStatus::Succeeded, "{:?}", job.outcome);
        assert!(status.ready_since.is_some() && status.problem.is_none());
    }
    std::fs::rename(scene.dir.path().join("password"), &away).unwrap();
    let (job, status) = prepare(&scene, false).await;
    assert_eq!(job.status, JobStatus::Failed);
    assert_eq!((status.ready_since, status.problem), (None, Some(job.outcome.error.unwrap().message)));
}

#[tokio::test]
async fn what_is_backed_up_goes_into_the_repository_that_is_there_now() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.run().await;
    scene.accept_host_key().await;
    let backup = async || scene.run().await.into_iter().find(|job| job.kind == JobKind::Backup).unwrap();
    assert_eq!(backup().await.status, JobStatus::Succeeded);
    prepare(&scene, false).await;
    let (place, before) = (scene.dir.path().join("repository"), scene.repository().id());
    std::fs::rename(&place, scene.dir.path().join("away")).unwrap();
    for _ in 0..2 {
        let nowhere = backup().await;
        assert_eq!(nowhere.outcome.error.unwrap().cause, Cause::RepositoryMissing);
        assert!(!place.exists(), "nothing is written where no repository is");
    }
    let (job, _) = prepare(&scene, true).await;
    assert_eq!((job.status, job.outcome.warnings), (JobStatus::Warning, 2), "{:?}", job.outcome);
    let told = format!("was {before}; see whether");
    assert!(scene.log(&job).await.iter().any(|line| line.contains(&told)));
    let done = backup().await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.outcome);
    // By the key that is there, as whoever opens it next.
    assert_eq!(scene.repository().snapshots().unwrap()[0].id, done.outcome.snapshot.unwrap());
    if let Some(restic) = holdfast_testkit::Restic::new(&place, "secret") {
        restic.check_read_data();
    }
}

#[tokio::test]
async fn damage_is_known_until_a_check_has_read_everything_and_found_none() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.run().await;
    scene.accept_host_key().await;
    scene.run().await;
    let uid = repository(&scene).await;
    let stand = async || {
        let query = ProtectionQuery { limit: 1, ..ProtectionQuery::default() };
        let row = scene.control.protection(&query).await.unwrap().rows.remove(0);
        (row.assessment.protection, row.failed.map(|(_, cause)| cause))
    };
    let check = async |read_data| {
        let job = scene.control.care_for(uid, Care::Check { read_data }, ANN).await.unwrap();
        work_off(&scene.worker).await;
        let damage = scene.db.read().await.unwrap().object::<RepositorySpec>(uid).await.unwrap().status.damage;
        (scene.job(&job).await, damage)
    };
    assert_eq!(stand().await, (Protection::Protected, None));
    let mut folders =
        std::fs::read_dir(scene.dir.path().join("repository/data")).unwrap().map(|one| one.unwrap().path());
    let folder = folders.find(|folder| std::fs::read_dir(folder).unwrap().next().is_some()).unwrap();
    let away = scene.dir.path().join("away");
    std::fs::rename(&folder, &away).unwrap();
    let (job, damage) = check(false).await;
    let damage = damage.unwrap();
    assert_eq!((damage.job, Some(damage.message)), (job.uid, job.outcome.error.map(|error| error.message)));
    assert_eq!(stand().await, (Protection::Damaged, Some(Cause::Damaged)));
    std::fs::rename(&away, &folder).unwrap();
    scene.clock.advance(std::time::Duration::from_secs(60));
    let (job, damage) = check(false).await;
    assert_eq!((job.status, damage.is_some()), (JobStatus::Succeeded, true), "it has read nothing");
    assert_eq!(check(true).await.1, None);
    assert_eq!(stand().await, (Protection::Protected, None));
}

#[tokio::test]
async fn maintenance_that_wants_too_much_memory_is_a_failed_job_and_nothing_else() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    let uid = repository(&scene).await;
    let mut ended = Vec::new();
    // With the less, the process cannot even make its first thread; the more is the least that can be set.
    for (memory, care) in
        [(1 << 20, Care::Prune), (256 << 20, Care::Prune), (256 << 20, Care::Check { read_data: true })]
    {
        let job = scene.control.care_for(uid, care, ANN).await.unwrap();
        work_off(&worker_with(&scene.control, "other", scene.dir.path(), memory)).await;
        ended.push(scene.job(&job).await);
    }
    let error = ended[0].outcome.error.clone().unwrap();
    assert_eq!(error.cause, Cause::Internal);
    assert!(error.message.contains("maintenance-memory"), "{}", error.message);
    for done in &ended[1..] {
        assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.outcome);
    }
}

#[tokio::test]
async fn a_client_is_looked_at_step_by_step_and_says_what_to_do() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    let looked = async || {
        scene.control.prepare_client(scene.client.uid, ANN).await.unwrap();
        work_off(&scene.worker).await;
        let status = scene.client().await.status;
        let steps = status.checklist.iter().map(|one| (one.step, format!("{:?}", one.found))).collect::<Vec<_>>();
        (steps, status)
    };
    let (steps, status) = looked().await;
    assert_eq!(
        steps[..3],
        [(Step::Reach, "Good".into()), (Step::HostKey, "Bad".into()), (Step::Login, "Unknown".into())]
    );
    assert!(status.checklist[1].fix.as_ref().unwrap().contains("compare the fingerprint"));
    assert!(status.ready_by.is_some(), "it can say by itself that it is ready");
    scene.accept_host_key().await;
    let (steps, status) = looked().await;
    // The test's clock stands somewhere else.
    let odd: Vec<_> = steps.iter().filter(|(_, found)| found != "Good").collect();
    assert_eq!(odd, [&(Step::Clock, "Odd".into())], "{:?}", status.checklist);
    assert!(status.ready_by.is_none() && status.ready_since.is_some());
    let facts = status.facts.unwrap();
    assert!(!facts.kernel.is_empty() && facts.processors > 0 && facts.memory_bytes > 0, "{facts:?}");
}
