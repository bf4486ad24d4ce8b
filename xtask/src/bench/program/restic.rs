//! How restic is told what to do. Over SSH it writes to the server by SFTP.

use std::process::Command;

use super::{Action, Scene, latest};

pub(super) fn arguments(command: &mut Command, action: &Action<'_>, scene: &Scene<'_>) -> bool {
    let home = scene.home;
    let repository = home.repository().display().to_string();
    match scene.sshd {
        Some(sshd) => {
            let ssh = format!("sftp.command={} {} -s sftp", sshd.ssh_command(), sshd.destination());
            command.args(["-o", &ssh, "-r", &format!("sftp:{}:{repository}", sshd.destination())]);
        }
        None => {
            command.args(["-r", &repository]);
        }
    }
    command.arg("--password-file").arg(home.password_file()).arg("--cache-dir").arg(home.cache());
    match action {
        Action::Init => command.arg("init"),
        Action::Open => command.args(["cat", "config"]),
        Action::Backup { source } => command.arg("backup").arg(source),
        Action::Restore { part, target, sparse, .. } => {
            command.arg("restore").args(sparse.then_some("--sparse")).arg(latest(part)).arg("--target").arg(target)
        }
        Action::Check => command.args(["check", "--read-data"]),
        Action::Forget { keep } => command.args(["forget", "--keep-last", &keep.to_string()]),
        Action::Prune => command.arg("prune"),
        Action::List => command.arg("snapshots"),
        Action::Ls { dir, .. } => command.args(["ls", "latest"]).arg(dir),
    };
    true
}
