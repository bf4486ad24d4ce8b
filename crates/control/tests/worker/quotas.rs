//! What a client may add to a repository: looked at before a backup, and while it runs.

use holdfast_control::{Asker, Care};
use holdfast_model::client::ClientSpec;
use holdfast_model::job::{Cause, Job, JobKind, JobStatus, Launch};
use holdfast_model::{BlobId, CancelToken, Clock};
use holdfast_repo::{IngestSession, Proof, Sleep};
use holdfast_testkit::{Restic, Tree};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::scene::{Scene, work_off};

use JobKind::Backup;
use JobStatus::{Failed, Succeeded};

async fn scene() -> Option<Scene> {
    let scene = Scene::new(json!({})).await?;
    scene.run().await;
    scene.accept_host_key().await;
    Some(scene)
}

/// Lets the client add so much, and backs it up.
async fn back_up(scene: &Scene, allowed: u64) -> Job {
    let client = scene.client().await;
    let spec = ClientSpec { quota_bytes: Some(allowed), ..client.spec };
    let mut writer = scene.db.write().await.unwrap();
    writer.update(client.uid, None, spec, scene.clock.now().to_time()).await.unwrap();
    writer.commit().await.unwrap();
    scene.run().await.into_iter().find(|job| job.kind == Backup).unwrap()
}

/// Bytes of all packs.
fn stored_bytes(scene: &Scene) -> u64 {
    let folders =
        std::fs::read_dir(scene.dir.path().join("repository/data")).unwrap().map(|entry| entry.unwrap().path());
    let packs = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap());
    packs.map(|pack| pack.unwrap().metadata().unwrap().len()).sum()
}

fn message(job: &Job) -> &str {
    let error = job.outcome.error.as_ref().unwrap();
    assert_eq!((job.status, error.cause), (Failed, Cause::Quota), "{error:?}");
    &error.message
}

#[tokio::test]
async fn a_client_that_has_used_up_what_it_may_is_not_backed_up() {
    let Some(scene) = scene().await else { return };
    let first = back_up(&scene, 1 << 20).await;
    assert_eq!(first.status, Succeeded);
    let added = first.outcome.bytes_added;
    assert!(added > 1);
    let refused = back_up(&scene, added).await;
    let message = message(&refused);
    assert!(
        message.contains(&format!("added {added} bytes")) && message.contains(&format!("{added} are")),
        "{message}"
    );
    assert_eq!(scene.repository().snapshots().unwrap().len(), 1);
    // Nothing of it has changed, and nothing is sent.
    assert_eq!(back_up(&scene, added + 1).await.status, Succeeded);
}

#[tokio::test]
async fn a_client_that_sends_more_than_it_may_is_ended_and_nothing_of_it_is_kept() {
    let Some(scene) = scene().await else { return };
    let first = back_up(&scene, 1 << 20).await;
    assert_eq!(first.status, Succeeded);
    let added = first.outcome.bytes_added;
    let stored = stored_bytes(&scene);
    let tree = Tree::create(scene.dir.path().join("source"));
    (0..8).for_each(|number| {
        tree.random_file(format!("more/{number}"), 4 << 20, number);
    });
    let allowed = 10 << 20;
    for _ in 0..2 {
        // The second comes no further than the first: what was sent before does not count as there.
        let over = back_up(&scene, allowed).await;
        let message = message(&over);
        assert!(message.contains("web1 sent more than it may") && message.contains(&allowed.to_string()), "{message}");
        assert!(message.contains(&format!("added {added} bytes")), "{message}");
        assert_eq!(scene.repository().snapshots().unwrap().len(), 1, "there is no snapshot of it");
        let grown = stored_bytes(&scene) - stored;
        assert!(grown < 32 << 20, "{grown} bytes are there, of 32 MiB that it has");
    }
    let asker = Asker { launch: Launch::Manual, name: "ann" };
    scene.control.care_for(first.repository.unwrap(), Care::Prune, asker).await.unwrap();
    work_off(&scene.worker).await;
    let kept = stored_bytes(&scene);
    assert!(kept < stored + (1 << 20), "{kept} bytes stay, where {stored} were");
    // With more it works, and then it is known what that has added.
    let enough = back_up(&scene, 64 << 20).await;
    assert_eq!(enough.status, Succeeded, "{:?}", enough.outcome);
    assert!(enough.outcome.bytes_added > 32 << 20);
    if let Some(restic) = Restic::new(scene.dir.path().join("repository"), "secret") {
        restic.check_read_data();
    }
}

