//! The programs that are compared, each in its default, encrypted configuration, with its cache.
//!
//! How each says what is to be done stands in its own file beneath; here is what there is to do.

mod borg;
mod bupstash;
mod find;
mod holdfast;
mod install;
mod restic;
mod rustic;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use holdfast_testkit::Sshd;

use super::home::Home;
pub(super) use find::{at, find};
pub(super) use holdfast::traffic;
pub(super) use install::install;

/// One of the programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Holdfast,
    Restic,
    Rustic,
    Borg,
    Bupstash,
}

impl Kind {
    pub(super) const PEERS: [Self; 4] = [Self::Restic, Self::Rustic, Self::Borg, Self::Bupstash];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Holdfast => "holdfast",
            Self::Restic => "restic",
            Self::Rustic => "rustic",
            Self::Borg => "borg",
            Self::Bupstash => "bupstash",
        }
    }

    pub(super) fn peer(name: &str) -> Option<Self> {
        Self::PEERS.into_iter().find(|kind| kind.name() == name)
    }
}

/// A program that is there.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) kind: Kind,
    pub(super) file: PathBuf,
    pub(super) version: String,
}

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub(super) enum Action<'a> {
    /// Make the repository.
    Init,
    /// Do as little as opening the repository takes.
    Open,
    /// Back up a directory.
    Backup { source: &'a Path },
    /// Restore the newest snapshot of that directory, or of a directory beneath it, into an empty one; where `sparse`,
    /// with holes.
    Restore { source: &'a Path, part: &'a Path, target: &'a Path, sparse: bool },
    /// Read and verify everything.
    Check,
    /// Forget all but the newest snapshots.
    Forget { keep: u64 },
    /// Free what no snapshot needs.
    Prune,
    /// List all snapshots.
    List,
    /// List one directory of the newest snapshot of `source`.
    Ls { source: &'a Path, dir: &'a Path },
}

/// Where it is to be done.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) home: &'a Home,
    /// Over SSH: ours pulls from this server, the others write to it.
    pub(super) sshd: Option<&'a Sshd>,
    /// The agents of ours.
    pub(super) agents: &'a Path,
}

impl Program {
    /// The command, or none if the program cannot do it.
    pub(super) fn command(&self, action: &Action<'_>, scene: &Scene<'_>) -> Result<Option<Command>> {
        let mut command = Command::new(&self.file);
        // Nothing of the user's own set-up is read, and every program's home is its own.
        command.env_clear();
        for name in ["PATH", "LANG", "TMPDIR"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.env("HOME", scene.home.path()).env("XDG_CACHE_HOME", scene.home.cache());
        let can = match self.kind {
            Kind::Holdfast => holdfast::arguments(&mut command, action, scene),
            Kind::Restic => restic::arguments(&mut command, action, scene),
            Kind::Rustic => rustic::arguments(&mut command, action, scene),
            Kind::Borg => borg::arguments(&mut command, action, scene)?,
            Kind::Bupstash => bupstash::arguments(&mut command, action, scene)?,
        };
        Ok(can.then_some(command))
    }

    /// Whether the program reads restic's format.
    pub(super) fn reads_restic_format(&self) -> bool {
        matches!(self.kind, Kind::Holdfast | Kind::Restic | Kind::Rustic)
    }
}

/// `latest:PATH`, as all programs of restic's format write it.
fn latest(path: &Path) -> String {
    format!("latest:{}", path.display())
}

#[cfg(test)]
mod tests;
