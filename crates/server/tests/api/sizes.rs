//! How a repository has grown.

use holdfast_model::repository::RepositorySize;
use serde_json::json;

use super::scene::Scene;

#[tokio::test]
async fn how_a_repository_has_grown_is_told_day_by_day_and_page_by_page() {
    let scene = Scene::new().await;
    let spec = json!({"name": "main", "uri": "/srv/backup", "password": "file:/etc/holdfast/main"});
    let place = scene.make("repositories", spec).await;
    let uid = place.rsplit('/').next().unwrap().parse().unwrap();
    let mut writer = scene.database.write().await.unwrap();
    for (measured, stored_bytes) in
        [("2026-11-22T11:00:00Z", 10), ("2026-11-23T11:00:00Z", 20), ("2026-11-24T11:00:00Z", 15)]
    {
        let size = RepositorySize { measured: measured.parse().unwrap(), stored_bytes, snapshots: 1 };
        writer.note_size(uid, &size).await.unwrap();
    }
    writer.commit().await.unwrap();
    let first = scene.get(&format!("{place}/sizes?limit=2")).await.json();
    let bytes = |page: &serde_json::Value| -> Vec<u64> {
        page["items"].as_array().unwrap().iter().map(|size| size["stored_bytes"].as_u64().unwrap()).collect()
    };
    assert_eq!(bytes(&first), [15, 20]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = scene.get(&format!("{place}/sizes?limit=2&cursor={cursor}")).await.json();
    assert_eq!((bytes(&second), &second["next_cursor"]), (vec![10], &json!(null)));
    let since = scene.get(&format!("{place}/sizes?sort=created&since=2026-11-23T00:00:00Z")).await.json();
    assert_eq!(bytes(&since), [20, 15]);
    let wrong_order = scene.get(&format!("{place}/sizes?sort=created&cursor={cursor}")).await;
    assert_eq!(wrong_order.json()["code"], "invalid_cursor");
    let client = scene.make("clients", json!({"hostname": "web1"})).await.replace("clients", "repositories");
    assert_eq!(scene.get(&format!("{client}/sizes")).await.status, 404);
}
