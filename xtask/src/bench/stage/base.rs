//! The repositories that works start from. They are made untimed, one for each program.

use anyhow::{Context, Result, ensure};

use super::{Stage, remove};
use crate::bench::corpus::{Change, Made};
use crate::bench::program::{Action, Kind, Program};
use crate::bench::work::{Task, Work};
use crate::command::output;

/// Snapshots before half of them are forgotten.
const TWENTY: u64 = 20;

/// Snapshots to be listed.
const MANY: usize = 10_000;

impl Stage<'_> {
    /// Why a program cannot do this work; none if it can.
    pub(super) fn cannot(&self, work: &Work, made: &Made, program: &Program) -> Result<Option<&'static str>> {
        if matches!(work.task, Task::List) && !program.reads_restic_format() {
            return Ok(Some("there is no cheap way to give it 10,000 snapshots"));
        }
        if matches!(work.task, Task::LsOpened) && program.kind != Kind::Holdfast {
            return Ok(Some("no command of it keeps a repository open"));
        }
        // Nothing is run: this only asks for the command.
        let home = self.home(program.kind);
        let path = made.path.as_path();
        let action = match work.task {
            Task::Check => Action::Check,
            // Every program can back up, if it can reach the repository.
            _ => Action::List,
        };
        let action = if matches!(work.task, Task::Ls) { Action::Ls { source: path, dir: path } } else { action };
        let can = program.command(&action, &self.scene(work, &home))?.is_some();
        Ok((!can).then_some("it has no command for this"))
    }

    /// Drops what no longer serves: the repositories of another base.
    pub(super) fn forget_others(&mut self, work: &Work) -> Result<()> {
        let base = work.base();
        for kind in Kind::PEERS.into_iter().chain([Kind::Holdfast]) {
            if self.bases.get(&kind) != Some(&base) {
                self.bases.remove(&kind);
                self.home(kind).drop_all()?;
            }
        }
        Ok(())
    }

    /// Makes what is not there yet; gives those programs that could.
    pub(super) fn prepare_bases(
        &mut self,
        work: &Work,
        made: &Made,
        mut programs: Vec<Program>,
    ) -> Result<Vec<Program>> {
        let base = work.base();
        if work.ssh {
            self.warm_up(work, &programs)?;
        }
        match work.task {
            Task::Prune => self.make_twenty(work, made, &programs)?,
            Task::List => self.make_many_snapshots(work, &programs)?,
            Task::First => return Ok(programs),
            _ if !work.keeps() => return Ok(programs),
            _ => {
                let mut able = Vec::new();
                for program in programs {
                    let prepared = self.prepare_base(work, made, &program, &base);
                    if self.unless_a_peer_fails(&program, prepared)?.is_some() {
                        able.push(program);
                    }
                }
                programs = able;
            }
        }
        for program in &programs {
            self.bases.insert(program.kind, base.clone());
            if work.resets() {
                self.home(program.kind).save(&base)?;
            }
        }
        Ok(programs)
    }

    /// One backup, or an empty repository, unless it is there.
    fn prepare_base(&self, work: &Work, made: &Made, program: &Program, base: &str) -> Result<()> {
        if self.bases.get(&program.kind).is_some_and(|held| held == base) {
            return Ok(());
        }
        eprintln!("preparing {}", program.kind.name());
        self.start_over(work, program)?;
        if matches!(work.task, Task::Open) {
            return Ok(());
        }
        self.untimed(work, program, &Action::Backup { source: &made.path })
    }

    /// What is left for the works that follow.
    pub(super) fn finish_bases(&mut self, work: &Work, programs: &[Program]) -> Result<()> {
        for program in programs {
            match work.task {
                // The last first backup is what the next works start from.
                Task::First if work.keeps() => {
                    self.bases.insert(program.kind, work.base());
                }
                _ if work.resets() || !work.keeps() => {
                    self.bases.remove(&program.kind);
                    self.home(program.kind).drop_all()?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A new, empty repository.
    pub(super) fn start_over(&self, work: &Work, program: &Program) -> Result<()> {
        self.home(program.kind).drop_all()?;
        self.home(program.kind).clear()?;
        self.untimed(work, program, &Action::Init)
    }

    /// Runs a command that is not measured.
    pub(super) fn untimed(&self, work: &Work, program: &Program, action: &Action<'_>) -> Result<()> {
        self.interrupt.check()?;
        let home = self.home(program.kind);
        let command = program.command(action, &self.scene(work, &home))?;
        let mut command = command.with_context(|| format!("{} cannot do this", program.kind.name()))?;
        self.meter(work).run(&mut command, &self.log()).map(drop)
    }

    /// One session beforehand: after it our agent lies in the sessions' home.
    fn warm_up(&self, work: &Work, programs: &[Program]) -> Result<()> {
        let Some(ours) = programs.iter().find(|program| program.kind == Kind::Holdfast) else { return Ok(()) };
        if self.bases.contains_key(&ours.kind) {
            return Ok(());
        }
        let small = self.dir.join("small");
        std::fs::create_dir_all(&small).with_context(|| format!("cannot make {}", small.display()))?;
        self.start_over(work, ours)?;
        self.untimed(work, ours, &Action::Backup { source: &small })
    }

    /// Twenty backups of a tree that changes in between, the same for all; then the older half is forgotten.
    fn make_twenty(&mut self, work: &Work, made: &Made, programs: &[Program]) -> Result<()> {
        for program in programs {
            self.start_over(work, program)?;
        }
        let mut changes: Option<Change> = None;
        let mut make = || -> Result<()> {
            for number in 0..TWENTY {
                eprintln!("preparing snapshot {} of {TWENTY}", number + 1);
                if number > 0 {
                    let change = self.corpora.change(made, number)?;
                    match &mut changes {
                        Some(changes) => changes.and(change),
                        none => *none = Some(change),
                    }
                }
                for program in programs {
                    self.untimed(work, program, &Action::Backup { source: &made.path })?;
                }
            }
            programs.iter().try_for_each(|program| self.untimed(work, program, &Action::Forget { keep: TWENTY / 2 }))
        };
        let done = make();
        if let Some(changes) = changes {
            self.corpora.take_back(made, changes)?;
        }
        done
    }

    /// Ten snapshots by restic, which its own `rewrite` doubles until there are enough; the others of its format get a
    /// copy of that repository.
    fn make_many_snapshots(&mut self, work: &Work, programs: &[Program]) -> Result<()> {
        let base = work.base();
        if programs.iter().all(|program| self.bases.get(&program.kind) == Some(&base)) {
            return Ok(());
        }
        let restic = programs.iter().find(|program| program.kind == Kind::Restic);
        let restic = restic.context("restic is needed to make so many snapshots: give it with --peers")?;
        let small = self.dir.join("small");
        std::fs::create_dir_all(&small).with_context(|| format!("cannot make {}", small.display()))?;
        self.start_over(work, restic)?;
        for _ in 0..10 {
            self.untimed(work, restic, &Action::Backup { source: &small })?;
        }
        let mut count = 10;
        while count < MANY {
            eprintln!("preparing {count} snapshots of {MANY}");
            self.double(work, restic, MANY - count)?;
            count = (count * 2).min(MANY);
        }
        let home = self.home(Kind::Restic);
        home.save("snapshots")?;
        for program in programs.iter().filter(|program| program.kind != Kind::Restic) {
            self.home(program.kind).adopt(&home, "snapshots")?;
        }
        remove(&small)
    }

    /// Makes a copy of all snapshots, or of as many as are named by `most`, for another host.
    fn double(&self, work: &Work, restic: &Program, most: usize) -> Result<()> {
        let home = self.home(Kind::Restic);
        let command = || {
            let list = restic.command(&Action::List, &self.scene(work, &home))?;
            list.context("restic lists snapshots")
        };
        let listed = output(command()?.arg("--json"))?;
        let snapshots: Vec<serde_json::Value> = serde_json::from_str(&listed).context("restic gave no list")?;
        let ids: Vec<&str> = snapshots.iter().filter_map(|snapshot| snapshot["id"].as_str()).take(most).collect();
        ensure!(!ids.is_empty(), "restic lists no snapshot");
        let mut rewrite = std::process::Command::new(&restic.file);
        rewrite.arg("-r").arg(home.repository()).arg("--password-file").arg(home.password_file());
        rewrite.arg("--cache-dir").arg(home.cache());
        rewrite.args(["rewrite", "--new-host", &format!("host-{}", ids.len())]).args(ids);
        self.meter(work).run(&mut rewrite, &self.log()).map(drop)
    }
}
