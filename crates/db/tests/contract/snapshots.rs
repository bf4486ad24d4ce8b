//! Snapshots that were seen.

use holdfast_db::{KnownSnapshot, LastBackup, NewEvent, SnapshotDetails, SnapshotQuery};
use holdfast_model::client::ClientSpec;
use holdfast_model::job::Cause;
use holdfast_model::repository::RepositorySpec;
use holdfast_model::{RepositoryUid, SnapshotId};
use serde_json::json;

use super::scene::{Scene, time};

pub(crate) async fn repository(scene: &Scene) -> RepositoryUid {
    repository_named(scene, "main").await
}

async fn repository_named(scene: &Scene, name: &str) -> RepositoryUid {
    let json = json!({"name": name, "uri": "/srv/backup", "password": "file:/etc/p"});
    let spec: RepositorySpec = serde_json::from_value(json).unwrap();
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
    let newest = |second| LastBackup { newest: Some(time(second)), failed: None };
    let both = [(policy, [(client, newest(30)), (other, newest(20))].into())].into();
    assert_eq!(writer.last_backups(None).await.unwrap(), both);
    assert_eq!(writer.last_backups(Some(other)).await.unwrap(), [(policy, [(other, newest(20))].into())].into());
    let newest = writer.newest_of_clients(repository).await.unwrap();
    assert_eq!(newest, [(client, SnapshotId::new([2; 32])), (other, SnapshotId::new([3; 32]))]);
    let another = Some(scene.policy_uid());
    let rare = KnownSnapshot { client: Some(client), policy: another, ..snapshot(scene, repository, 5, 5) };
    writer.add_snapshot(&rare).await.unwrap();
    let newest = writer.newest_of_clients(repository).await.unwrap();
    let ids: Vec<_> = newest.iter().map(|(_, id)| *id).collect();
    assert_eq!(ids, [2, 5, 3].map(|number| SnapshotId::new([number; 32])), "of what is backed up rarely too");
    assert_eq!(writer.newest_of_clients(scene.repository_uid()).await.unwrap(), []);
    writer.commit().await.unwrap();
}

pub(crate) async fn how_a_client_stands_follows_what_comes_and_goes(scene: &Scene) {
    let (one, two) = (repository(scene).await, repository_named(scene, "two").await);
    let (client, other, policy) = (scene.client_uid(), scene.client_uid(), scene.policy_uid());
    let newest = async |client| {
        let all = scene.db.read().await.unwrap().last_backups(Some(client)).await.unwrap();
        all.get(&policy).and_then(|clients| clients.get(&client)).and_then(|last| last.newest)
    };
    let of = |client, repository, number, second| KnownSnapshot {
        client: Some(client),
        policy: Some(policy),
        ..snapshot(scene, repository, number, second)
    };
    let mut writer = scene.db.write().await.unwrap();
    for known in [of(client, one, 1, 10), of(client, one, 2, 30), of(client, two, 3, 20)] {
        writer.add_seen_snapshot(&known).await.unwrap();
    }
    writer.commit().await.unwrap();
    assert_eq!(newest(client).await, Some(time(30)));
    // Whoever made it knows whose it is, and a survey does not say otherwise.
    let mut writer = scene.db.write().await.unwrap();
    writer.add_snapshot(&of(other, one, 2, 30)).await.unwrap();
    writer.add_seen_snapshot(&of(client, one, 2, 30)).await.unwrap();
    writer.commit().await.unwrap();
    assert_eq!((newest(client).await, newest(other).await), (Some(time(20)), Some(time(30))));
    let mut writer = scene.db.write().await.unwrap();
    writer.remove::<RepositorySpec>(two, None).await.unwrap();
    writer.commit().await.unwrap();
    assert_eq!(newest(client).await, Some(time(10)), "those of a repository go with it");
    let mut writer = scene.db.write().await.unwrap();
    writer.remove_snapshot(one, SnapshotId::new([1; 32])).await.unwrap();
    writer.commit().await.unwrap();
    assert_eq!((newest(client).await, newest(other).await), (None, Some(time(30))));
}

/// Both are told of a snapshot at the same moment; whichever is first, what is there is counted.
pub(crate) async fn one_that_comes_while_another_goes_is_counted(scene: &Scene) {
    let repository = repository(scene).await;
    let (client, policy) = (Some(scene.client_uid()), Some(scene.policy_uid()));
    let of = |number, second| KnownSnapshot { client, policy, ..snapshot(scene, repository, number, second) };
    let mut writer = scene.db.write().await.unwrap();
    writer.add_snapshot(&of(1, 50)).await.unwrap();
    writer.commit().await.unwrap();
    for round in 2..8 {
        let (comes, goes) = (of(round, 50 - i64::from(round)), SnapshotId::new([round - 1; 32]));
        let add = async {
            let mut writer = scene.db.write().await.unwrap();
            writer.add_snapshot(&comes).await.unwrap();
            writer.commit().await.unwrap();
        };
        let remove = async {
            let mut writer = scene.db.write().await.unwrap();
            writer.remove_snapshot(repository, goes).await.unwrap();
            writer.commit().await.unwrap();
        };
        tokio::join!(add, remove);
        let all = scene.db.read().await.unwrap().last_backups(None).await.unwrap();
        assert_eq!(all[&policy.unwrap()][&client.unwrap()].newest, Some(comes.at), "round {round}");
    }
}

/// Both note how a client stands, and tell of it, in another order: neither fails.
pub(crate) async fn a_client_can_go_while_its_backup_ends(scene: &Scene) {
    let policy = scene.policy_uid();
    let tell = |about: &str| NewEvent {
        at: time(9),
        topic: about.into(),
        tenant: scene.tenant,
        subject: "web1".into(),
        body: json!({}),
    };
    for _ in 0..20 {
        let client = scene.add_client("web1").await;
        let mut writer = scene.db.write().await.unwrap();
        writer.note_end(client, policy, time(8), None).await.unwrap();
        writer.commit().await.unwrap();
        let end = async {
            let mut writer = scene.db.write().await.unwrap();
            writer.lock_queue().await.unwrap();
            writer.add_event(&tell("job")).await.unwrap();
            writer.note_end(client, policy, time(9), Some(Cause::Unreachable)).await.unwrap();
            writer.commit().await.unwrap();
        };
        let remove = async {
            let mut writer = scene.db.write().await.unwrap();
            writer.remove::<ClientSpec>(client, None).await.unwrap();
            writer.add_event(&tell("client")).await.unwrap();
            writer.commit().await.unwrap();
        };
        tokio::join!(end, remove);
    }
}
