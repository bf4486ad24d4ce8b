//! Repositories are added with their passwords, which the server seals.

use holdfast_model::RepositoryUid;
use holdfast_model::job::{Cause, JobError, JobKind, JobStatus, Outcome};
use holdfast_model::repository::{RepositorySize, RepositorySpec, RepositoryStatus};

use super::scene::{Scene, printed, sentence, time};

#[test]
fn a_repository_is_added_with_its_password_sealed_and_then_opened() {
    let scene = Scene::new();
    let password = scene.write("password", "correct horse\n");
    let add = scene.start(&format!("repository add main /srv/backup --init -p {password}"));
    let job = scene.begin_next();
    assert_eq!(job.parameters["create"], true);
    scene.end(job, JobStatus::Succeeded, Outcome::default());
    let said = printed(0, &add.wait_with_output().unwrap());
    assert!(said.starts_with("repository main added\n"), "{said}");
    let repository = &scene.json("repository show main")[0];
    assert_eq!(repository["spec"]["password"], "sealed:repository-main");
    assert_eq!(scene.say("secret list"), "repository-main\n1 secret\n");
    // Of the same name: neither it nor its password take the place of the first.
    let said = scene.fails(&format!("repository add main /srv/other -p {password}"));
    let how =
        "`holdfast secret set repository-main` gives it another password, then `holdfast repository prepare main`";
    assert!(said.ends_with(how), "{said}");
    assert_eq!(scene.say("secret list"), "repository-main\n1 secret\n");
    let removed = scene.say("repository remove main --yes");
    assert!(
        removed.contains("what is stored at /srv/backup stays") && removed.contains("repository-main"),
        "{removed}"
    );
}

#[test]
fn a_repository_whose_password_is_wrong_stays_and_says_how_to_give_another() {
    let scene = Scene::new();
    let password = scene.write("password", "wrong\n");
    let add = scene.start(&format!("repository add main /srv/backup -q -p {password}"));
    let job = scene.begin_next();
    let error = JobError { cause: Cause::WrongPassword, message: "the password does not open it".into() };
    scene.end(job, JobStatus::Failed, Outcome { error: Some(error), ..Outcome::default() });
    let said = sentence(1, &add.wait_with_output().unwrap());
    let how = "the repository main stays registered: `holdfast secret set repository-main` gives it another password, then \
               `holdfast repository prepare main`";
    assert!(said.contains("the password does not open it") && said.ends_with(how), "{said}");
}

#[test]
fn a_repository_is_added_with_its_hot_part_which_a_file_of_objects_keeps() {
    let scene = Scene::new();
    let credentials = "--credential AWS_ACCESS_KEY_ID=env:ID --credential HOT_AWS_ACCESS_KEY_ID=env:HOT_ID";
    let place = "s3:https://s3.example.net/slow --hot s3:https://s3.example.net/fast";
    scene.say(&format!("repository add main {place} {credentials} --password-source env:P --no-prepare"));
    let repository = &scene.json("repository show main")[0];
    assert_eq!(repository["spec"]["hot"], "s3:https://s3.example.net/fast");
    let exported = scene.say("export");
    assert!(exported.contains("hot: s3:https://s3.example.net/fast"), "{exported}");
    let file = scene.write("objects.yaml", &exported.replace("/fast", "/faster"));
    scene.say(&format!("apply -f {file} --yes"));
    assert_eq!(scene.json("repository show main")[0]["spec"]["hot"], "s3:https://s3.example.net/faster");
    let file = scene.write("objects.yaml", &exported.replace("hot: s3:https://s3.example.net/fast", ""));
    scene.say(&format!("apply -f {file} --yes"));
    assert!(scene.json("repository show main")[0]["spec"]["hot"].is_null());
    assert!(!scene.say("export").contains("hot"), "what is not said is not written");
}

#[test]
fn what_cannot_be_added_leaves_nothing_behind() {
    let scene = Scene::new();
    for (line, says) in [
        ("repository add main /srv", "no password given"),
        ("repository add main /srv --password-source hunter2", "env:NAME"),
        ("repository add main /srv --credential KEY", "VARIABLE=SOURCE"),
        ("repository add main /srv --credential KEY=hunter2", "the credential KEY"),
    ] {
        let said = scene.fails(line);
        assert!(said.contains(says) && !said.contains("hunter2"), "{line}: {said}");
    }
    assert_eq!(scene.say("repository list"), "0 repositories\n");
    assert_eq!(scene.say("secret list"), "0 secrets\n");
}

#[test]
fn checks_and_prunes_are_waited_for() {
    let scene = Scene::new();
    scene.say("repository add main /srv --password-source env:X --no-prepare");
    let run = |line: &str, kind: JobKind, status: JobStatus, outcome: Outcome| {
        let child = scene.start(line);
        let job = scene.begin_next();
        assert_eq!(job.kind, kind);
        let parameters = job.parameters.clone();
        scene.end(job, status, outcome);
        (child.wait_with_output().unwrap(), parameters)
    };
    let (output, parameters) =
        run("repository check main --read-data", JobKind::Check, JobStatus::Succeeded, Outcome::default());
    assert_eq!(parameters["read"], serde_json::json!({"from": 0, "count": 256}), "all of it");
    assert!(printed(0, &output).ends_with("check of main: succeeded in 0:12\n"));
    let freed = Outcome { bytes_freed: 3 << 20, ..Outcome::default() };
    let (output, _) = run("repository prune main", JobKind::Prune, JobStatus::Succeeded, freed);
    assert!(printed(0, &output).ends_with("prune of main: succeeded in 0:12, 3.000 MiB freed\n"));
    let error = JobError { cause: Cause::Damaged, message: "pack 4f2a81c0 is not what its name says".into() };
    let damaged = Outcome { error: Some(error), ..Outcome::default() };
    let (output, _) = run("repository check main -q", JobKind::Check, JobStatus::Failed, damaged);
    let said = sentence(1, &output);
    assert!(
        said.starts_with("check of main failed: pack 4f2a81c0 is not what its name says; see in the log"),
        "{said}"
    );
}

#[test]
fn how_a_repository_has_grown_within_a_month_stands_with_it() {
    let scene = Scene::new();
    scene.say("repository add main /srv --password-source env:X --no-prepare");
    let uid: RepositoryUid = scene.json("repository show main")[0]["id"].as_str().unwrap().parse().unwrap();
    let measured = |days_ago: i64, stored_bytes: u64| {
        let size = RepositorySize { measured: time(-86_400 * days_ago), stored_bytes, snapshots: 3 };
        let status = RepositoryStatus { size: Some(size), ..RepositoryStatus::default() };
        scene.change(async |writer| {
            writer.note_size(uid, &size).await.unwrap();
            writer.set_status::<RepositorySpec>(uid, &status).await.unwrap();
        });
        scene.say("repository show main")
    };
    assert!(!measured(40, 1 << 20).contains(" than at "), "nothing to compare with");
    measured(20, 2 << 20);
    let grown = measured(2, 5 << 20);
    let then = "than at 2026-11-04 12:00:00, when it had 2.000 MiB with 3 snapshots";
    assert!(grown.contains(&format!("3.000 MiB more {then}")), "{grown}");
    let shrunk = measured(1, 1 << 20);
    assert!(shrunk.contains(&format!("1.000 MiB less {then}")), "{shrunk}");
}
