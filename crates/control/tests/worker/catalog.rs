//! Names in the snapshots of a real client, found again.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use holdfast_control::find::{Found, Mode, Pattern, Search, Version, find, versions};
use holdfast_control::{Asker, Care};
use holdfast_db::catalog::ChainFilter;
use holdfast_db::{JobFilter, JobPage, SnapshotQuery};
use holdfast_model::job::{Cause, Job, JobKind, JobStatus, Launch, NewJob};
use holdfast_model::repository::RepositorySpec;
use holdfast_model::{Clock, EntryKind, JobUid, SnapshotId};
use serde_json::{Value, json};

use super::scene::{Scene, shown, work_off};
use JobKind::{Backup, Catalog, Forget, Prepare};
use JobStatus::{Failed, Succeeded, Warning};

impl Scene {
    /// A scene whose client is prepared, and whose snapshots are cataloged.
    async fn cataloging(policy: Value) -> Option<Self> {
        let scene = Self::new(policy).await?;
        let mut writer = scene.db.write().await.unwrap();
        writer.set_setting("catalog", None).await.unwrap();
        writer.commit().await.unwrap();
        scene.run().await;
        scene.accept_host_key().await;
        Some(scene)
    }

    async fn found(&self, mode: Mode, text: &str) -> Vec<Found> {
        let pattern = Pattern::new(mode, text).unwrap();
        let mut reader = self.db.read().await.unwrap();
        let (mut found, mut after) = (Vec::new(), None);
        // A page of two at a time.
        loop {
            let search = Search { pattern: &pattern, filter: ChainFilter::default(), limit: 2, after };
            let page = find(&mut reader, &search, &*self.clock).await.unwrap();
            assert!(page.items.len() <= 2);
            found.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return found,
            }
        }
    }

    async fn versions(&self, path: &str) -> Vec<Version> {
        let filter = ChainFilter { client: Some(self.client.uid), ..ChainFilter::default() };
        versions(&mut self.db.read().await.unwrap(), &filter, path).await.unwrap()
    }

    /// Makes a catalog job of its own, and has it done.
    async fn catalog(&self, after: Option<JobUid>, parameters: Value, like: &Job, number: u8) -> Job {
        let new = NewJob {
            uid: JobUid::new(self.clock.now(), [number; 10]),
            tenant: like.tenant,
            kind: Catalog,
            run: like.run,
            launch: Launch::Manual,
            launched_by: "ann".into(),
            now: self.clock.now().to_time(),
        };
        let mut job = new.queued().for_policy(None, None, like.repository);
        (job.after, job.parameters) = (after, parameters);
        let mut writer = self.db.write().await.unwrap();
        writer.add_job(&job).await.unwrap();
        writer.commit().await.unwrap();
        work_off(&self.worker).await;
        self.db.read().await.unwrap().job(job.uid).await.unwrap()
    }

    async fn known(&self) -> Vec<SnapshotId> {
        let query = SnapshotQuery { limit: 100, ..SnapshotQuery::default() };
        let known = self.db.read().await.unwrap().snapshots(&query).await.unwrap();
        known.into_iter().rev().map(|snapshot| snapshot.id).collect()
    }
}

