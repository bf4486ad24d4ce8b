//! How fast a client may send depends on the time, also of a session that has begun at another.

use std::time::Duration;

use holdfast_model::Clock;
use holdfast_model::client::ClientSpec;
use holdfast_model::job::{JobKind, JobStatus, Launch};
use serde_json::json;

use super::scene::Scene;

#[tokio::test]
async fn a_session_that_began_under_a_limit_goes_on_without_it() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.run().await;
    scene.accept_host_key().await;
    // It is Friday, 08:00. At a byte a second the agent's first word alone would take a minute.
    let mut spec: ClientSpec = scene.client().await.spec;
    spec.bandwidth = serde_json::from_value(json!([{"when": "fri 07:00-08:01", "bytes_per_second": 1}])).unwrap();
    let mut writer = scene.db.write().await.unwrap();
    writer.update(scene.client.uid, None, spec, scene.clock.now().to_time()).await.unwrap();
    writer.commit().await.unwrap();
    let jobs = scene.control.launch_policy(scene.policy, None, Launch::Manual, "ann").await.unwrap();
    assert_eq!(scene.worker.step().await.unwrap(), 1);
    // By then the session goes by the limit of its beginning.
    while !scene.sshd.log().contains("Accepted publickey") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    scene.clock.advance(Duration::from_secs(61));
    super::scene::work_off(&scene.worker).await;
    let ended = scene.db.read().await.unwrap().job(jobs[0].uid).await.unwrap();
    assert_eq!((ended.kind, ended.status), (JobKind::Prepare, JobStatus::Succeeded));
}
