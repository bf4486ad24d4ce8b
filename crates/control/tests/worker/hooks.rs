//! What a policy has run before and after a backup.

use holdfast_model::job::{Cause, JobKind, JobStatus};
use serde_json::{Value, json};

use super::scene::Scene;

/// A scene whose policy has these hooks, and its client believed.
async fn scene(hooks: Value) -> Option<Scene> {
    let scene = Scene::new(json!({ "hooks": hooks })).await?;
    scene.run().await;
    scene.accept_host_key().await;
    Some(scene)
}

fn sh(text: &str) -> Value {
    json!({"command": ["sh", "-c", text]})
}

#[tokio::test]
async fn hooks_run_before_and_after_a_backup_and_are_told_what_became_of_it() {
    let dir = holdfast_testkit::temp_dir();
    let trace = dir.path().join("trace").display().to_string();
    let note = |what: &str| sh(&format!("echo {what} $HOLDFAST_CLIENT $HOLDFAST_POLICY $HOLDFAST_STATUS >> {trace}"));
    let hooks = json!({"client": {
        "before": [sh("echo ready, said the client"), note("before")],
        "after_success": [note("well")],
        "after_failure": [note("badly")],
        "after": [note("after")],
    }});
    let Some(scene) = scene(hooks).await else { return };
    let jobs = scene.run().await;
    assert_eq!(jobs[1].status, JobStatus::Succeeded, "{:?}", jobs[1].outcome);
    let traced = std::fs::read_to_string(&trace).unwrap();
    assert_eq!(traced, "before web1 web\nwell web1 web success\nafter web1 web success\n");
    assert!(scene.log(&jobs[1]).await.iter().any(|line| line == "  ready, said the client"));

    std::fs::remove_file(&trace).unwrap();
    std::fs::remove_dir_all(scene.dir.path().join("source")).unwrap();
    let jobs = scene.run().await;
    assert_eq!(jobs[0].outcome.error.as_ref().unwrap().cause, Cause::SourceMissing);
    let traced = std::fs::read_to_string(&trace).unwrap();
    assert_eq!(traced, "before web1 web\nbadly web1 web failure\nafter web1 web failure\n");
}

#[tokio::test]
async fn without_what_goes_before_there_is_no_backup_and_what_follows_is_run_all_the_same() {
    let dir = holdfast_testkit::temp_dir();
    let trace = dir.path().join("trace").display().to_string();
    let hooks =
        json!({"client": {"before": [sh("echo no >&2; exit 5")], "after": [sh(&format!("echo after >> {trace}"))]}});
    let Some(scene) = scene(hooks).await else { return };
    let backup = scene.run().await.remove(1);
    assert_eq!((backup.kind, backup.status), (JobKind::Backup, JobStatus::Failed));
    let error = backup.outcome.error.as_ref().unwrap();
    assert_eq!(error.cause, Cause::Hook);
    assert!(error.message.ends_with("on the client: exit status 5"), "{}", error.message);
    assert_eq!(std::fs::read_to_string(&trace).unwrap(), "after\n");
    assert!(scene.repository().snapshots().unwrap().is_empty());
}

#[tokio::test]
async fn a_hook_of_the_server_that_fails_afterwards_is_a_warning() {
    let Some(scene) = scene(json!({"server": {"after": [{"command": ["tell"]}]}})).await else { return };
    let backup = scene.run().await.remove(1);
    assert_eq!((backup.status, backup.outcome.warnings), (JobStatus::Warning, 1));
    assert_eq!(scene.repository().snapshots().unwrap().len(), 1);
    let log = scene.log(&backup).await.join("\n");
    assert!(log.contains("there is no program \"tell\""), "{log}");
}
