//! What was backed up is given back: to its client, to another, to the server; and what must not be is refused.

use std::fs;

use holdfast_control::{Asker, ControlError, RestoreAsked, RestoreRefused, RestoreSource};
use holdfast_model::SnapshotId;
use holdfast_model::client::{ClientSpec, ClientStatus};
use holdfast_model::job::restore::OverwriteMode;
use holdfast_model::job::{Cause, JobStatus, Launch};
use holdfast_testkit::{CompareOptions, compare_trees};

use super::two_hosts::{TwoHosts, tally};

#[tokio::test]
async fn a_snapshot_comes_back_to_its_client_to_another_and_to_the_server() {
    let Some(scene) = TwoHosts::new().await else { return };
    scene.source.every_kind();
    let snapshot = scene.back_up().await;
    let (one, two) = (scene.dir.path().join("one"), scene.dir.path().join("two"));
    let first = scene.done(scene.to_client(scene.web1, &one)).await;
    assert_eq!(first.status, JobStatus::Succeeded, "{:?}", scene.log(&first).await);
    assert_eq!(first.client, Some(scene.web1));
    assert!(tally(&first).restored > 250 && tally(&first).failed == 0, "{:?}", first.outcome);
    let named =
        RestoreSource { repository: Some(scene.repository), snapshot: Some(snapshot), ..RestoreSource::default() };
    let second = scene.done(RestoreAsked { source: named, ..scene.to_client(scene.web2, &two) }).await;
    assert_eq!(second.status, JobStatus::Succeeded, "{:?}", scene.log(&second).await);
    assert_eq!(second.client, Some(scene.web2));
    let third = scene.done(scene.to_directory(None)).await;
    assert_eq!(third.status, JobStatus::Succeeded, "{:?}", scene.log(&third).await);
    let own = scene.dir.path().join("restores").join(third.uid.to_string());
    assert_eq!(third.parameters["target"]["path"], third.uid.to_string(), "each job has a directory of its own");
    for target in [one, two, own] {
        let differences = compare_trees(scene.source.root(), scene.source_in(&target), &CompareOptions::default());
        assert!(differences.is_empty(), "{}: {differences:?}", target.display());
    }
}

#[tokio::test]
async fn in_place_only_what_was_lost_or_changed_is_written() {
    let Some(scene) = TwoHosts::new().await else { return };
    scene.back_up().await;
    let in_place = scene.to_client(scene.web1, "/");
    let refused = scene.ask(in_place.clone()).await.unwrap_err();
    assert!(matches!(refused, RestoreRefused::InPlace), "{refused}");
    fs::remove_file(scene.source.path("etc/motd")).unwrap();
    fs::write(scene.source.path("etc/hosts"), "evil\n").unwrap();
    fs::write(scene.source.path("etc/new"), "stays\n").unwrap();
    let done = scene.done(RestoreAsked { in_place: true, ..in_place.clone() }).await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", scene.log(&done).await);
    assert_eq!(fs::read_to_string(scene.source.path("etc/hosts")).unwrap(), "127.0.0.1 localhost\n");
    assert_eq!(fs::read_to_string(scene.source.path("etc/motd")).unwrap(), "welcome\n");
    assert!(scene.source.path("etc/new").exists() && tally(&done).deleted == 0);
    let mut deleting = RestoreAsked { in_place: true, ..in_place };
    deleting.manner.delete = true;
    deleting.select.paths = vec![scene.source.path("etc").to_str().unwrap().parse().unwrap()];
    let done = scene.done(deleting).await;
    assert_eq!(tally(&done).deleted, 1, "{:?}", scene.log(&done).await);
    assert!(!scene.source.path("etc/new").exists() && scene.source.path("www/index.html").exists());
}

#[tokio::test]
async fn only_what_was_chosen_is_restored_and_what_is_not_there_is_told() {
    let Some(scene) = TwoHosts::new().await else { return };
    scene.back_up().await;
    let path = |path: &str| scene.source.path(path).to_str().unwrap().parse().unwrap();
    let mut some = scene.to_directory(Some("some/of it"));
    some.select.paths = vec![path("etc"), path("gone")];
    some.select.exclude = vec!["motd".into()];
    let done = scene.done(some.clone()).await;
    assert_eq!((done.status, done.outcome.warnings), (JobStatus::Warning, 1));
    assert!(scene.log(&done).await.iter().any(|line| line.contains("there is nothing at") && line.contains("gone")));
    let target = scene.source_in(scene.dir.path().join("restores/some/of it"));
    assert!(target.join("etc/hosts").exists());
    assert!(!target.join("etc/motd").exists() && !target.join("www").exists());
    some.select.paths.remove(0);
    let failed = scene.done(some).await;
    assert_eq!(failed.outcome.error.unwrap().cause, Cause::Configuration, "nothing of it is there");
}

