//! The yardsticks take turns as the programs do.

use std::process::Command;

use anyhow::{Context, Result};

use super::{Stage, remove};
use crate::bench::corpus::Made;
use crate::bench::measure::{Meter, Run};
use crate::bench::results::Contestant;
use crate::bench::yardstick::Yardstick;
use crate::command::output;

impl Stage<'_> {
    pub(super) fn run_yardsticks(&self, yardsticks: &[Yardstick], made: &Made) -> Result<Vec<Contestant>> {
        let mut contestants: Vec<Contestant> = Vec::new();
        for round in 1..=self.pairs {
            for yardstick in yardsticks {
                let run = self.run_yardstick(yardstick, made)?;
                let (name, wall, cpu) = (yardstick.name, run.wall, run.cpu());
                eprintln!("{round}/{} {name:17} {wall:8.3} s   CPU {cpu:8.3} s", self.pairs);
                match contestants.iter_mut().find(|known| known.name == name) {
                    Some(known) => known.runs.push(run),
                    None => {
                        contestants.push(Contestant { name: name.to_owned(), version: String::new(), runs: vec![run] })
                    }
                }
            }
        }
        Ok(contestants)
    }

    fn run_yardstick(&self, yardstick: &Yardstick, made: &Made) -> Result<Run> {
        let out = self.dir.join("out");
        remove(&out)?;
        std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
        let ssh = self.sshd.as_ref().map(|sshd| format!("{} {}", sshd.ssh_command(), sshd.destination()));
        let shell = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]).env("SOURCE", &made.path).env("OUT", &out);
            command.env("SSH", ssh.clone().unwrap_or_default());
            command
        };
        output(&mut shell(yardstick.prepare))?;
        let meter = Meter { interrupt: self.interrupt, sshd: None };
        let run = meter.run(&mut shell(yardstick.script), &self.log())?;
        remove(&out)?;
        Ok(run)
    }
}
