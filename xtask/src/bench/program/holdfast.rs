//! How ours is told what to do. Over SSH it pulls from the server, and restores onto it.

use std::process::Command;

use super::{Action, Scene, latest};

pub(super) fn arguments(command: &mut Command, action: &Action<'_>, scene: &Scene<'_>) -> bool {
    let home = scene.home;
    command.env("HOLDFAST_AGENTS", scene.agents).env("HOLDFAST_STATE", home.state());
    command.args(["--json", "-r"]).arg(home.repository()).arg("-p").arg(home.password_file());
    let ssh = |command: &mut Command| {
        if let Some(sshd) = scene.sshd {
            command.arg("--ssh").arg(sshd.ssh_command());
        }
    };
    match action {
        Action::Init => command.arg("init"),
        Action::Open => command.args(["key", "list"]),
        Action::Backup { source } => {
            command.arg("backup");
            ssh(command);
            match scene.sshd {
                Some(sshd) => command.arg(sshd.source(source)),
                None => command.arg(source),
            }
        }
        Action::Restore { part, target, .. } => {
            command.arg("restore");
            ssh(command);
            command.arg(latest(part)).arg("--target");
            match scene.sshd {
                Some(sshd) => command.arg(sshd.source(target)),
                None => command.arg(target),
            }
        }
        Action::Check => command.args(["check", "--read-data"]),
        Action::Forget { keep } => command.args(["forget", "--keep-last", &keep.to_string()]),
        Action::Prune => command.arg("prune"),
        Action::List => command.arg("snapshots"),
        Action::Ls { dir, .. } => command.args(["ls", &latest(dir)]),
    };
    true
}

/// What the summary says has come over SSH and gone, in bytes.
pub(in crate::bench) fn traffic(output: &str) -> Option<(u64, u64)> {
    let mut events = output.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let summary = events.rfind(|event| event["message_type"] == "summary")?;
    Some((summary["bytes_received"].as_u64()?, summary["bytes_sent"].as_u64()?))
}
