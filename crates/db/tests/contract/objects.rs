//! Objects.

use holdfast_db::{DbErrorKind, ObjectFilter, Order, Page};
use holdfast_model::TenantUid;
use holdfast_model::client::{ClientSpec, ClientStatus};
use holdfast_model::object::{Object, Spec};
use holdfast_model::policy::PolicySpec;
use holdfast_model::repository::RepositorySpec;
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::tenant::TenantSpec;

use super::scene::{Scene, name, time};

pub(crate) async fn an_object_is_read_back_as_it_was_kept(scene: &Scene) {
    let json = r#"{"hostname": "größer, \"web\" 1", "tags": ["a", "b"], "description": "two\nlines"}"#;
    let spec: ClientSpec = serde_json::from_str(json).unwrap();
    let uid = scene.client_uid();
    let mut writer = scene.db.write().await.unwrap();
    let kept = writer.create(uid, scene.tenant, spec.clone(), time(3)).await.unwrap();
    writer.commit().await.unwrap();
    let mut reader = scene.db.read().await.unwrap();
    assert_eq!(reader.object::<ClientSpec>(uid).await.unwrap(), kept);
    assert_eq!(reader.object_named::<ClientSpec>(scene.tenant, spec.name()).await.unwrap(), kept);
    assert_eq!((kept.revision, kept.created, kept.modified), (1, time(3), time(3)));
    let other = reader.object::<ClientSpec>(scene.client_uid()).await.unwrap_err();
    assert_eq!(other.kind(), DbErrorKind::NotFound);
    let policy = reader.object_named::<PolicySpec>(scene.tenant, spec.name()).await.unwrap_err();
    assert_eq!(policy.kind(), DbErrorKind::NotFound, "a client's name is no policy's");
}

pub(crate) async fn a_name_is_given_once_within_a_tenant_and_a_kind(scene: &Scene) {
    scene.add_client("web1").await;
    let other_tenant = scene.tenant_uid();
    let mut writer = scene.db.write().await.unwrap();
    let uid = scene.client_uid();
    let taken = writer.create(uid, scene.tenant, ClientSpec::new(name("web1")), time(2)).await.unwrap_err();
    assert_eq!(taken.kind(), DbErrorKind::Exists);
    assert_eq!(taken.to_string(), "there is a client web1 already");
    writer.create(other_tenant, other_tenant, TenantSpec::new(name("web1")), time(2)).await.unwrap();
    writer.create(uid, other_tenant, ClientSpec::new(name("web1")), time(2)).await.unwrap();
    let (second, third) = (scene.client_uid(), ClientSpec::new(name("web2")));
    writer.create(second, scene.tenant, third.clone(), time(2)).await.unwrap();
    let renamed = ClientSpec { hostname: name("web1"), ..third };
    assert_eq!(writer.update(second, None, renamed, time(3)).await.unwrap_err().kind(), DbErrorKind::Exists);
    let third = scene.tenant_uid();
    let taken = writer.create(third, third, TenantSpec::new(name("web1")), time(3)).await.unwrap_err();
    assert_eq!(taken.kind(), DbErrorKind::Exists, "of all tenants, though each is its own");
    writer.commit().await.unwrap();
}

pub(crate) async fn of_two_that_give_a_name_at_once_one_is_told_that_it_is_taken(scene: &Scene) {
    let tenants = [scene.tenant_uid(), scene.tenant_uid()];
    let give = async |uid: TenantUid| {
        let mut writer = scene.db.write().await?;
        writer.create(uid, uid, TenantSpec::new(name("twice")), time(2)).await?;
        writer.commit().await
    };
    let (one, other) = tokio::join!(give(tenants[0]), give(tenants[1]));
    let kinds = [one, other].map(|given| given.map_err(|error| error.kind()));
    assert!(kinds.contains(&Ok(())) && kinds.contains(&Err(DbErrorKind::Exists)), "{kinds:?}");
}