#[tokio::test]
async fn what_was_backed_up_is_found_by_its_name_and_in_all_its_versions() {
    let Some(scene) = Scene::cataloging(json!({})).await else { return };
    let source = scene.dir.path().join("source");
    std::fs::write(source.join(OsStr::from_bytes(b"caf\xe9\n\"x\"")), "x").unwrap();
    let jobs = scene.run().await;
    assert_eq!(shown(&jobs), [(Prepare, Succeeded), (Backup, Succeeded), (Catalog, Succeeded), (Forget, Succeeded)]);
    scene.clock.advance(Duration::from_secs(3600));
    std::fs::write(source.join("etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n").unwrap();
    let jobs = scene.run().await;
    assert_eq!(jobs[1].status, Succeeded, "{:?}", jobs[1].outcome);
    let [first, second] = scene.known().await[..] else { panic!("there are two") };

    let hosts = scene.found(Mode::Substring, "HOST".to_lowercase().as_str()).await;
    let [found] = &hosts[..] else { panic!("{hosts:?}") };
    let path = source.join("etc/hosts").display().to_string();
    assert_eq!((found.path.as_str(), found.name.as_str(), found.kind), (path.as_str(), "hosts", EntryKind::File));
    assert_eq!((found.client, found.hostname.as_str(), found.versions), (Some(scene.client.uid), "web1", 2));
    assert_eq!((found.size, found.first.0, found.last.0), (34, first, second));
    assert!(scene.found(Mode::Substring, "HOST").await.is_empty(), "large letters count");
    let all = scene.versions(&path).await;
    let sizes: Vec<_> = all.iter().map(|version| (version.size, version.oldest().0, version.newest().0)).collect();
    assert_eq!(sizes, [(34, second, second), (20, first, first)]);
    assert!(all[0].modified > all[1].modified);

    let index = scene.versions(&format!("{}/www/index.html", source.display())).await;
    assert_eq!(index.len(), 1, "it has not changed");
    assert_eq!(index[0].snapshots.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [first, second]);
    for pattern in [r"caf?*x*", "*\n*"] {
        let strange = scene.found(Mode::Glob, pattern).await;
        assert_eq!(strange.len(), 1, "{pattern}");
        assert_eq!(strange[0].name, r#"caf\xe9\n\"x\""#);
        assert_eq!(scene.versions(&strange[0].path).await.len(), 1);
    }
    let log = scene.log(&jobs[1]).await;
    assert!(log.iter().any(|line| line.contains("that were not as before")), "{log:?}");
    let again = scene.catalog(Some(jobs[0].uid), Value::Null, &jobs[0], 30).await;
    assert_eq!((again.status, again.outcome.files), (Succeeded, 0), "it was cataloged already");
}

/// What is there now: sizes of files, by their paths.
fn files(at: &Path, found: &mut BTreeMap<String, u64>) {
    for entry in std::fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false => drop(found.insert(path.display().to_string(), path.metadata().unwrap().len())),
        }
    }
}

