//! Events.

use holdfast_db::NewEvent;

use super::scene::{Scene, time};

fn event(scene: &Scene, second: i64) -> NewEvent {
    NewEvent {
        at: time(second),
        topic: "job".into(),
        tenant: scene.tenant,
        subject: format!("subject {second}"),
        body: serde_json::json!({"status": "running"}),
    }
}

pub(crate) async fn events_are_numbered_without_gaps_in_the_order_in_which_they_are_seen(scene: &Scene) {
    assert_eq!(scene.db.read().await.unwrap().event_numbers().await.unwrap(), (0, 0));
    let write = async |second: i64| {
        for nth in 0..20 {
            let mut writer = scene.db.write().await.unwrap();
            writer.add_event(&event(scene, second + nth)).await.unwrap();
            writer.commit().await.unwrap();
        }
    };
    // Whoever reads beside those who write never sees a number before a lower one.
    let watch = async || {
        let (mut seen, mut reader) = (0, scene.db.read().await.unwrap());
        while seen < 60 {
            for event in reader.events_after(seen, 7).await.unwrap() {
                assert_eq!(event.number, seen + 1);
                seen = event.number;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(write(0), write(100), write(200), watch());
    let mut writer = scene.db.write().await.unwrap();
    let first = writer.events_after(0, 1).await.unwrap().remove(0);
    assert_eq!((first.event.topic.as_str(), &first.event.body), ("job", &serde_json::json!({"status": "running"})));
    writer.forget_events(time(150)).await.unwrap();
    let left = writer.events_after(0, 100).await.unwrap();
    assert!(left.len() == 20 && left.iter().all(|event| event.event.at >= time(150)));
    assert_eq!(writer.event_numbers().await.unwrap(), (left[0].number, 60));
    assert_eq!(writer.forget_events(time(1000)).await.unwrap(), 20);
    assert_eq!(writer.add_event(&event(scene, 300)).await.unwrap(), 61, "a number is given once");
    writer.commit().await.unwrap();
}

pub(crate) async fn what_is_not_committed_did_not_happen(scene: &Scene) {
    let job = scene.job(holdfast_model::job::JobKind::Backup);
    let mut writer = scene.db.write().await.unwrap();
    writer.add_job(&job).await.unwrap();
    writer.add_event(&event(scene, 1)).await.unwrap();
    drop(writer);
    let mut writer = scene.db.write().await.unwrap();
    assert!(writer.job(job.uid).await.is_err());
    assert_eq!(writer.add_event(&event(scene, 2)).await.unwrap(), 1, "no number is left out");
    writer.commit().await.unwrap();
}

pub(crate) async fn whoever_waits_for_events_is_woken_when_they_are_there_to_be_read(scene: &Scene) {
    let mut watch = scene.db.watch_events();
    let mut given_up = scene.db.write().await.unwrap();
    given_up.add_event(&event(scene, 1)).await.unwrap();
    drop(given_up);
    assert!(!watch.has_changed().unwrap(), "what was given up has not happened");
    let mut writer = scene.db.write().await.unwrap();
    let number = writer.add_event(&event(scene, 2)).await.unwrap();
    writer.commit().await.unwrap();
    watch.changed().await.unwrap();
    assert_eq!(*watch.borrow(), number);
    assert_eq!(scene.db.read().await.unwrap().events_after(0, 9).await.unwrap().len(), 1);
}
