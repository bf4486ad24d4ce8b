//! Clients behind another host: a second real sshd is the jump host, and a client of its own.

use holdfast_model::client::{ClientSpec, Found, HostKey, Step};
use holdfast_model::job::{Cause, Job, JobKind, JobStatus};
use holdfast_model::{ClientUid, Clock};
use holdfast_testkit::Sshd;
use serde_json::json;

use super::scene::{Scene, shown};

use JobKind::{Backup, Forget, Prepare};
use JobStatus::Succeeded;

/// A scene whose client is reached through a host called `gate`.
async fn behind_gate() -> Option<(Scene, Sshd)> {
    let scene = Scene::new(json!({})).await?;
    let client = scene.client().await;
    let mut spec = client.spec;
    spec.connection.jump_host = Some("gate".into());
    let mut writer = scene.db.write().await.unwrap();
    writer.update(client.uid, None, spec, scene.clock.now().to_time()).await.unwrap();
    writer.commit().await.unwrap();
    Some((scene, Sshd::start()?))
}

/// Makes the jump host a client that is never backed up itself.
async fn add_gate(scene: &Scene, gate: &Sshd) -> ClientUid {
    let now = scene.clock.now();
    let connection = json!({"address": "127.0.0.1", "port": gate.port(), "user": gate.user(),
        "identity_file": gate.client_key()});
    let spec: ClientSpec =
        serde_json::from_value(json!({"hostname": "gate", "connection": connection, "enabled": false})).unwrap();
    let mut writer = scene.db.write().await.unwrap();
    let uid = ClientUid::new(now, [9; 10]);
    writer.create(uid, scene.client.tenant, spec, now.to_time()).await.unwrap();
    writer.commit().await.unwrap();
    uid
}

async fn believe(scene: &Scene, uid: ClientUid, key: &str) {
    let mut writer = scene.db.write().await.unwrap();
    let mut client = writer.object::<ClientSpec>(uid).await.unwrap();
    client.status.host_keys.accepted = vec![key.parse::<HostKey>().unwrap()];
    writer.set_status::<ClientSpec>(uid, &client.status).await.unwrap();
    writer.commit().await.unwrap();
}

fn key_of(sshd: &Sshd) -> String {
    let text = std::fs::read_to_string(sshd.known_hosts()).unwrap();
    text.split_once(' ').unwrap().1.trim().to_owned()
}

/// Of the first job: that the jump host is to blame, and why.
fn blamed(jobs: &[Job]) -> String {
    let error = jobs[0].outcome.error.clone().unwrap();
    assert_eq!(error.cause, Cause::JumpHost, "{}", error.message);
    error.message
}

#[tokio::test]
async fn a_client_behind_a_jump_host_is_prepared_and_backed_up_by_accepted_keys_alone() {
    let Some((scene, gate)) = behind_gate().await else { return };
    assert!(blamed(&scene.run().await).contains("the jump host gate is no client of this server"));
    let uid = add_gate(&scene, &gate).await;
    assert!(blamed(&scene.run().await).contains("nobody has accepted a host key of gate yet"));
    let status = scene.client().await.status;
    assert_eq!((status.checklist[0].step, status.checklist[0].found), (Step::JumpHost, Found::Bad));
    assert!(status.checklist[1..].iter().all(|one| one.found == Found::Unknown), "{:?}", status.checklist);
    assert_eq!(status.host_keys.offered, [], "of the client itself nothing was seen");

    believe(&scene, uid, &key_of(&gate)).await;
    let jobs = scene.run().await;
    assert_eq!(jobs[0].outcome.error.as_ref().unwrap().cause, Cause::HostKeyUnknown, "now it is the client's turn");
    let offered = scene.client().await.status.host_keys.offered;
    assert_eq!(offered, [key_of(&scene.sshd).parse::<HostKey>().unwrap()]);
    scene.accept_host_key().await;
    let before = gate.log().matches("Accepted publickey").count();
    let jobs = scene.run().await;
    assert_eq!(shown(&jobs), [(Prepare, Succeeded), (Backup, Succeeded), (Forget, Succeeded)]);
    assert!(gate.log().matches("Accepted publickey").count() >= before + 2, "both went through it");
    assert_eq!(scene.client().await.status.checklist[0].found, Found::Good);
}

#[tokio::test]
async fn a_jump_host_that_fails_is_named_and_its_client_is_not_blamed() {
    let Some((scene, gate)) = behind_gate().await else { return };
    let uid = add_gate(&scene, &gate).await;
    believe(&scene, uid, &key_of(&gate)).await;
    believe(&scene, scene.client.uid, &key_of(&scene.sshd)).await;
    assert_eq!(scene.run().await[0].status, Succeeded);

    believe(&scene, uid, &format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{}", "A".repeat(43))).await;
    let message = blamed(&scene.run().await);
    assert!(message.contains("the jump host did not let us through: ssh to") && message.contains("key"), "{message}");
    assert!(scene.client().await.status.ready_since.is_some(), "the client itself has shown no other key");

    believe(&scene, uid, &key_of(&gate)).await;
    std::fs::remove_file(gate.client_key()).unwrap();
    let message = blamed(&scene.run().await);
    assert!(message.contains("Permission denied") && message.contains(&gate.destination()), "{message}");

    let mut writer = scene.db.write().await.unwrap();
    let mut spec = writer.object::<ClientSpec>(uid).await.unwrap().spec;
    spec.connection.jump_host = Some("gate".into());
    writer.update(uid, None, spec, scene.clock.now().to_time()).await.unwrap();
    writer.commit().await.unwrap();
    assert!(blamed(&scene.run().await).contains("jump hosts name each other"));
}
