//! How bupstash is told what to do. Its snapshots have names: `s1`, `s2`, …; it has a key file and no password, and it
//! cannot verify what is stored. Over SSH it talks to a bupstash on the server.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Action, Scene};
use crate::command::output;

pub(super) fn arguments(command: &mut Command, action: &Action<'_>, scene: &Scene<'_>) -> Result<bool> {
    let home = scene.home;
    let program = Path::new(command.get_program()).to_owned();
    let key = home.path().join("key");
    match scene.sshd {
        Some(sshd) => {
            let (ssh, to, at) = (sshd.ssh_command(), sshd.destination(), home.repository());
            let serve = format!("{ssh} {to} {} serve {}", program.display(), at.display());
            command.env("BUPSTASH_REPOSITORY_COMMAND", serve);
        }
        None => {
            command.env("BUPSTASH_REPOSITORY", home.repository());
        }
    }
    command.env("BUPSTASH_KEY", &key).env("BUPSTASH_QUERY_CACHE", home.cache().join("queries"));
    let snapshot = |number: u64| format!("name=s{number}");
    match action {
        Action::Init => {
            output(Command::new(&program).args(["new-key", "-o"]).arg(&key)).context("cannot make a key")?;
            command.arg("init")
        }
        Action::Open | Action::List => command.arg("list"),
        Action::Backup { source } => {
            let name = snapshot(home.next_snapshot()?);
            command.args(["put", "--send-log"]).arg(home.state().join("send-log")).arg(name).arg("::").arg(source)
        }
        Action::Restore { source, part, target, .. } => {
            // What the others restore without being asked.
            command.args(["restore", "--ownership", "--xattrs", "--into"]).arg(target);
            if part != source {
                command.arg("--pick").arg(part.strip_prefix(source).unwrap_or(part));
            }
            command.arg(snapshot(home.last_snapshot()))
        }
        Action::Check => return Ok(false),
        Action::Forget { keep } => {
            let old: Vec<String> = (1..=home.last_snapshot().saturating_sub(*keep)).map(snapshot).collect();
            command.args(["rm", "--allow-many", &old.join(" or ")])
        }
        Action::Prune => command.arg("gc"),
        Action::Ls { source, dir } => {
            command.args(["list-contents", "--pick"]).arg(dir.strip_prefix(source).unwrap_or(dir));
            command.arg(snapshot(home.last_snapshot()))
        }
    };
    Ok(true)
}
