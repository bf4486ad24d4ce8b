//! One run of one program: what is put in place before, what is timed, what is looked at afterwards.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::{Stage, add_traffic, remove};
use crate::bench::corpus::scan::{self, Extent};
use crate::bench::corpus::{Corpus, Made};
use crate::bench::home::Home;
use crate::bench::measure::Run;
use crate::bench::program::{Action, Kind, Program};
use crate::bench::work::{Task, Work};
use crate::command::output;

impl Stage<'_> {
    /// Prepares, measures and clears away.
    pub(super) fn run_once(&self, work: &Work, made: &Made, program: &Program) -> Result<Run> {
        let home = self.home(program.kind);
        let source = made.path.as_path();
        match work.task {
            Task::First => self.start_over(work, program)?,
            _ if !work.keeps() => {
                self.start_over(work, program)?;
                self.untimed(work, program, &Action::Backup { source })?;
            }
            _ if work.resets() => home.reset(&work.base())?,
            _ => {}
        }
        let target = self.dir.join("restored");
        let sparse = work.corpus == Corpus::Image;
        let hundred;
        let mut run = match work.task {
            Task::Open => self.timed(work, program, &Action::Open)?,
            Task::First | Task::Again => self.timed(work, program, &Action::Backup { source })?,
            Task::Changed if work.keeps() => self.timed(work, program, &Action::Backup { source })?,
            Task::Changed => {
                let change = self.corpora.change(made, 1)?;
                let run = self.timed(work, program, &Action::Backup { source });
                self.corpora.take_back(made, change)?;
                run?
            }
            Task::Restore => {
                let action = Action::Restore { source, part: source, target: &target, sparse };
                self.restored(work, program, &action, &made.extent)?
            }
            Task::RestoreDir => {
                hundred = scan::hundred_files(source)?.0;
                let action = Action::Restore { source, part: &hundred, target: &target, sparse };
                self.restored(work, program, &action, &scan::extent(&hundred)?)?
            }
            Task::Check => self.timed(work, program, &Action::Check)?,
            Task::Prune => self.timed(work, program, &Action::Prune)?,
            Task::List => self.timed(work, program, &Action::List)?,
            Task::Ls => self.timed(work, program, &Action::Ls { source, dir: &leaf(source)? })?,
            Task::LsOpened => self.listed_opened(source, &home)?,
            Task::Yardsticks(_) => bail!("a yardstick is no program's work"),
        };
        run.repository = Some(home.repository_size()?);
        if !work.keeps() {
            home.drop_all()?;
        }
        Ok(run)
    }

    fn timed(&self, work: &Work, program: &Program, action: &Action<'_>) -> Result<Run> {
        let home = self.home(program.kind);
        let command = program.command(action, &self.scene(work, &home))?;
        let mut command = command.with_context(|| format!("{} cannot do this", program.kind.name()))?;
        let mut run = self.meter(work).run(&mut command, &self.log())?;
        if program.kind == Kind::Holdfast {
            add_traffic(&mut run, &std::fs::read_to_string(self.log()).unwrap_or_default());
        }
        Ok(run)
    }

    /// The engine opens the repository and lists a directory; what counts is how long another one takes then.
    fn listed_opened(&self, source: &Path, home: &Home) -> Result<Run> {
        let (dir, files) = scan::hundred_files(source)?;
        let other = another(&dir)?;
        let engine = self.engine.as_ref().context("the program that measures the engine was built")?;
        let password =
            std::fs::read_to_string(home.password_file()).context("cannot read the password of a repository")?;
        let mut command = Command::new(engine);
        command.arg("ls").arg(home.repository()).arg("-").arg(password.trim_end()).args([&other, &dir]);
        let shown = output(&mut command)?;
        let figures: serde_json::Value = serde_json::from_str(&shown).context("the example prints JSON")?;
        ensure!(figures["entries"].as_u64() == Some(files), "{} was not listed whole: {figures}", dir.display());
        let wall = figures["second_seconds"].as_f64().context("the example tells what the second time took")?;
        Ok(Run { wall, ..Run::default() })
    }

    /// A restore, into an empty folder; what is not all there was no restore.
    fn restored(&self, work: &Work, program: &Program, action: &Action<'_>, expected: &Extent) -> Result<Run> {
        let target = self.dir.join("restored");
        remove(&target)?;
        std::fs::create_dir_all(&target).with_context(|| format!("cannot make {}", target.display()))?;
        let mut run = self.timed(work, program, action)?;
        let found = scan::extent(&target)?;
        if (found.files, found.bytes) != (expected.files, expected.bytes) {
            let (name, files, bytes) = (program.kind.name(), found.files, found.bytes);
            bail!("{name} restored {files} files with {bytes} bytes, of {} with {}", expected.files, expected.bytes);
        }
        run.allocated = Some(found.allocated);
        remove(&target)?;
        Ok(run)
    }
}

/// A directory beside this one.
fn another(dir: &Path) -> Result<PathBuf> {
    let beside = dir.parent().context("a directory of the corpus lies in another")?;
    let entries = std::fs::read_dir(beside).with_context(|| format!("cannot list {}", beside.display()))?;
    let mut others = entries.flatten().map(|entry| entry.path()).filter(|path| path != dir && path.is_dir());
    others.next().with_context(|| format!("there is no directory beside {}", dir.display()))
}

/// The directory to list: the one with a hundred files.
fn leaf(source: &Path) -> Result<PathBuf> {
    scan::hundred_files(source).map(|(path, _)| path)
}
