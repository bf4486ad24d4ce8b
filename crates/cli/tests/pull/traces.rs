//! What a run leaves on the client, and what the client could see of it.

use std::path::Path;

use holdfast_testkit::{Sshd, process};

use crate::scene::{PASSWORD, Scene};

/// Everything beneath a directory, as paths.
fn everything(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        found.push(path.display().to_string());
        if path.is_dir() && !path.is_symlink() {
            found.extend(everything(&path));
        }
    }
    found
}

/// A host whose sessions have a home of their own.
fn with_home() -> Option<(Scene, std::path::PathBuf)> {
    let home = holdfast_testkit::temp_dir().keep();
    let text = home.to_str().unwrap().to_owned();
    let sshd =
        Sshd::builder().environment("HOME", &text).environment("XDG_CACHE_HOME", format!("{text}/.cache")).start()?;
    Some((Scene::with(sshd, &[])?, home))
}

#[test]
fn nothing_stays_on_the_client_but_the_cached_agent() {
    let Some((scene, home)) = with_home() else { return };
    let tree = scene.tree("source");
    tree.many_files("many", 20, 1);
    scene.backup(tree.root(), &["--ephemeral"]);
    assert_eq!(everything(&home), Vec::<String>::new());
    scene.backup(tree.root(), &[]);
    let left = everything(&home);
    let files: Vec<_> = left.iter().filter(|path| Path::new(path).is_file()).collect();
    assert_eq!(files.len(), 1, "{left:?}");
    assert!(files[0].contains("/holdfast/agent-"), "{left:?}");
    // The second time it is not sent again.
    let third = scene.backup(tree.root(), &[]);
    assert!(third.get("bytes_sent") < 100_000, "{}", third.get("bytes_sent"));
    std::fs::remove_dir_all(home).unwrap();
}

#[test]
fn the_agent_knows_neither_password_nor_repository() {
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    tree.random_file("data", 4 << 20, 2);
    // The agent waits for a reader of this fifo's content no longer than a command that never ends.
    let host = format!("{}:", scene.sshd.destination());
    let mut run =
        scene.command(&["backup", &host, "--command", "echo begun; sleep 600", "--as", "/x"]).spawn().unwrap();
    let mut agent = None;
    process::must_happen("the agent runs", || {
        let sessions = scene.sshd.session_processes();
        agent = sessions
            .into_iter()
            .find(|pid| process::is_running(*pid) && process::command_line(*pid).iter().any(|word| word == "--stdio"));
        agent.is_some()
    });
    let agent = agent.unwrap();
    let repository = scene.path("repository").to_str().unwrap().to_owned();
    for needle in [PASSWORD, &repository] {
        let seen = process::command_line(agent).into_iter().chain(process::environment(agent));
        assert!(seen.into_iter().all(|text| !text.contains(needle)));
        if holdfast_testkit::require_root() {
            assert!(!process::memory_contains(agent, needle.as_bytes()).unwrap(), "{needle}");
        }
    }
    process::signal(run.id(), holdfast_testkit::process::Signal::INT);
    assert_eq!(run.wait().unwrap().code(), Some(130));
    process::must_happen("the agent ends", || !process::is_running(agent));
}
