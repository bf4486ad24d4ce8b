//! `make run`: the main job, shown on this machine from end to end.
//!
//! A throwaway SSH server plays the host. One real directory is pulled from it into a new repository, twice, listed,
//! restored and compared. All that stays is `./demo`.

mod place;
mod source;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use holdfast_testkit::{CompareOptions, Sshd, compare_trees};

use crate::agent;
use crate::command::{cargo, run as run_command, shown};
use crate::workspace::Workspace;
use source::Source;

/// How the host is called in the snapshots.
const HOST: &str = "demo-host";

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    heading("Building holdfast and its agent");
    run_command(cargo().args(["build", "--release", "--package", "holdfast"]).current_dir(&workspace.root))?;
    let agents = agent::build(workspace)?;
    let source = source::choose()?;
    let dir = workspace.root.join("demo");
    place::make(&dir)?;
    let holdfast = Holdfast { program: workspace.target.join("release/holdfast"), agents, dir };

    heading("Starting an SSH server on a free port: it plays the host to back up");
    let sshd =
        Sshd::start().context("the demonstration needs OpenSSH's server and client; scripts/prepare installs them")?;
    println!("ssh {} on port {}", sshd.destination(), sshd.port());

    heading(&format!("First backup: {} of that host, {} files", source.path.display(), source.files));
    holdfast.run(&["init"])?;
    let ssh = sshd.ssh_command();
    let place = sshd.source(&source.path);
    holdfast.run(&["backup", "--host", HOST, "--tag", "demo", "--ssh", &ssh, &place])?;

    heading("Second backup: nothing has changed, so next to nothing travels");
    holdfast.run(&["backup", "--host", HOST, "--tag", "demo", "--ssh", &ssh, &place])?;
    holdfast.run(&["snapshots"])?;

    heading("Restore, and compare with the original");
    let restored = holdfast.dir.join("restored");
    let snapshot = format!("latest:{}", source.path.display());
    holdfast.run(&["restore", &snapshot, "--host", HOST, "--target", &restored.display().to_string()])?;
    compare(&source, &restored)?;
    drop(sshd);
    print_next(&holdfast, workspace);
    Ok(())
}

/// The program, and the one repository that it works on here.
struct Holdfast {
    program: PathBuf,
    agents: PathBuf,
    dir: PathBuf,
}

impl Holdfast {
    /// What stands in the environment, so that the commands stay short.
    fn environment(&self) -> [(&'static str, PathBuf); 4] {
        [
            ("HOLDFAST_REPOSITORY", self.dir.join("repository")),
            ("HOLDFAST_PASSWORD_FILE", self.dir.join("password")),
            ("HOLDFAST_AGENTS", self.agents.clone()),
            // What the command line remembers between runs stays in ./demo too.
            ("XDG_STATE_HOME", self.dir.join("state")),
        ]
    }

    fn run(&self, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.args(arguments).envs(self.environment());
        let words = shown(&command);
        let short = words.split_once(' ').map_or("", |(_, arguments)| arguments);
        println!("\n$ holdfast {short}");
        let status = command.status().with_context(|| format!("cannot start {}", self.program.display()))?;
        ensure!(status.success(), "`holdfast {}` ended with {status}", arguments.first().unwrap_or(&""));
        Ok(())
    }
}

fn compare(source: &Source, restored: &Path) -> Result<()> {
    let root = holdfast_testkit::runs_as_root();
    let options = if root { CompareOptions::default() } else { CompareOptions::unprivileged() };
    let differences = compare_trees(&source.path, restored, &options);
    for difference in differences.iter().take(20) {
        println!("{difference}");
    }
    if !differences.is_empty() {
        bail!("the restored tree differs from {} in {} places", source.path.display(), differences.len());
    }
    let owners = if root { "owner, " } else { "" };
    println!(
        "\nEqual: {} files, in content, type, mode, {owners}time to the nanosecond, links and extended attributes.",
        source.files
    );
    Ok(())
}

fn print_next(holdfast: &Holdfast, workspace: &Workspace) {
    heading("What to type next");
    for (name, value) in holdfast.environment().into_iter().take(2) {
        println!("export {name}={}", value.display());
    }
    println!("export PATH={}:$PATH", workspace.target.join("release").display());
    println!();
    println!("holdfast ls latest                          # what is in the newest snapshot");
    println!("holdfast find '*.conf'                      # in which snapshots a file is");
    println!("holdfast check --read-data                  # every byte is there and right");
    println!("restic -r demo/repository -p demo/password snapshots    # any restic reads it");
    println!("holdfast backup root@YOUR-HOST:/etc         # a host of your own, with nothing installed there");
    println!("holdfast --help");
    println!("\nThe repository, its password and the restored files are in ./demo; delete it when you like.");
}

fn heading(text: &str) {
    println!("\n== {text}");
}
