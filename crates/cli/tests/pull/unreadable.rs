//! Sources, repositories and files of passwords that are not there, or not for us to read.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;

use holdfast_testkit::{Sshd, require_root};

use crate::scene::{Run, Scene};

/// An ordinary user, for programs that are not to be root.
const SOMEBODY: u32 = 61_735;

#[test]
fn what_the_agent_may_not_read_is_named_and_the_rest_is_stored() {
    let Some(sshd) = Sshd::builder().unprivileged_user().start() else { return };
    let Some(scene) = Scene::with(sshd, &[]) else { return };
    std::fs::set_permissions(scene.dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let tree = scene.tree("source");
    tree.file("open", b"for all").file("secret", b"for root").dir("closed").file("closed/x", b"x");
    tree.mode("secret", 0o600).mode("closed", 0o700).mode("", 0o755);
    let run = scene.run(&["backup", &scene.sshd.source(tree.root())]);
    assert_eq!(run.code, Some(3), "{}{}", run.out, run.err);
    for name in ["secret", "closed"] {
        let named = |line: &str| line.starts_with("error: ") && line.contains(&tree.path(name).display().to_string());
        assert!(run.err.lines().any(named), "{name}: {}", run.err);
    }
    assert!(run.out.contains("2 items could not be read") && run.out.contains("saved"), "{}", run.out);
    let listed = scene.run(&["ls", "latest"]).ok().out;
    assert!(listed.contains("source/open"), "{listed}");
    scene.is_sound();
}

#[test]
fn paths_that_are_not_there_are_an_error_and_all_of_them_a_failure() {
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    tree.file("a", b"a");
    let missing = tree.path("missing");
    for at in [&|path: &Path| scene.sshd.source(path), &|path: &Path| path.display().to_string()]
        as [&dyn Fn(&Path) -> String; 2]
    {
        let before = scene.files("snapshots").len();
        // Twice: what is remembered of the first run must not make the second succeed.
        for _ in 0..2 {
            let sentence = scene.run(&["backup", &at(&missing), &at(Path::new("/no/such/path"))]).fails(1);
            assert!(sentence.contains("nothing was stored"), "{sentence}");
        }
        assert_eq!(scene.files("snapshots").len(), before);
        let run = scene.run(&["backup", &at(&tree.path("a")), &at(&missing)]);
        assert_eq!(run.code, Some(3), "{}{}", run.out, run.err);
        assert!(run.err.contains(&missing.display().to_string()), "{}", run.err);
        assert!(run.out.contains("saved"), "{}", run.out);
        assert_eq!(scene.files("snapshots").len(), before + 1);
    }
    scene.is_sound();
}

#[test]
fn a_repository_that_is_not_there_or_is_none() {
    let Some(scene) = Scene::new() else { return };
    std::fs::create_dir(scene.path("empty")).unwrap();
    std::fs::write(scene.path("file"), "x").unwrap();
    for place in ["missing", "empty", "file", "file/beneath"] {
        let place = scene.path(place).display().to_string();
        for verb in [["backup", "/etc"].as_slice(), &["snapshots"], &["restore", "latest", "--target", "never"]] {
            let sentence = scene.run(&[verb, &["-r", &place]].concat()).fails(10);
            assert!(sentence.contains(&place) && sentence.contains("holdfast init"), "{sentence}");
        }
    }
    assert!(!scene.path("missing").exists());
}

#[test]
fn a_repository_that_this_user_may_not_read() {
    if !require_root() {
        return;
    }
    let Some(scene) = Scene::new() else { return };
    std::fs::set_permissions(scene.dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::create_dir(scene.path("theirs")).unwrap();
    for path in ["password", "theirs"] {
        chown(scene.path(path), Some(SOMEBODY), None).unwrap();
    }
    let as_somebody = |arguments: &[&str]| {
        let mut command = scene.command(arguments);
        command.env("HOLDFAST_STATE", scene.path("theirs")).uid(SOMEBODY).gid(SOMEBODY);
        Run::of(command.output().unwrap()).fails(1)
    };
    let sentence = as_somebody(&["snapshots"]);
    assert!(sentence.contains("Permission denied") && sentence.contains("check who may read"), "{sentence}");
    // Readable, but not to be written.
    let everything = [scene.files(""), folders(&scene.path("repository"))].concat();
    for path in everything {
        let mode = if path.is_dir() { 0o755 } else { 0o644 };
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    let sentence = as_somebody(&["backup", "/etc/hostname"]);
    assert!(sentence.contains("locks") && sentence.contains("Permission denied"), "{sentence}");
    scene.is_sound();
}

fn folders(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let beneath = entries.filter(|path| path.is_dir()).flat_map(|path| folders(&path));
    std::iter::once(dir.to_owned()).chain(beneath).collect()
}

#[test]
fn passwords_that_are_wrong_or_cannot_be_had() {
    let Some(scene) = Scene::new() else { return };
    let file = |name: &str, content: &str| {
        std::fs::write(scene.path(name), content).unwrap();
        scene.path(name).display().to_string()
    };
    let (wrong, empty) = (file("wrong", "battery staple"), file("empty", "\n"));
    let run = scene.run(&["snapshots", "-p", &wrong]);
    assert!(!run.err.contains("battery"), "{}", run.err);
    let sentence = run.fails(12);
    assert!(sentence.contains("wrong password") && sentence.contains("check which password"), "{sentence}");
    for (file, part) in [(empty.as_str(), "is empty"), ("/no/such/file", "/no/such/file"), ("/etc", "/etc")] {
        let sentence = scene.run(&["snapshots", "-p", file]).fails(1);
        assert!(sentence.contains("password file") && sentence.contains(part), "{sentence}");
    }
    let mut command = scene.command(&["snapshots"]);
    let sentence = Run::of(command.env_remove("HOLDFAST_PASSWORD_FILE").output().unwrap()).fails(1);
    assert!(sentence.contains("--password-file"), "{sentence}");
    let mut command = scene.command(&["snapshots"]);
    command.env_remove("HOLDFAST_PASSWORD_FILE").env("HOLDFAST_PASSWORD_COMMAND", "exit 3");
    let sentence = Run::of(command.output().unwrap()).fails(1);
    assert!(sentence.contains("exit status: 3"), "{sentence}");
}
