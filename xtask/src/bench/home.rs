//! What one program keeps: its repository, cache, state and password, in one folder that can be saved and put back.
//!
//! The folder is always at the same place, whatever was put back into it: some programs remember where things were.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::corpus::{remove, scan};
use crate::command::output;

/// The folder of one program.
#[derive(Debug, Clone)]
pub(super) struct Home {
    /// Holds the current state and the saved ones.
    dir: PathBuf,
}

impl Home {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The current state.
    pub(super) fn path(&self) -> PathBuf {
        self.dir.join("home")
    }

    pub(super) fn repository(&self) -> PathBuf {
        self.path().join("repository")
    }

    pub(super) fn cache(&self) -> PathBuf {
        self.path().join("cache")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    pub(super) fn password_file(&self) -> PathBuf {
        self.path().join("password")
    }

    /// The password of every repository here: nothing secret lies in them.
    pub(super) const PASSWORD: &str = "correct horse battery staple";

    /// Empties it, but for the password.
    pub(super) fn clear(&self) -> Result<()> {
        remove(&self.path())?;
        for dir in [self.path(), self.cache(), self.state()] {
            std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        }
        let path = self.password_file();
        std::fs::write(&path, format!("{}\n", Self::PASSWORD))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Keeps the current state under a name.
    pub(super) fn save(&self, name: &str) -> Result<()> {
        remove(&self.saved(name))?;
        copy(&self.path(), &self.saved(name))
    }

    /// Makes a saved state the current one.
    pub(super) fn reset(&self, name: &str) -> Result<()> {
        remove(&self.path())?;
        copy(&self.saved(name), &self.path())
    }

    /// Removes everything, saved states too.
    pub(super) fn drop_all(&self) -> Result<()> {
        remove(&self.dir)
    }

    /// Takes over a state that another program of the same format has saved. The cache is not its own.
    pub(super) fn adopt(&self, other: &Self, name: &str) -> Result<()> {
        std::fs::create_dir_all(&self.dir).with_context(|| format!("cannot make {}", self.dir.display()))?;
        self.clear()?;
        copy(&other.saved(name).join("repository"), &self.repository())
    }

    /// What the repository takes, in bytes.
    pub(super) fn repository_size(&self) -> Result<u64> {
        Ok(scan::extent(&self.repository())?.bytes)
    }

    /// A number for the next snapshot, for programs whose snapshots need names: 1, 2, 3, …
    pub(super) fn next_snapshot(&self) -> Result<u64> {
        let next = self.last_snapshot() + 1;
        let path = self.path().join("count");
        std::fs::write(&path, next.to_string()).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(next)
    }

    /// The number of the newest snapshot; 0 if there is none.
    pub(super) fn last_snapshot(&self) -> u64 {
        let count = std::fs::read_to_string(self.path().join("count"));
        count.ok().and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    fn saved(&self, name: &str) -> PathBuf {
        self.dir.join(format!("saved-{name}"))
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    output(Command::new("cp").arg("-a").arg(from).arg(to)).map(drop).context("cannot copy a program's folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_state_comes_back_at_the_same_place() {
        let dir = holdfast_testkit::temp_dir();
        let home = Home::new(dir.path().join("borg"));
        home.clear().unwrap();
        assert_eq!(home.last_snapshot(), 0);
        assert_eq!(home.next_snapshot().unwrap(), 1);
        home.save("one").unwrap();
        assert_eq!(home.next_snapshot().unwrap(), 2);
        home.reset("one").unwrap();
        assert_eq!(home.next_snapshot().unwrap(), 2);
        assert!(home.password_file().exists());
        home.drop_all().unwrap();
        assert!(!home.path().exists() && !home.saved("one").exists());
    }
}