#[tokio::test]
async fn what_is_found_is_what_the_snapshots_have() {
    let Some(scene) = Scene::cataloging(json!({"retention": {"last": 3}})).await else { return };
    let source = scene.dir.path().join("source");
    let mut days: Vec<BTreeMap<String, u64>> = Vec::new();
    for day in 0..6_usize {
        for file in 0..30 {
            let path = source.join(format!("d{}/e{}/f{file}", file % 3, file % 2));
            match (file * 7 + day * 5) % 6 {
                0 if path.exists() => std::fs::remove_file(&path).unwrap(),
                1 | 2 => {
                    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                    std::fs::write(&path, "x".repeat(day + file)).unwrap();
                }
                _ => {}
            }
        }
        if day == 3 {
            std::fs::remove_dir_all(source.join("d1")).unwrap();
        }
        let mut now = BTreeMap::new();
        files(&source, &mut now);
        days.push(now);
        let jobs = scene.run().await;
        assert!(jobs.iter().all(|job| job.status == Succeeded), "{:?}", shown(&jobs));
        scene.clock.advance(Duration::from_secs(86_400));
    }
    // The retention has kept three, and of what only the others had nothing is found.
    let kept = &days[3..];
    let mut expected: BTreeMap<String, (u64, usize)> = BTreeMap::new();
    for day in kept {
        for (path, size) in day {
            let (last, count) = expected.entry(path.clone()).or_default();
            (*last, *count) = (*size, *count + 1);
        }
    }
    let mut found = BTreeMap::new();
    for file in scene.found(Mode::Regex, ".").await.into_iter().filter(|found| found.kind == EntryKind::File) {
        let snapshots: usize = scene.versions(&file.path).await.iter().map(|version| version.snapshots.len()).sum();
        found.insert(file.path, (file.size, snapshots));
    }
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_catalog_that_was_lost_is_made_anew_from_the_repository() {
    let Some(scene) = Scene::cataloging(json!({})).await else { return };
    let jobs = scene.run().await;
    scene.clock.advance(Duration::from_secs(3600));
    scene.run().await;
    let (known, before) = (scene.known().await, scene.found(Mode::Regex, ".").await);
    assert_eq!((known.len(), before.is_empty()), (2, false));
    let mut writer = scene.db.write().await.unwrap();
    for id in &known {
        writer.remove_snapshot(jobs[0].repository.unwrap(), *id).await.unwrap();
    }
    writer.commit().await.unwrap();
    assert!(scene.found(Mode::Regex, ".").await.is_empty());
    let rebuilt = scene.catalog(None, json!({"rebuild": true}), &jobs[0], 31).await;
    assert_eq!(rebuilt.status, Succeeded, "{:?}", rebuilt.outcome);
    assert_eq!((scene.known().await, scene.found(Mode::Regex, ".").await), (known.clone(), before));
    // Somebody has removed one of them without the server.
    scene.repository().remove_snapshot(known[1]).unwrap();
    scene.catalog(None, json!({"rebuild": true}), &jobs[0], 32).await;
    assert_eq!(scene.known().await, known[..1]);
}

/// Turns a bit over in each pack, or back again.
fn turn(scene: &Scene) {
    for folder in std::fs::read_dir(scene.dir.path().join("repository/data")).unwrap() {
        for pack in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = pack.unwrap().path();
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[40] ^= 1;
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            std::fs::write(&path, bytes).unwrap();
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_said_and_looked_at_again() {
    let Some(scene) = Scene::cataloging(json!({})).await else { return };
    let setting = async |value: Value| {
        let mut writer = scene.db.write().await.unwrap();
        writer.set_setting("catalog", Some(&value)).await.unwrap();
        writer.commit().await.unwrap();
    };
    setting(json!(false)).await;
    let first = scene.run().await.remove(1);
    turn(&scene);
    let job = scene.catalog(Some(first.uid), Value::Null, &first, 33).await;
    assert!(job.status == Warning && job.outcome.warnings > 0, "{:?}", job.outcome);
    assert!(scene.log(&job).await.iter().any(|line| line.contains("what is in it cannot be searched")));
    assert!(scene.found(Mode::Regex, "^(hosts|index.html)$").await.len() < 2);
    turn(&scene);
    setting(json!(true)).await;
    scene.clock.advance(Duration::from_secs(3600));
    scene.run().await;
    assert_eq!(scene.found(Mode::Regex, "^(hosts|index.html)$").await.len(), 2, "nothing has changed, and yet");
}

#[tokio::test]
async fn a_backup_without_a_snapshot_leaves_nothing_to_catalog() {
    let Some(scene) = Scene::cataloging(json!({})).await else { return };
    let jobs = scene.run().await;
    let job = scene.catalog(Some(jobs[0].uid), Value::Null, &jobs[1], 34).await;
    assert_eq!((job.status, job.outcome.error.unwrap().cause), (Failed, Cause::Configuration));
}

#[tokio::test]
async fn what_a_look_into_a_repository_finds_is_cataloged_where_the_settings_want_that() {
    let Some(scene) = Scene::cataloging(json!({})).await else { return };
    let Some(restic) = holdfast_testkit::Restic::new(scene.dir.path().join("repository"), "secret") else { return };
    restic.ok(["backup", &scene.dir.path().join("source").display().to_string(), "--host", "web1"]);
    let objects = scene.db.read().await.unwrap().all_objects::<RepositorySpec>(&Default::default()).await.unwrap();
    let (repository, ann) = (objects.objects[0].uid, Asker { launch: Launch::Manual, name: "ann" });
    let look = async || {
        let care = Care::Prepare { create: false, as_restic: false };
        let job = scene.control.care_for(repository, care, ann).await.unwrap();
        work_off(&scene.worker).await;
        let filter = JobFilter { run: Some(job.run), ..JobFilter::default() };
        let mut jobs = scene.db.read().await.unwrap().jobs(&filter, &JobPage::newest(100)).await.unwrap();
        // Here no time passes from one to the next.
        jobs.sort_by_key(|job| job.kind);
        jobs
    };
    assert_eq!(shown(&look().await), [(Prepare, Succeeded), (Catalog, Succeeded)]);
    assert_eq!(scene.found(Mode::Substring, "hosts").await.len(), 1);
    assert_eq!(shown(&look().await), [(Prepare, Succeeded)], "nothing is new");
    let mut writer = scene.db.write().await.unwrap();
    writer.set_setting("catalog", Some(&json!(false))).await.unwrap();
    writer.commit().await.unwrap();
    restic.ok(["backup", &scene.dir.path().join("source").display().to_string(), "--host", "web1"]);
    assert_eq!(shown(&look().await), [(Prepare, Succeeded)], "nobody wants it");
}
