//! How borg is told what to do. Its snapshots have names: `s1`, `s2`, … Over SSH it talks to a borg on the server.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Action, Home, Scene};

pub(super) fn arguments(command: &mut Command, action: &Action<'_>, scene: &Scene<'_>) -> Result<bool> {
    let home = scene.home;
    let program = Path::new(command.get_program()).to_owned();
    command.env("BORG_PASSPHRASE", Home::PASSWORD).env("BORG_BASE_DIR", home.state());
    command.env("BORG_CACHE_DIR", home.cache());
    let repository = match scene.sshd {
        Some(sshd) => {
            command.env("BORG_RSH", sshd.ssh_command()).env("BORG_REMOTE_PATH", program);
            format!("ssh://{}:{}{}", sshd.destination(), sshd.port(), home.repository().display())
        }
        None => home.repository().display().to_string(),
    };
    let archive = |number: u64| format!("{repository}::s{number}");
    match action {
        Action::Init => command.args(["init", "--encryption", "repokey", &repository]),
        Action::Open => command.args(["list", &repository]),
        Action::Backup { source } => command.arg("create").arg(archive(home.next_snapshot()?)).arg(source),
        Action::Restore { part, target, sparse, .. } => {
            // Where to is where it runs; it strips as many names as lead to the directory.
            let names = part.components().count() - 1;
            command.arg("extract").args(sparse.then_some("--sparse"));
            command.args(["--strip-components", &names.to_string()]);
            command.arg(archive(home.last_snapshot())).arg(inside(part)).current_dir(target)
        }
        Action::Check => command.args(["check", "--verify-data", &repository]),
        Action::Forget { keep } => command.args(["prune", "--keep-last", &keep.to_string(), &repository]),
        Action::Prune => command.args(["compact", &repository]),
        Action::List => command.args(["list", &repository]),
        Action::Ls { dir, .. } => command.arg("list").arg(archive(home.last_snapshot())).arg(inside(dir)),
    };
    Ok(true)
}

/// The path as borg has it: without the slash that it begins with.
fn inside(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}