#[tokio::test]
async fn what_interrupted_runs_have_stored_counts_for_the_client() {
    interrupted_runs_count(None).await;
}

#[tokio::test]
async fn what_interrupted_runs_have_stored_counts_for_the_client_of_a_trust_group_whose_they_are() {
    interrupted_runs_count(Some("web")).await;
}

async fn interrupted_runs_count(trust_group: Option<&str>) {
    let Some(scene) = scene().await else { return };
    let client = scene.client().await;
    let spec = ClientSpec { trust_group: trust_group.map(|name| name.parse().unwrap()), ..client.spec };
    let mut writer = scene.db.write().await.unwrap();
    writer.update(client.uid, None, spec, scene.clock.now().to_time()).await.unwrap();
    writer.commit().await.unwrap();
    let source = Tree::create(scene.dir.path().join("source"));
    source.random_file("small", 100_000, 1);
    assert_eq!(back_up(&scene, 1 << 30).await.status, Succeeded);
    // As a run leaves it that breaks off: its chunks are durable, and the client's own.
    let chunk: Vec<u8> = std::fs::read(source.random_file("large", 600_000, 2).path("large")).unwrap();
    let sent = BlobId::new(Sha256::digest(&chunk).into());
    let repository = scene.repository();
    let session = IngestSession::begin(&repository, Box::new(|_| ()), &Sleep::new(CancelToken::new())).unwrap();
    session.put_data(sent, chunk, Proof::Verified).unwrap();
    session.abandon().unwrap();
    let state = scene.dir.path().join("state").join(repository.id().to_string());
    let only_name_in =
        |folder: &str| std::fs::read_dir(state.join(folder)).unwrap().next().unwrap().unwrap().file_name();
    let (owner, grants) = (only_name_in("clients"), state.join("grants").join(only_name_in("grants")));
    let run_of = |owner: &str| grants.join(format!("broken-off.{owner}.run"));
    let (own, of_another) = (run_of(owner.to_str().unwrap()), run_of("0123456789abcdef"));
    std::fs::write(&own, &sent.as_bytes()[..16]).unwrap();
    std::fs::write(&of_another, &sent.as_bytes()[..16]).unwrap();
    source.remove("large");

    let used = 100_000;
    let over = back_up(&scene, used + 500_000).await;
    assert!(message(&over).contains("web1 sent more than it may"));
    assert!(!own.exists(), "what it had sent is no pin any more");
    assert!(of_another.exists(), "what another had sent stays");
    std::fs::write(&own, &sent.as_bytes()[..16]).unwrap();
    let enough = back_up(&scene, 1 << 30).await;
    assert_eq!(enough.status, Succeeded);
    assert!(enough.outcome.bytes_added >= 600_000, "it counts for the snapshot that ends it: {:?}", enough.outcome);
    let added = scene.db.read().await.unwrap().bytes_added(enough.repository.unwrap(), scene.client.uid).await.unwrap();
    assert!(added >= 700_000, "{added}");
    std::fs::remove_file(&own).unwrap_err();
    let again = back_up(&scene, 1 << 30).await;
    assert!(again.outcome.bytes_added < 100_000, "nothing of another's counts, nor twice: {:?}", again.outcome);
    assert!(of_another.exists());
}