pub(crate) async fn a_change_counts_only_if_nobody_else_made_one(scene: &Scene) {
    let uid = scene.add_client("web1").await;
    let spec = |description: &str| ClientSpec { description: description.into(), ..ClientSpec::new(name("web1")) };
    let mut writer = scene.db.write().await.unwrap();
    let changed = writer.update(uid, Some(1), spec("one"), time(9)).await.unwrap();
    assert_eq!((changed.revision, changed.created, changed.modified), (2, time(1), time(9)));
    let late = writer.update(uid, Some(1), spec("two"), time(10)).await.unwrap_err();
    assert_eq!(late.kind(), DbErrorKind::Changed);
    assert_eq!(writer.remove::<ClientSpec>(uid, Some(1)).await.unwrap_err().kind(), DbErrorKind::Changed);
    let same = writer.update(uid, Some(2), spec("one"), time(11)).await.unwrap();
    assert_eq!((same.revision, same.modified), (2, time(9)), "what says the same changes nothing");
    writer.commit().await.unwrap();
    let mut writer = scene.db.write().await.unwrap();
    assert_eq!(writer.remove::<ClientSpec>(uid, Some(2)).await.unwrap().spec, spec("one"));
    writer.commit().await.unwrap();
    assert!(scene.db.read().await.unwrap().object::<ClientSpec>(uid).await.is_err());
}

/// A schedule, a repository, a client and a policy that names them.
async fn configured(scene: &Scene) -> Object<PolicySpec> {
    let json = |text: &str| text.replace('\'', "\"");
    let schedule: ScheduleSpec = serde_json::from_str(&json("{'name': 'nightly', 'cron': '@daily'}")).unwrap();
    let repository: RepositorySpec =
        serde_json::from_str(&json("{'name': 'main', 'uri': '/srv/backup', 'password': 'file:/etc/p'}")).unwrap();
    let policy: PolicySpec = serde_json::from_str(&json(
        "{'name': 'web', 'work': {'type': 'config'}, 'repository': 'main', 'schedule': 'nightly', 'clients': ['web1']}",
    ))
    .unwrap();
    scene.add_client("web1").await;
    let mut writer = scene.db.write().await.unwrap();
    let uid = scene.policy_uid();
    let dangling = writer.create(uid, scene.tenant, policy.clone(), time(2)).await.unwrap_err();
    assert_eq!(dangling.to_string(), "there is no schedule nightly, which it names");
    drop(writer);
    let mut writer = scene.db.write().await.unwrap();
    writer.create(scene.schedule_uid(), scene.tenant, schedule, time(2)).await.unwrap();
    writer.create(scene.repository_uid(), scene.tenant, repository, time(2)).await.unwrap();
    let policy = writer.create(uid, scene.tenant, policy, time(2)).await.unwrap();
    writer.commit().await.unwrap();
    policy
}

pub(crate) async fn what_is_named_stays_and_is_followed_to_its_new_name(scene: &Scene) {
    let policy = configured(scene).await;
    let mut writer = scene.db.write().await.unwrap();
    let client = writer.object_named::<ClientSpec>(scene.tenant, &name("web1")).await.unwrap();
    let needed = writer.remove::<ClientSpec>(client.uid, None).await.unwrap_err();
    assert_eq!(
        (needed.kind(), needed.to_string()),
        (DbErrorKind::InUse, "the client web1 is needed by policy web".into())
    );
    writer.update(client.uid, None, ClientSpec::new(name("www1")), time(7)).await.unwrap();
    let schedule = writer.object_named::<ScheduleSpec>(scene.tenant, &name("nightly")).await.unwrap();
    writer.update(schedule.uid, None, ScheduleSpec { name: name("late"), ..schedule.spec }, time(8)).await.unwrap();
    let followed = writer.object::<PolicySpec>(policy.uid).await.unwrap();
    assert_eq!(followed.spec.clients.iter().map(ToString::to_string).collect::<Vec<_>>(), ["www1"]);
    assert_eq!(followed.spec.schedule, Some(name("late")));
    assert_eq!((followed.revision, followed.modified), (3, time(8)));
    assert_eq!(writer.remove::<TenantSpec>(scene.tenant, None).await.unwrap_err().kind(), DbErrorKind::InUse);
    writer.remove::<PolicySpec>(policy.uid, None).await.unwrap();
    writer.remove::<ClientSpec>(client.uid, None).await.unwrap();
    writer.commit().await.unwrap();
}