#[tokio::test]
async fn a_restore_that_is_not_finished_keeps_others_from_the_same_place() {
    let Some(scene) = TwoHosts::new().await else { return };
    scene.back_up().await;
    let (out, within) = (scene.dir.path().join("out"), scene.dir.path().join("out/within"));
    let first = scene.ask(scene.to_client(scene.web1, &out)).await.unwrap();
    for path in [&out, &within] {
        let refused = scene.ask(scene.to_client(scene.web1, path)).await.unwrap_err();
        assert!(
            matches!(refused, RestoreRefused::Control(ControlError::SamePlace(job)) if job == first.uid),
            "{refused}"
        );
    }
    // Another client, another place, or a plan is no matter of it.
    scene.ask(RestoreAsked { dry_run: true, ..scene.to_client(scene.web1, &out) }).await.unwrap();
    scene.ask(scene.to_client(scene.web1, scene.dir.path().join("elsewhere"))).await.unwrap();
    scene.ask(scene.to_directory(Some("a"))).await.unwrap();
    let refused = scene.ask(scene.to_directory(Some("a/b"))).await.unwrap_err();
    assert!(matches!(refused, RestoreRefused::Control(ControlError::SamePlace(_))), "{refused}");
    scene.control.cancel_job(first.uid).await.unwrap();
    let asker = Asker { launch: Launch::Manual, name: "ann" };
    let again = scene.control.do_again(first.uid, asker).await.unwrap();
    let refused = scene.control.do_again(first.uid, asker).await.unwrap_err();
    assert!(matches!(refused, ControlError::SamePlace(job) if job == again.uid), "{refused}");
    scene.control.cancel_job(again.uid).await.unwrap();
    scene.ask(scene.to_client(scene.web1, &within)).await.unwrap();
}

#[tokio::test]
async fn nothing_goes_to_another_tenant_or_to_a_host_that_nobody_has_accepted() {
    let Some(scene) = TwoHosts::new().await else { return };
    scene.back_up().await;
    let out = scene.dir.path().join("out");
    let refused = scene.ask(scene.to_client(scene.foreigner, &out)).await.unwrap_err();
    assert!(matches!(refused, RestoreRefused::OtherTenant), "{refused}");
    let mut writer = scene.db.write().await.unwrap();
    writer.set_status::<ClientSpec>(scene.web2, &ClientStatus::default()).await.unwrap();
    writer.commit().await.unwrap();
    let failed = scene.done(scene.to_client(scene.web2, &out)).await;
    assert_eq!(failed.outcome.error.as_ref().unwrap().cause, Cause::HostKeyUnknown);
    assert!(!out.exists());
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_at_once() {
    let Some(scene) = TwoHosts::new().await else { return };
    let none = scene.ask(scene.to_directory(None)).await.unwrap_err();
    assert!(matches!(none, RestoreRefused::NoSnapshot), "{none}");
    let snapshot = scene.back_up().await;
    let source = |source| RestoreAsked { source, ..scene.to_directory(None) };
    let unsaid = RestoreSource::default();
    for wrong in [
        unsaid,
        RestoreSource { snapshot: Some(snapshot), ..unsaid },
        RestoreSource { repository: Some(scene.repository), ..unsaid },
        RestoreSource {
            repository: Some(scene.repository),
            snapshot: Some(snapshot),
            client: Some(scene.web1),
            ..unsaid
        },
    ] {
        let refused = scene.ask(source(wrong)).await.unwrap_err();
        assert!(matches!(refused, RestoreRefused::Source), "{wrong:?}: {refused}");
    }
    let mut patterns = scene.to_directory(None);
    patterns.select.include = vec!["[".into()];
    assert!(matches!(scene.ask(patterns.clone()).await.unwrap_err(), RestoreRefused::Patterns(_)));
    patterns.select.include = vec!["*".into()];
    patterns.manner.delete = true;
    assert!(matches!(scene.ask(patterns).await.unwrap_err(), RestoreRefused::DeleteWithPatterns));
    // A snapshot that was made elsewhere may be there though nobody has seen it: that shows when it is looked for.
    let other =
        RestoreSource { repository: Some(scene.repository), snapshot: Some(SnapshotId::new([7; 32])), ..unsaid };
    let failed = scene.done(source(other)).await;
    assert_eq!(failed.outcome.error.unwrap().cause, Cause::Configuration);
}

#[tokio::test]
async fn what_cannot_be_written_is_a_warning_that_names_it() {
    let Some(scene) = TwoHosts::new().await else { return };
    scene.back_up().await;
    let target = scene.dir.path().join("out");
    // A directory that is not empty stands where a file belongs.
    let blocked = scene.source_in(&target).join("etc/motd");
    fs::create_dir_all(blocked.join("full")).unwrap();
    let done = scene.done(scene.to_client(scene.web1, &target)).await;
    assert_eq!((done.status, tally(&done).failed), (JobStatus::Warning, 1));
    assert!(
        scene.log(&done).await.iter().any(|line| line.contains("etc/motd: replace")),
        "{:?}",
        scene.log(&done).await
    );
    assert!(scene.source_in(&target).join("www/index.html").exists());
    let mut never = scene.to_client(scene.web1, &target);
    never.manner.overwrite = OverwriteMode::Never;
    let done = scene.done(never).await;
    assert_eq!(tally(&done).restored, 0);
}

#[tokio::test]
async fn what_lies_in_a_directory_goes_into_the_target_itself_and_a_file_by_its_name() {
    let Some(scene) = TwoHosts::new().await else { return };
    scene.back_up().await;
    let out = scene.dir.path().join("out");
    let mut part = scene.to_client(scene.web1, &out);
    let etc = scene.source.path("etc");
    part.select.beneath = Some(etc.to_str().unwrap().parse().unwrap());
    let done = scene.done(part.clone()).await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", scene.log(&done).await);
    assert_eq!(compare_trees(&etc, &out, &CompareOptions::default()), []);
    // Whatever the backup has not seen goes from directories of it; what lies in the target itself stays.
    let whole = scene.dir.path().join("whole");
    part.target = scene.to_client(scene.web1, &whole).target;
    part.select.beneath = Some(scene.source.root().to_str().unwrap().parse().unwrap());
    fs::create_dir_all(whole.join("etc")).unwrap();
    fs::write(whole.join("etc/new"), "goes\n").unwrap();
    fs::write(whole.join("beside"), "stays\n").unwrap();
    part.manner.delete = true;
    let done = scene.done(part.clone()).await;
    assert_eq!((done.status, tally(&done).deleted), (JobStatus::Succeeded, 1), "{:?}", scene.log(&done).await);
    assert!(whole.join("beside").exists() && !whole.join("etc/new").exists());
    part.manner.delete = false;
    part.select.beneath = Some(etc.join("hosts").to_str().unwrap().parse().unwrap());
    let alone = scene.dir.path().join("alone");
    let done = scene.done(RestoreAsked { target: scene.to_client(scene.web1, &alone).target, ..part.clone() }).await;
    let goes = format!("{0}/hosts goes to {1}/hosts", etc.display(), alone.display());
    assert!(scene.log(&done).await.iter().any(|line| line.contains(&goes)), "{:?}", scene.log(&done).await);
    let names: Vec<_> = fs::read_dir(&alone).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["hosts"]);
    // Where they were is in place, and must be said.
    part.target = scene.to_client(scene.web1, &etc).target;
    let refused = scene.ask(part.clone()).await.unwrap_err();
    assert!(matches!(refused, RestoreRefused::InPlace), "{refused}");
    part.select.beneath = Some(etc.join("gone").to_str().unwrap().parse().unwrap());
    let failed = scene.done(RestoreAsked { in_place: true, ..part }).await;
    assert_eq!(failed.outcome.error.unwrap().cause, Cause::Configuration, "there is no such thing");
}

