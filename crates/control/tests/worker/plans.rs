//! A plan says what a restore would do, and changes nothing; what was planned is what is done.

use std::fs;

use holdfast_control::{RestoreAsked, RestoreRefused, RestoreSource};
use holdfast_model::job::JobStatus;
use holdfast_model::job::restore::OverwriteMode;

use super::two_hosts::{TwoHosts, tally};

#[tokio::test]
async fn a_plan_tells_which_files_would_be_replaced_and_changes_nothing() {
    let Some(scene) = TwoHosts::new().await else { return };
    scene.back_up().await;
    fs::remove_file(scene.source.path("etc/motd")).unwrap();
    fs::write(scene.source.path("etc/hosts"), "127.0.0.1 otherhost\n").unwrap();
    let plan = RestoreAsked { dry_run: true, ..scene.to_client(scene.web1, "/") };
    let planned = scene.done(plan.clone()).await;
    assert_eq!(planned.status, JobStatus::Succeeded, "{:?}", scene.log(&planned).await);
    let tally_of_plan = tally(&planned);
    assert!(tally_of_plan.planned);
    assert_eq!((tally_of_plan.conflicts, tally_of_plan.restored), (1, 2), "hosts is replaced, motd is new");
    assert_eq!((tally_of_plan.bytes_total, tally_of_plan.bytes_written), (20 + 8 + 500, 20 + 8));
    let log = scene.log(&planned).await;
    let named = format!("would replace {}", &scene.source.path("etc/hosts").to_str().unwrap()[1..]);
    assert!(
        log.contains(&named) && log.iter().filter(|line| line.starts_with("would replace")).count() == 1,
        "{log:?}"
    );
    assert_eq!(fs::read_to_string(scene.source.path("etc/hosts")).unwrap(), "127.0.0.1 otherhost\n");
    assert!(!scene.source.path("etc/motd").exists());

    let mut never = plan.clone();
    never.manner.overwrite = OverwriteMode::Never;
    let never = tally(&scene.done(never).await);
    assert_eq!((never.conflicts, never.restored), (0, 1));

    let real = RestoreAsked { dry_run: false, in_place: true, plan: Some(planned.uid), ..plan };
    let done = scene.done(real).await;
    assert_eq!((done.status, tally(&done).restored), (JobStatus::Succeeded, 2));
    assert_eq!(fs::read_to_string(scene.source.path("etc/hosts")).unwrap(), "127.0.0.1 localhost\n");
}

#[tokio::test]
async fn what_was_planned_is_what_is_done() {
    let Some(scene) = TwoHosts::new().await else { return };
    let first = scene.back_up().await;
    let planned = scene.done(RestoreAsked { dry_run: true, ..scene.to_directory(None) }).await;
    assert_eq!((planned.status, tally(&planned).conflicts), (JobStatus::Succeeded, 0));
    assert!(!scene.dir.path().join("restores").exists(), "a plan makes no directory");
    scene.clock.advance(std::time::Duration::from_secs(3600));
    scene.source.file("etc/newer", "newer\n");
    assert_ne!(scene.back_up().await, first);
    // The newest is another by now, but not the one that was planned.
    let real = RestoreAsked { source: RestoreSource::default(), plan: Some(planned.uid), ..scene.to_directory(None) };
    let mut other = real.clone();
    other.manner.verify = true;
    let refused = scene.ask(other).await.unwrap_err();
    assert!(matches!(refused, RestoreRefused::Plan { .. }), "{refused}");
    let done = scene.done(real.clone()).await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", scene.log(&done).await);
    assert_eq!(done.parameters["snapshot"], first.to_string());
    let target = scene.source_in(scene.dir.path().join("restores").join(planned.uid.to_string()));
    assert!(target.join("etc/hosts").exists() && !target.join("etc/newer").exists());
    let no_plan = scene.ask(RestoreAsked { plan: Some(done.uid), ..real }).await.unwrap_err();
    assert!(matches!(no_plan, RestoreRefused::Plan { .. }), "{no_plan}");
}
