//! Runs one work: everything is set up, then the programs take turns, A B A B, so that whatever else happens on the
//! machine hits all of them alike.

mod base;
mod task;
mod yard;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use holdfast_testkit::Sshd;

use super::corpus::{Change, Corpora, Corpus, Made, remove};
use super::home::Home;
use super::interrupt::Interrupt;
use super::measure::{Meter, Run};
use super::program::{Kind, Program, Scene};
use super::results::{Contestant, WorkResult, load};
use super::work::{Task, Work};

/// What every work needs.
pub(super) struct Stage<'a> {
    /// Ours first.
    pub(super) programs: Vec<Program>,
    pub(super) corpora: Corpora<'a>,
    pub(super) agents: PathBuf,
    /// The program that measures the engine by itself, if a work needs it.
    pub(super) engine: Option<PathBuf>,
    pub(super) pairs: usize,
    pub(super) interrupt: &'a Interrupt,
    /// Everything of this process; removed at the end.
    pub(super) dir: PathBuf,
    /// Started when it is first needed.
    sshd: Option<Sshd>,
    /// Which base each program's home now holds.
    bases: BTreeMap<Kind, String>,
    /// A small tree instead of the real source.
    quick: bool,
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.dir) {
            eprintln!("warning: {error:#}");
        }
    }
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        programs: Vec<Program>,
        corpora: Corpora<'a>,
        agents: PathBuf,
        engine: Option<PathBuf>,
        pairs: usize,
        quick: bool,
    ) -> Result<Self> {
        let dir = corpora.root.join(format!("run-{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let interrupt = corpora.interrupt;
        let bases = BTreeMap::new();
        Ok(Self { programs, corpora, agents, engine, pairs, interrupt, dir, sshd: None, bases, quick })
    }

    /// Prepares and measures; none if nobody can do this work.
    pub(super) fn run(&mut self, work: &Work) -> Result<Option<WorkResult>> {
        let corpus = if self.quick && work.corpus == Corpus::Source { Corpus::SmallSource } else { work.corpus };
        eprintln!("\n== {}: {} ({})", work.name, work.title, corpus.name());
        if work.ssh && !self.start_sshd() {
            eprintln!("skipped: there is no sshd on this machine (Debian's openssh-server)");
            return Ok(None);
        }
        self.forget_others(work)?;
        let made = self.corpora.ensure(corpus)?;
        let mut result = WorkResult::new(&made)?;
        result.contestants = match work.task {
            Task::Yardsticks(yardsticks) => self.run_yardsticks(yardsticks, &made)?,
            _ => self.run_programs(work, &made)?,
        };
        result.load_after = load();
        Ok((!result.contestants.is_empty()).then_some(result))
    }

    fn run_programs(&mut self, work: &Work, made: &Made) -> Result<Vec<Contestant>> {
        let able = self.able(work, made)?;
        let able = self.prepare_bases(work, made, able)?;
        if able.is_empty() {
            return Ok(Vec::new());
        }
        let change = self.change_for_all(work, made)?;
        let mut contestants: Vec<Contestant> = able.iter().map(Contestant::of).collect();
        let done = self.rounds(work, made, &able, &mut contestants);
        if let Some(change) = change {
            self.corpora.take_back(made, change)?;
        }
        done?;
        self.finish_bases(work, &able)?;
        // Whoever failed has fewer runs than rounds.
        contestants.retain(|contestant| contestant.runs.len() == self.pairs);
        Ok(contestants)
    }

    /// All runs, in turns. A peer that fails is named and left out from then on; when ours fails, the work has failed.
    fn rounds(&self, work: &Work, made: &Made, able: &[Program], contestants: &mut [Contestant]) -> Result<()> {
        for round in 1..=self.pairs {
            for (program, contestant) in able.iter().zip(&mut *contestants) {
                if contestant.runs.len() + 1 < round {
                    continue;
                }
                let Some(run) = self.unless_a_peer_fails(program, self.run_once(work, made, program))? else {
                    continue;
                };
                let (wall, cpu, peak) = (run.wall, run.cpu(), run.peak() >> 20);
                let name = program.kind.name();
                eprintln!("{round}/{} {name:10} {wall:8.3} s   CPU {cpu:8.3} s   {peak:5} MiB", self.pairs);
                contestant.runs.push(run);
            }
        }
        Ok(())
    }

    /// A peer's failure is said and counts for nothing; ours, and an interruption, end the work.
    fn unless_a_peer_fails<T>(&self, program: &Program, done: Result<T>) -> Result<Option<T>> {
        match done {
            Err(error) if program.kind != Kind::Holdfast && !self.interrupt.came() => {
                eprintln!("{} is left out: {error:#}", program.kind.name());
                Ok(None)
            }
            done => done.map(Some),
        }
    }

    /// The programs that can do this work; the others are named.
    fn able(&self, work: &Work, made: &Made) -> Result<Vec<Program>> {
        let mut able = Vec::new();
        for program in &self.programs {
            match self.cannot(work, made, program)? {
                None => able.push(program.clone()),
                Some(why) => eprintln!("{} is left out: {why}", program.kind.name()),
            }
        }
        Ok(able)
    }

    /// Changes the corpus once for all runs, where every run starts from a copy of what was backed up before.
    fn change_for_all(&self, work: &Work, made: &Made) -> Result<Option<Change>> {
        let for_all = matches!(work.task, Task::Changed) && work.keeps();
        if for_all { self.corpora.change(made, 1).map(Some) } else { Ok(None) }
    }

    fn start_sshd(&mut self) -> bool {
        if self.sshd.is_none() {
            self.sshd = Sshd::builder().config("Subsystem sftp internal-sftp").start();
        }
        self.sshd.is_some()
    }

    fn home(&self, kind: Kind) -> Home {
        Home::new(self.dir.join(kind.name()))
    }

    fn scene<'b>(&'b self, work: &Work, home: &'b Home) -> Scene<'b> {
        Scene { home, sshd: self.sshd.as_ref().filter(|_| work.ssh), agents: &self.agents }
    }

    fn meter(&self, work: &Work) -> Meter<'_> {
        let sshd = self.sshd.as_ref().filter(|_| work.ssh).map(Sshd::pid);
        Meter { interrupt: self.interrupt, sshd }
    }

    fn log(&self) -> PathBuf {
        self.dir.join("log")
    }
}

/// What a run of ours says about itself beyond what can be measured from outside.
fn add_traffic(run: &mut Run, output: &str) {
    if let Some((received, sent)) = super::program::traffic(output)
        && received > 0
    {
        (run.received, run.sent) = (Some(received), Some(sent));
    }
}
