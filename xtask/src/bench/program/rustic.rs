//! How rustic is told what to do. It reaches no SSH server with a key and a port of the caller's choice.

use std::process::Command;

use super::{Action, Scene, latest};

pub(super) fn arguments(command: &mut Command, action: &Action<'_>, scene: &Scene<'_>) -> bool {
    if scene.sshd.is_some() {
        return false;
    }
    let home = scene.home;
    command.args(["--no-progress", "-r"]).arg(home.repository());
    command.arg("--password-file").arg(home.password_file()).arg("--cache-dir").arg(home.cache());
    match action {
        Action::Init => command.arg("init"),
        Action::Open => command.args(["cat", "config"]),
        Action::Backup { source } => command.arg("backup").arg(source),
        Action::Restore { part, target, sparse, .. } => {
            let sparse = sparse.then_some(["--sparse", "by-content"]).into_iter().flatten();
            command.arg("restore").args(sparse).arg(latest(part)).arg(target)
        }
        Action::Check => command.args(["check", "--read-data"]),
        Action::Forget { keep } => command.args(["forget", "--keep-last", &keep.to_string()]),
        // By default it would only mark and wait for a day.
        Action::Prune => command.args(["prune", "--instant-delete"]),
        Action::List => command.arg("snapshots"),
        Action::Ls { dir, .. } => command.args(["ls", &latest(dir)]),
    };
    true
}
