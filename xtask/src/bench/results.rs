//! What was measured, kept between runs: each work's newest result, with all that is needed to judge it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::corpus::Made;
use super::corpus::scan::Extent;
use super::machine::Machine;
use super::measure::Run;
use super::program::{Kind, Program};
use crate::command::output;

/// All results of one machine.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Book {
    pub(super) machine: Machine,
    pub(super) works: BTreeMap<String, WorkResult>,
}

/// One work's.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct WorkResult {
    /// The day, as `2026-11-21`.
    pub(super) date: String,
    pub(super) corpus: String,
    pub(super) description: String,
    pub(super) extent: Extent,
    /// The machine's load average of a minute before and after: what else ran shows in the first.
    pub(super) load_before: f64,
    pub(super) load_after: f64,
    pub(super) contestants: Vec<Contestant>,
}

/// What one program took.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Contestant {
    pub(super) name: String,
    pub(super) version: String,
    /// In the order of the rounds: the n-th of each program belong together.
    pub(super) runs: Vec<Run>,
}

impl Contestant {
    pub(super) fn of(program: &Program) -> Self {
        Self { name: program.kind.name().to_owned(), version: program.version.clone(), runs: Vec::new() }
    }
}

impl WorkResult {
    pub(super) fn new(made: &Made) -> Result<Self> {
        Ok(Self {
            date: output(Command::new("date").args(["-u", "+%F"]))?.trim().to_owned(),
            corpus: made.corpus.name().to_owned(),
            description: made.description.clone(),
            extent: made.extent,
            load_before: load(),
            load_after: 0.0,
            contestants: Vec::new(),
        })
    }

    pub(super) fn of(&self, name: &str) -> Option<&Contestant> {
        self.contestants.iter().find(|contestant| contestant.name == name)
    }

    pub(super) fn ours(&self) -> Option<&Contestant> {
        self.of(Kind::Holdfast.name())
    }

    /// Everybody but us.
    pub(super) fn peers(&self) -> impl Iterator<Item = &Contestant> {
        self.contestants.iter().filter(|contestant| contestant.name != Kind::Holdfast.name())
    }
}

impl Book {
    /// What is kept in a file; empty if there is none, or one of another machine.
    pub(super) fn open(path: &Path, machine: Machine) -> Self {
        let kept = std::fs::read(path).ok().and_then(|text| serde_json::from_slice::<Self>(&text).ok());
        match kept {
            Some(kept) if kept.machine == machine => kept,
            Some(_) => {
                eprintln!("{} holds results of another machine: starting afresh", path.display());
                Self { machine, works: BTreeMap::new() }
            }
            None => Self { machine, works: BTreeMap::new() },
        }
    }

    /// What is kept in a file, whatever machine it is of.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("there are no results in {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} holds no results", path.display()))
    }

    pub(super) fn save(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_vec_pretty(self).context("results are plain data")?;
        text.push(b'\n');
        let new = path.with_extension("json-new");
        std::fs::write(&new, text)
            .and_then(|()| std::fs::rename(&new, path))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// The load average of the last minute.
pub(super) fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0)
}
