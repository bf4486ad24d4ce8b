//! How repositories have grown.

use holdfast_db::SizeQuery;
use holdfast_model::RepositoryUid;
use holdfast_model::repository::{RepositorySize, RepositorySpec};
use serde_json::json;

use super::scene::{Scene, time};

const DAY: i64 = 86_400;

fn size(at: i64, stored_bytes: u64) -> RepositorySize {
    RepositorySize { measured: time(at), stored_bytes, snapshots: 3 }
}

async fn sizes(scene: &Scene, uid: RepositoryUid, query: SizeQuery) -> Vec<u64> {
    let query = SizeQuery { limit: query.limit.max(1), ..query };
    let sizes = scene.db.read().await.unwrap().sizes(uid, &query).await.unwrap();
    sizes.into_iter().map(|size| size.stored_bytes).collect()
}

pub(crate) async fn of_a_day_the_last_size_is_kept_and_all_go_with_the_repository(scene: &Scene) {
    let (uid, other) = (scene.repository_uid(), scene.repository_uid());
    let spec: RepositorySpec =
        serde_json::from_value(json!({"name": "main", "uri": "/srv/backup", "password": "file:/p"})).unwrap();
    let midnight = -time(0).as_second().rem_euclid(DAY);
    let mut writer = scene.db.write().await.unwrap();
    writer.create(uid, scene.tenant, spec, time(0)).await.unwrap();
    for (at, bytes) in [(0, 10), (DAY - 1, 11), (DAY, 12), (3 * DAY, u64::MAX >> 1)] {
        writer.note_size(uid, &size(midnight + at, bytes)).await.unwrap();
    }
    writer.note_size(other, &size(midnight, u64::MAX)).await.unwrap();
    writer.commit().await.unwrap();
    let all = SizeQuery { limit: 10, ..SizeQuery::default() };
    assert_eq!(sizes(scene, uid, all.clone()).await, [u64::MAX >> 1, 12, 11]);
    let oldest_first = SizeQuery { oldest_first: true, limit: 2, ..SizeQuery::default() };
    assert_eq!(sizes(scene, uid, oldest_first.clone()).await, [11, 12]);
    let after = Some(time(midnight + DAY));
    assert_eq!(sizes(scene, uid, SizeQuery { after, ..oldest_first }).await, [u64::MAX >> 1]);
    assert_eq!(sizes(scene, uid, SizeQuery { after, ..all.clone() }).await, [11]);
    let (since, until) = (Some(time(midnight + DAY)), Some(time(midnight + 3 * DAY)));
    assert_eq!(sizes(scene, uid, SizeQuery { since, until, ..all.clone() }).await, [12]);
    let mut writer = scene.db.write().await.unwrap();
    writer.remove::<RepositorySpec>(uid, None).await.unwrap();
    writer.commit().await.unwrap();
    assert_eq!(sizes(scene, uid, all.clone()).await, [0; 0]);
    assert_eq!(sizes(scene, other, all).await, [u64::MAX >> 1], "as much as can be kept");
}