pub(crate) async fn lists_are_filtered_sorted_and_go_on_where_they_ended(scene: &Scene) {
    let mut writer = scene.db.write().await.unwrap();
    for (number, hostname) in ["Zebra", "alpha", "beta_1", "beta-2", "ähnlich", "x%y"].into_iter().enumerate() {
        let tags = if number % 2 == 0 { r#"["even"]"# } else { r#"["odd", "web"]"# };
        let json = format!(r#"{{"hostname": "{hostname}", "tags": {tags}, "enabled": {}}}"#, number != 3);
        let spec: ClientSpec = serde_json::from_str(&json).unwrap();
        writer.create(scene.client_uid(), scene.tenant, spec, time(100 - number as i64)).await.unwrap();
    }
    writer.commit().await.unwrap();
    let mut reader = scene.db.read().await.unwrap();
    let mut list = async |filter: &ObjectFilter, mut page: Page| {
        let mut names = Vec::new();
        loop {
            let part = reader.objects::<ClientSpec>(filter, &page).await.unwrap();
            assert!(part.len() <= page.limit as usize);
            let Some(last) = part.last() else { return names };
            page.after = Some(page.key(last));
            names.extend(part.iter().map(|client| client.spec.hostname.to_string()));
        }
    };
    let all = ObjectFilter::default();
    let sorted = ["Zebra", "alpha", "beta-2", "beta_1", "x%y", "ähnlich"];
    assert_eq!(list(&all, Page::first(2)).await, sorted, "by bytes, in both databases");
    let reverse = Page { descending: true, ..Page::first(4) };
    assert_eq!(list(&all, reverse).await, sorted.into_iter().rev().collect::<Vec<_>>());
    let by_time = Page { order: Order::Created, ..Page::first(1) };
    assert_eq!(list(&all, by_time).await, ["x%y", "ähnlich", "beta-2", "beta_1", "alpha", "Zebra"]);
    let first = |filter: ObjectFilter| (filter, Page::first(10));
    let (filter, page) = first(ObjectFilter { tags: vec!["web".parse().unwrap()], ..all.clone() });
    assert_eq!(list(&filter, page).await, ["alpha", "beta-2", "x%y"]);
    let (filter, page) = first(ObjectFilter { enabled: Some(false), ..all.clone() });
    assert_eq!(list(&filter, page).await, ["beta-2"]);
    for (part, found) in
        [("BETA", vec!["beta-2", "beta_1"]), ("a_1", vec!["beta_1"]), ("%", vec!["x%y"]), ("q", vec![])]
    {
        let (filter, page) = first(ObjectFilter { name_contains: Some(part.into()), ..all.clone() });
        assert_eq!(list(&filter, page).await, found, "{part}");
    }
    let (filter, page) = first(ObjectFilter { tenant: Some(scene.tenant_uid()), ..all.clone() });
    assert!(list(&filter, page).await.is_empty());
    assert_eq!(reader.count_objects::<ClientSpec>(&all).await.unwrap(), 6);
}

pub(crate) async fn what_was_found_out_is_no_change(scene: &Scene) {
    let uid = scene.add_client("web1").await;
    let status =
        ClientStatus { ready_since: Some(time(50)), agent_version: Some("1".into()), ..ClientStatus::default() };
    let mut writer = scene.db.write().await.unwrap();
    writer.set_status::<ClientSpec>(uid, &status).await.unwrap();
    let client = writer.object::<ClientSpec>(uid).await.unwrap();
    assert_eq!((client.revision, client.modified, &client.status), (1, time(1), &status));
    let gone = writer.set_status::<ClientSpec>(scene.client_uid(), &status).await.unwrap_err();
    assert_eq!(gone.kind(), DbErrorKind::NotFound);
    writer.commit().await.unwrap();
}
