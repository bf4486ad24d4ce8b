//! Settings, secrets, and which server is talked to.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};

use super::scene::{Scene, printed, sentence};

#[test]
fn settings_are_set_and_taken_back() {
    let scene = Scene::new();
    let shown = scene.say("settings show");
    assert!(shown.contains("\njobs_at_once         8            default\n"), "{shown}");
    assert!(
        shown.contains("\nretention            daily: 14    default\n                     monthly: 12\n"),
        "{shown}"
    );
    let set = scene.ok(["settings", "set", "jobs_at_once=4", "retention={daily: 3}", "time_zone=Europe/Berlin"]);
    assert!(set.contains("\njobs_at_once         4              set here\n"), "{set}");
    assert!(set.contains("\nretention            daily: 3       set here\n"), "{set}");
    assert_eq!(scene.json("settings unset jobs_at_once")[0]["settings"]["jobs_at_once"]["value"], 8);
    assert!(scene.fails("settings set jobs_at_one=4").contains("jobs_at_once"));
    assert!(scene.fails("settings set jobs_at_once").contains("NAME=VALUE"));
    assert!(scene.fails("settings unset nothing").contains("nothing"));
}

fn set_secret(scene: &Scene, name: &str, secret: &str) -> Output {
    let mut command = scene.command();
    command.args(["secret", "set", name]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(secret.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_secret_goes_to_the_server_and_never_comes_back() {
    let scene = Scene::new();
    assert_eq!(scene.say("secret list"), "0 secrets\n");
    let said = printed(0, &set_secret(&scene, "s3-key", "hunter2\n"));
    assert_eq!(said, "secret s3-key sealed: write sealed:s3-key where it is needed\n");
    let file = scene.write("token", "x\n");
    scene.say(&format!("secret set token --file {file}"));
    assert_eq!(scene.say("secret list"), "s3-key\ntoken\n2 secrets\n");
    assert_eq!(scene.json("secret list")[0][1], "token");
    scene.say("repository add main /srv --password-source sealed:s3-key --no-prepare");
    assert!(scene.fails("secret remove s3-key --yes").contains("repository main"));
    assert!(scene.fails("secret remove token").contains("say --yes"));
    assert_eq!(scene.say("secret remove token --yes"), "secret token removed\n");
    assert!(scene.fails("secret remove token --yes").contains("token"));
    assert!(sentence(1, &set_secret(&scene, "empty", "\n")).contains("empty"));
    assert!(sentence(1, &set_secret(&scene, "a/b", "x")).contains("letters, digits"));
    let large = sentence(1, &set_secret(&scene, "large", &"x".repeat(70_000)));
    assert!(large.contains("65536 bytes"), "{large}");
    assert!(scene.fails("secret set x --file none").contains("none"));
}

#[test]
fn a_server_that_answers_is_remembered_for_its_owner_alone() {
    let scene = Scene::new();
    let without = |line: &str| scene.command().env_remove("HOLDFAST_SERVER").args(line.split(' ')).output().unwrap();
    let said = printed(0, &without(&format!("login {}/", scene.address())));
    let path = scene.path("config/holdfast/login.toml");
    assert_eq!(said, format!("{} answers, and is remembered in {}\n", scene.address(), path.display()));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(printed(0, &without("client list")), "0 clients\n");
    // What is said comes first, then the environment, then what is remembered.
    let nobody = "http://127.0.0.1:1";
    let said = scene.command().env("HOLDFAST_SERVER", nobody).args(["client", "list"]).output().unwrap();
    assert!(sentence(1, &said).contains(nobody));
    let said = scene.run(["client", "list", "--server", nobody]);
    assert!(sentence(1, &said).contains(nobody));
    assert!(sentence(1, &without(&format!("login {nobody}"))).contains(nobody));
    assert_eq!(printed(0, &without("client list")), "0 clients\n", "one that does not answer is not remembered");
    std::fs::write(&path, "server = 5").unwrap();
    assert!(sentence(1, &without("client list")).contains("call `holdfast login URL` again"));
}
