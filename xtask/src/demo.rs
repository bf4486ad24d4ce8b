//! `make run`: the main job, shown on this machine from end to end.
//!
//! A server starts with SQLite and a local repository, all of it in `./demo`. A throwaway SSH server plays the host: it is
//! enrolled, and one real directory of this machine is pulled from it by a policy, twice, restored and compared. On a terminal
//! the server goes on until it is interrupted, so that one can look around. All that stays is `./demo`.

mod place;
mod server;
mod source;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use holdfast_testkit::{CompareOptions, Sshd, compare_trees};

use crate::agent;
use crate::command::{cargo, run as run_command, shown};
use crate::workspace::Workspace;
use server::Server;
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
    let program = workspace.target.join("release/holdfast");

    heading("Starting the server, with everything that it keeps in ./demo/server");
    let server = Server::start(&program, &agents, &dir.join("server"))?;
    println!("its API is described at {}/api", server.url);
    let holdfast = Holdfast { program, agents, dir, url: server.url.clone() };
    holdfast.run(&["repository", "add", "demo", &holdfast.text("repository"), "--init"])?;

    heading("Starting an SSH server on a free port: it plays the host to back up");
    let sshd =
        Sshd::start().context("the demonstration needs OpenSSH's server and client; scripts/prepare installs them")?;
    let (port, key) = (sshd.port().to_string(), sshd.client_key().display().to_string());
    let fingerprint = sshd.fingerprint().context("the host's key has no fingerprint")?;
    let connection = ["--address", "127.0.0.1", "--port", &port, "--user", sshd.user(), "--identity-file", &key];
    let client = ["client", "add", HOST, "--accept-key", &fingerprint];
    holdfast.run(&[&client[..], &connection[..]].concat())?;

    heading(&format!("First backup: {} of that host, {} files", source.path.display(), source.files));
    let path = source.path.display().to_string();
    holdfast.run(&["schedule", "add", "nightly", "30 2 * * *"])?;
    holdfast.run(&[
        "policy",
        "add",
        "files",
        "--path",
        &path,
        "--client",
        HOST,
        "--repository",
        "demo",
        "--schedule",
        "nightly",
    ])?;
    holdfast.run(&["policy", "run", "files", "--follow"])?;

    heading("Second backup: nothing has changed, so next to nothing travels");
    holdfast.run(&["policy", "run", "files", "--follow"])?;
    holdfast.run(&["job", "list"])?;
    holdfast.run(&["status"])?;

    heading("Restore without the server, as after a disaster, and compare with the original");
    let restored = holdfast.dir.join("restored");
    let snapshot = format!("latest:{path}");
    holdfast.run(&["restore", &snapshot, "--host", HOST, "--target", &restored.display().to_string()])?;
    compare(&source, &restored)?;
    let stays = std::io::stdout().is_terminal();
    print_next(&holdfast, workspace, stays);
    if stays { server.wait() } else { Ok(()) }
}

/// The program, with the server and the repository that it works with here.
struct Holdfast {
    program: PathBuf,
    agents: PathBuf,
    dir: PathBuf,
    url: String,
}

impl Holdfast {
    fn text(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    /// What stands in the environment, so that the commands stay short.
    fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("HOLDFAST_SERVER", self.url.clone()),
            ("HOLDFAST_REPOSITORY", self.text("repository")),
            ("HOLDFAST_PASSWORD_FILE", self.text("password")),
            ("HOLDFAST_AGENTS", self.agents.display().to_string()),
            // What the command line remembers between runs stays in ./demo too.
            ("XDG_STATE_HOME", self.text("state")),
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

fn print_next(holdfast: &Holdfast, workspace: &Workspace, stays: bool) {
    heading(if stays { "What to type next, in another terminal" } else { "What to type next" });
    if !stays {
        println!(
            "# The host and the server of the demonstration end with it. What was backed up is still there, and this starts"
        );
        println!(
            "# the server again; the host is gone, and so `policy run files` and other jobs with it would only fail."
        );
        println!("{} serve --config /dev/null --data demo/server &", holdfast.program.display());
    }
    for (name, value) in holdfast.environment().into_iter().skip(usize::from(!stays)).take(3) {
        println!("export {name}={value}");
    }
    println!("export PATH={}:$PATH", workspace.target.join("release").display());
    println!();
    println!("holdfast status                             # who is protected, the worst first");
    println!("holdfast job list                           # what was done; holdfast job log ID");
    println!("holdfast client show {HOST}              # what is known of the host");
    if stays {
        println!("holdfast policy run files --follow          # back it up once more");
    }
    println!("holdfast client add YOUR-HOST --user root   # a host of your own, with nothing installed there");
    println!("holdfast export                             # all of the configuration; holdfast apply -f FILE");
    println!("restic -r demo/repository -p demo/password snapshots    # any restic reads it, without the server");
    println!("holdfast --help");
    println!("\nEverything is in ./demo; delete it when you like.");
    if stays {
        println!(
            "\nThe server and the host run until you interrupt them (Ctrl-C). The page of the API: {}/api",
            holdfast.url
        );
        println!(
            "Afterwards `holdfast serve --config /dev/null --data demo/server` has all of it but for the host: what reads the"
        );
        println!("repository works, and `policy run files` fails, as nobody answers any more.");
    }
}

fn heading(text: &str) {
    println!("\n== {text}");
}
