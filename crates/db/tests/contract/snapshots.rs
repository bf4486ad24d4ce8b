//! Snapshots that were seen.

use holdfast_db::{KnownSnapshot, SnapshotDetails, SnapshotQuery};
use holdfast_model::repository::RepositorySpec;
use holdfast_model::{RepositoryUid, SnapshotId};

use super::scene::{Scene, time};

pub(crate) async fn repository(scene: &Scene) -> RepositoryUid {
    let json = r#"{"name": "main", "uri": "/srv/backup", "password": "file:/etc/p"}"#;
    let spec: RepositorySpec = serde_json::from_str(json).unwrap();
    let uid = scene.repository_uid();
    let mut writer = scene.db.write().await.unwrap();
    writer.create(uid, scene.tenant, spec, time(1)).await.unwrap();
    writer.commit().await.unwrap();
    uid
}

fn snapshot(scene: &Scene, repository: RepositoryUid, number: u8, second: i64) -> KnownSnapshot {
    KnownSnapshot {
        repository,
        id: SnapshotId::new([number; 32]),
        tenant: scene.tenant,
        client: None,
        policy: None,
        job: None,
        at: time(second),
        complete: true,
        hostname: "web1".into(),
        details: SnapshotDetails { paths: vec!["/etc".into()], files: Some(7), ..SnapshotDetails::default() },
    }
}

pub(crate) async fn a_snapshot_is_noted_once_and_found_by_its_job(scene: &Scene) {
    let repository = repository(scene).await;
    let job = scene.job_uid();
    let mut one = snapshot(scene, repository, 1, 10);
    let mut writer = scene.db.write().await.unwrap();
    writer.add_snapshot(&one).await.unwrap();
    one.job = Some(job);
    one.complete = false;
    writer.add_snapshot(&one).await.unwrap();
    let seen = KnownSnapshot { complete: true, job: None, ..one.clone() };
    writer.add_seen_snapshot(&seen).await.unwrap();
    writer.add_seen_snapshot(&snapshot(scene, repository, 2, 30)).await.unwrap();
    writer.add_snapshot(&snapshot(scene, repository, 3, 20)).await.unwrap();
    assert_eq!(writer.snapshot_of(job).await.unwrap(), Some(one.clone()));
    assert_eq!(writer.snapshot_of(scene.job_uid()).await.unwrap(), None);
    assert_eq!(writer.snapshot(repository, one.id).await.unwrap(), Some(one.clone()));
    assert_eq!(writer.snapshot(scene.repository_uid(), one.id).await.unwrap(), None, "it is another's");
    let query = SnapshotQuery { repository: Some(repository), limit: 2, ..SnapshotQuery::default() };
    let first = writer.snapshots(&query).await.unwrap();
    assert_eq!(first.iter().map(|snapshot| snapshot.at).collect::<Vec<_>>(), [time(30), time(20)]);
    let mut seconds = async |query: SnapshotQuery| -> Vec<i64> {
        let found = writer.snapshots(&query).await.unwrap();
        found.iter().map(|snapshot| snapshot.at.as_second() - time(0).as_second()).collect()
    };
    let of = || SnapshotQuery { limit: 9, ..query.clone() };
    assert_eq!(seconds(SnapshotQuery { oldest_first: true, ..of() }).await, [10, 20, 30]);
    assert_eq!(seconds(SnapshotQuery { complete: Some(false), ..of() }).await, [10]);
    assert_eq!(seconds(SnapshotQuery { since: Some(time(20)), until: Some(time(30)), ..of() }).await, [20]);
    let part = |part: &str| SnapshotQuery { hostname_contains: Some(part.into()), ..of() };
    assert_eq!(seconds(part(&one.hostname[1..].to_uppercase())).await.len(), 3);
    assert!(seconds(part("nobody")).await.is_empty());
    let rest = SnapshotQuery { after: Some((first[1].at, first[1].id)), ..query };
    assert_eq!(writer.snapshots(&rest).await.unwrap(), [one.clone()]);
    writer.remove_snapshot(repository, one.id).await.unwrap();
    assert_eq!(writer.snapshots(&rest).await.unwrap(), []);
    writer.commit().await.unwrap();
}

pub(crate) async fn the_newest_snapshot_of_each_client_and_policy_is_known(scene: &Scene) {
    let repository = repository(scene).await;
    let (client, other, policy) = (scene.client_uid(), scene.client_uid(), scene.policy_uid());
    let mut writer = scene.db.write().await.unwrap();
    let all = [(1, Some(client), 10), (2, Some(client), 30), (3, Some(other), 20), (4, None, 40)];
    for (number, client, second) in all {
        let policy = client.map(|_| policy);
        writer
            .add_snapshot(&KnownSnapshot { client, policy, ..snapshot(scene, repository, number, second) })
            .await
            .unwrap();
    }
    let newest = writer.newest_snapshots(None).await.unwrap();
    assert_eq!(newest, [((client, policy), time(30)), ((other, policy), time(20))].into());
    assert_eq!(writer.newest_snapshots(Some(other)).await.unwrap(), [((other, policy), time(20))].into());
    let newest = writer.newest_of_clients(repository).await.unwrap();
    assert_eq!(newest, [(client, SnapshotId::new([2; 32])), (other, SnapshotId::new([3; 32]))]);
    let another = Some(scene.policy_uid());
    let rare = KnownSnapshot { client: Some(client), policy: another, ..snapshot(scene, repository, 5, 5) };
    writer.add_snapshot(&rare).await.unwrap();
    let newest = writer.newest_of_clients(repository).await.unwrap();
    let ids: Vec<_> = newest.iter().map(|(_, id)| *id).collect();
    assert_eq!(ids, [2, 5, 3].map(|number| SnapshotId::new([number; 32])), "of what is backed up rarely too");
    assert_eq!(writer.newest_of_clients(scene.repository_uid()).await.unwrap(), []);
    writer.remove::<RepositorySpec>(repository, None).await.unwrap();
    assert!(writer.newest_snapshots(None).await.unwrap().is_empty(), "they go with their repository");
    writer.commit().await.unwrap();
}