#[tokio::test]
async fn what_a_damaged_repository_gives_nothing_of_has_failed() {
    let Some(scene) = TwoHosts::new().await else { return };
    for number in 0..30 {
        scene.source.random_file(format!("files/f{number}"), 5000, number);
    }
    scene.back_up().await;
    let mut files = Vec::new();
    let mut folders = vec![scene.dir.path().join("repository/data")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() { folders.push(entry) } else { files.push(entry) }
        }
    }
    fs::remove_file(files.into_iter().max_by_key(|file| file.metadata().unwrap().len()).unwrap()).unwrap();
    let failed = scene.done(scene.to_directory(None)).await;
    let log = scene.log(&failed).await;
    let error = failed.outcome.error.as_ref().unwrap();
    assert_eq!((failed.status, error.cause), (JobStatus::Failed, Cause::Damaged), "{log:?}");
    assert!(error.message.contains("nothing could be restored"), "{}", error.message);
    assert_eq!(log.iter().filter(|line| line.starts_with("pack ")).count(), 1, "{log:?}");
    assert_eq!(log.iter().filter(|line| line.contains("/files/f")).count(), 30, "{log:?}");
}

#[tokio::test]
async fn a_restore_ends_when_somebody_does_not_want_it_any_more() {
    let Some(scene) = TwoHosts::new().await else { return };
    scene.source.random_file("large", 64 << 20, 1);
    scene.back_up().await;
    let job = scene.ask(scene.to_client(scene.web1, scene.dir.path().join("out"))).await.unwrap();
    assert_eq!(scene.worker.step().await.unwrap(), 1);
    scene.control.cancel_job(job.uid).await.unwrap();
    scene.work_off().await;
    assert_eq!(scene.job(&job).await.status, JobStatus::Cancelled);
}
