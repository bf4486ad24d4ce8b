//! `run`: one call from cron does it all.

use std::fs;

use serde_json::Value;

use crate::scene::{Scene, sentence};

fn snapshots(scene: &Scene) -> Vec<Value> {
    scene.json(["snapshots"])[0].as_array().unwrap().clone()
}

#[test]
fn a_run_creates_backs_up_and_forgets() {
    let scene = Scene::empty();
    scene.source().file("file", "x").file("file.log", "x");
    let config = format!(
        "repository = \"repository\"\npassword-file = \"password\"\ninit = true\nsources = [\"{}\"]\n\
         excludes = [\"*.log\"]\ntags = [\"nightly\"]\n[keep]\nlast = 2\n",
        scene.text("source")
    );
    fs::write(scene.path("holdfast.toml"), config).unwrap();
    let run = |arguments: &[&str]| {
        let output = scene.command().arg("run").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(run(&["--dry-run"]).contains("would create"));
    assert!(!scene.path("repository").exists());
    for expected in [1, 2, 2] {
        run(&[]);
        assert_eq!(snapshots(&scene).len(), expected);
    }
    assert_eq!(snapshots(&scene)[0]["tags"][0], "nightly");
    assert!(!scene.ok(["ls", "latest"]).contains("file.log"));
    assert!(run(&["--dry-run"]).contains("1 snapshot would be removed"));
    assert_eq!(snapshots(&scene).len(), 2);
    let timer = run(&["--print-timer"]);
    assert!(timer.contains(&format!("run --config {}", scene.text("./holdfast.toml").replace("./", ""))), "{timer}");
    assert!(timer.contains("OnCalendar=") && timer.contains("# 30 2 * * * cd /"), "{timer}");
}

#[test]
fn a_dotenv_file_will_do_and_the_environment_wins_but_not_over_another_repository() {
    let scene = Scene::empty();
    scene.source().file("file", "x");
    let variables = format!(
        "export HOLDFAST_REPOSITORY='repository'\nHOLDFAST_PASSWORD_FILE=password # here\nHOLDFAST_INIT=false\n\
         HOLDFAST_SOURCES=\"{}\"\nHOLDFAST_KEEP_DAILY=7\n",
        scene.text("source")
    );
    fs::write(scene.path(".env"), variables).unwrap();
    let run = |name: &str, value: &str| {
        let output = scene.command().arg("run").env(name, value).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = run("HOLDFAST_REPOSITORY", "elsewhere");
    assert!(code == Some(1) && said.contains("names another repository"), "{said}");
    assert_eq!(run("HOLDFAST_INIT", "true").0, Some(0));
    assert!(scene.path("repository/config").exists() && !scene.path("elsewhere").exists());
    assert_eq!(snapshots(&scene).len(), 1);
}

#[test]
fn one_host_that_fails_does_not_stop_the_others() {
    let scene = Scene::new();
    scene.source().file("file", "x");
    let mut command = scene.command();
    let sources = format!("nobody@host.invalid:/etc {}", scene.text("source"));
    command.arg("run").env("HOLDFAST_REPOSITORY", "repository").env("HOLDFAST_PASSWORD_FILE", "password");
    command.env("HOLDFAST_SSH", "false").env("HOLDFAST_SOURCES", sources);
    let said = sentence(1, &command.output().unwrap());
    assert!(said.contains("host.invalid"), "{said}");
    assert_eq!(snapshots(&scene).len(), 1);
}

#[test]
fn a_run_beside_another_starts_nothing() {
    let scene = Scene::new();
    scene.source().file("file", "x");
    let command = || {
        let mut command = scene.command();
        command.arg("run").env("HOLDFAST_REPOSITORY", "repository").env("HOLDFAST_SOURCES", scene.path("source"));
        command
    };
    // The first one waits for its password.
    fs::write(scene.path("wait"), "").unwrap();
    let mut first = command();
    first.env("HOLDFAST_PASSWORD_COMMAND", "touch begun; while [ -e wait ]; do sleep 0.05; done; cat password");
    let mut first = first.stdout(std::process::Stdio::null()).spawn().unwrap();
    holdfast_testkit::process::must_happen("the first run begins", || scene.path("begun").exists());
    let second = command().env("HOLDFAST_PASSWORD_FILE", "password").output().unwrap();
    assert_eq!(second.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&second.stdout).contains("another run"));
    assert_eq!(scene.files("snapshots").len(), 0);
    fs::remove_file(scene.path("wait")).unwrap();
    assert!(first.wait().unwrap().success());
    assert_eq!(scene.files("snapshots").len(), 1);
}

#[test]
fn what_is_wrong_with_a_configuration_is_told_in_one_sentence() {
    let scene = Scene::empty();
    for (config, says) in [
        ("repositry = \"x\"", "is repository meant?"),
        ("repository = \"x\"", "nothing to back up"),
        ("sources = [\"/x\"]", "no repository given"),
        ("sources = [\"/x\"]\nrepository = \"x\"\n[keep]\ndaily = \"many\"", "--keep-daily"),
        ("sources = [", "line 1"),
    ] {
        fs::write(scene.path("holdfast.toml"), config).unwrap();
        let said = sentence(1, &scene.command().arg("run").output().unwrap());
        assert!(said.contains(says), "{config}: {said}");
    }
    let said = sentence(1, &scene.command().args(["run", "--config", "none.toml"]).output().unwrap());
    assert!(said.contains("none.toml"), "{said}");
}
