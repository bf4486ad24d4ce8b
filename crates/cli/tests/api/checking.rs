//! `holdfast config check`: good only where the server would start.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use holdfast_testkit::{Postgres, agents_dir};

use super::scene::{Scene, lines, printed, sentence};

fn check(scene: &Scene, change: impl FnOnce(&mut Command) -> &mut Command) -> Output {
    let mut command = scene.command();
    command.args(["config", "check"]).env("HOLDFAST_DATA", scene.path("data")).env("HOLDFAST_AGENTS", agents_dir());
    change(&mut command);
    command.output().unwrap()
}

#[test]
fn all_that_a_server_needs_is_looked_at_and_nothing_is_made() {
    let scene = Scene::new();
    let data = scene.path("data");
    let said = printed(0, &check(&scene, |command| command));
    let (parent, shown) = (data.parent().unwrap().display(), data.display());
    for line in [
        format!("data folder  {shown} is made at the start: {parent} can be written to\n"),
        format!("master key   {shown}/server/master-key is made at the start\n"),
        "agents       for ".to_owned(),
        format!("database     sqlite:{shown}/holdfast.db is made at the start\n"),
        "good: the server would listen on 127.0.0.1:8420\n".to_owned(),
    ] {
        assert!(said.contains(&line), "{said}");
    }
    assert!(!data.exists());
    let document = &lines(&printed(0, &check(&scene, |command| command.arg("--json"))))[0];
    assert_eq!((&document["message_type"], &document["listen"]), (&"good".into(), &"127.0.0.1:8420".into()));
    std::fs::create_dir_all(data.join("server")).unwrap();
    std::fs::write(data.join("server/master-key"), [7; 64]).unwrap();
    std::fs::write(data.join("holdfast.db"), "").unwrap();
    let said = printed(0, &check(&scene, |command| command));
    assert!(said.contains("master-key can be read\n") && said.contains("holdfast.db can be opened\n"), "{said}");
}

#[test]
fn what_would_keep_a_server_from_starting_is_told() {
    let scene = Scene::new();
    let away = sentence(1, &check(&scene, |command| command.env("HOLDFAST_AGENTS", scene.path("nowhere"))));
    assert!(away.starts_with("no agent found in "), "{away}");
    std::fs::write(scene.path("file"), "").unwrap();
    let file = sentence(1, &check(&scene, |command| command.env("HOLDFAST_DATA", scene.path("file/data"))));
    assert!(file.contains("say --data"), "{file}");
    std::fs::create_dir_all(scene.path("data/server")).unwrap();
    std::fs::write(scene.path("data/server/master-key"), "short").unwrap();
    let key = sentence(1, &check(&scene, |command| command));
    assert!(key.contains("is no master key"), "{key}");
    std::fs::remove_file(scene.path("data/server/master-key")).unwrap();
    let nobody = "postgres://holdfast:hunter2@127.0.0.1:1/holdfast";
    let database = sentence(1, &check(&scene, |command| command.env("HOLDFAST_DATABASE", nobody)));
    assert!(database.contains("connecting") && !database.contains("hunter2"), "{database}");
    // Who is root may write anywhere.
    if !rustix::process::geteuid().is_root() {
        std::fs::set_permissions(scene.path("data"), std::fs::Permissions::from_mode(0o500)).unwrap();
        let folder = sentence(1, &check(&scene, |command| command));
        assert!(folder.starts_with("cannot keep anything in "), "{folder}");
    }
}

#[test]
fn a_database_that_others_share_is_asked_whether_it_answers() {
    let Some(postgres) = Postgres::start() else { return };
    let scene = Scene::new();
    let said =
        printed(0, &check(&scene, |command| command.env("HOLDFAST_DATABASE", postgres.new_database("looked_at"))));
    assert!(said.contains("can be opened\n"), "{said}");
}

#[test]
fn a_misspelt_variable_is_refused_and_one_that_is_nobodys_is_told() {
    let scene = Scene::new();
    let told = sentence(1, &check(&scene, |command| command.env("HOLDFAST_JOBZ", "1")));
    assert_eq!(told, "the environment has HOLDFAST_JOBZ, which is no setting; is HOLDFAST_JOBS meant?");
    let serve = scene.command().args(["serve", "--data", "data"]).env("HOLDFAST_LISTN", "x").output().unwrap();
    assert!(sentence(1, &serve).ends_with("is HOLDFAST_LISTEN meant?"));
    let worker = scene.command().args(["worker", "--data", "data"]).env("HOLDFAST_DATABSE", "x").output().unwrap();
    assert!(sentence(1, &worker).ends_with("is HOLDFAST_DATABASE meant?"));
    assert!(!scene.path("data").exists());
    // Kubernetes puts such names into the environment of what it starts.
    let other = check(&scene, |command| command.env("HOLDFAST_SERVICE_HOST", "10.0.0.1"));
    let err = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(err.contains("warning: the environment has HOLDFAST_SERVICE_HOST, which is no setting"), "{err}");
    assert!(printed(0, &other).contains("good: "));
}

#[test]
fn a_verb_that_lacks_its_own_prints_its_own_help() {
    let scene = Scene::new();
    let said = scene.run(["job"]);
    let help = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(1));
    assert!(help.contains("Usage: holdfast job") && !help.contains("holdfast init"), "{help}");
    let all = scene.run::<&str>([]);
    assert!(String::from_utf8_lossy(&all.stderr).contains("holdfast init"), "of the whole program");
}
