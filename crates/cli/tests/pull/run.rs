//! `run` with real hosts: several at the same moment into one repository, one that fails among them, all from a `.env`.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use holdfast_testkit::process::{self, Signal};
use holdfast_testkit::{Restic, Sshd, TempDir, Tree, temp_dir};
use serde_json::Value;

use crate::scene::{PASSWORD, Run, command};

/// A repository that need not be there yet, and hosts that `ssh` knows by name.
struct Hosts {
    dir: TempDir,
    servers: Vec<Sshd>,
}

impl Hosts {
    /// Servers for hosts of these names; a name that no server answers for may be among the sources all the same.
    fn start(names: &[&str]) -> Option<Self> {
        let servers = names.iter().map(|_| Sshd::start()).collect::<Option<Vec<_>>>()?;
        let dir = temp_dir();
        fs::write(dir.path().join("password"), PASSWORD).unwrap();
        let mut config = String::new();
        for (name, server) in names.iter().zip(&servers) {
            config += &format!(
                "Host {name}\n HostName 127.0.0.1\n Port {}\n User {}\n IdentityFile {}\n UserKnownHostsFile {}\n",
                server.port(),
                server.user(),
                server.client_key().display(),
                server.known_hosts().display()
            );
        }
        // Nothing listens on the port of any other host.
        config += "Host *\n HostName 127.0.0.1\n Port 1\n GlobalKnownHostsFile /dev/null\n IdentitiesOnly yes\n BatchMode yes\n";
        fs::write(dir.path().join("ssh_config"), config).unwrap();
        Some(Self { dir, servers })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn tree(&self, name: &str) -> Tree {
        Tree::create(self.path(name))
    }

    /// The program, in the folder of the scene, with what a `.env` there does not say.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        command.current_dir(self.dir.path()).env("HOLDFAST_STATE", self.path("state"));
        command.env("HOLDFAST_SSH", format!("ssh -F {}", self.path("ssh_config").display()));
        command
    }

    /// A run that makes the repository if need be.
    fn run_command(&self, sources: &[String], arguments: &[&str]) -> Command {
        let mut command = self.command(&[&["run"], arguments].concat());
        command.env("HOLDFAST_INIT", "true").env("HOLDFAST_SOURCES", sources.join("\n"));
        command.env("HOLDFAST_REPOSITORY", "repository").env("HOLDFAST_PASSWORD_FILE", "password");
        command
    }

    fn run(&self, sources: &[String], arguments: &[&str]) -> Run {
        Run::of(self.run_command(sources, arguments).output().unwrap())
    }

    /// Another verb on the repository, with `--json`; gives its lines.
    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let mut command = self.command(&[arguments, &["--json"]].concat());
        command.env("HOLDFAST_REPOSITORY", "repository").env("HOLDFAST_PASSWORD_FILE", "password");
        documents(&Run::of(command.output().unwrap()).ok().out)
    }

    fn snapshots(&self) -> Vec<Value> {
        self.json(&["snapshots"])[0].as_array().unwrap().clone()
    }

    fn restic(&self) -> Option<Restic> {
        Restic::new(self.path("repository"), PASSWORD)
    }

    /// Bytes of all packs.
    fn packs(&self) -> u64 {
        let folders = fs::read_dir(self.path("repository/data")).unwrap();
        let files = folders.filter_map(|folder| fs::read_dir(folder.unwrap().path()).ok()).flatten();
        files.filter_map(|file| file.ok()?.metadata().ok()).map(|metadata| metadata.len()).sum()
    }
}

/// JSON documents, one a line.
fn documents(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn source(host: &str, tree: &Path) -> String {
    format!("{host}:{}", tree.display())
}

/// How often each blob stands in the index files, as restic reads them.
fn blobs_in_index(restic: &Restic) -> HashMap<String, usize> {
    let mut blobs = HashMap::new();
    for index in restic.ok(["list", "index"]).lines() {
        let document: Value = serde_json::from_str(&restic.ok(["cat", "index", index])).unwrap();
        let packs = document["packs"].as_array().unwrap();
        for blob in packs.iter().flat_map(|pack| pack["blobs"].as_array().unwrap()) {
            *blobs.entry(blob["id"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
    }
    blobs
}

#[test]
fn hosts_with_the_same_data_at_the_same_moment_each_send_it_and_it_is_stored_once() {
    const SIZE: u64 = 96 << 20;
    let Some(hosts) = Hosts::start(&["web1", "web2"]) else { return };
    let tree = hosts.tree("source");
    tree.random_file("large", SIZE - (8 << 20), 21).random_file("medium", 8 << 20, 22).many_files("many", 300, 23);
    let run = hosts.run(&[source("web1", tree.root()), source("web2", tree.root())], &["--json"]).ok();

    let events = documents(&run.out);
    assert!(events.iter().all(|event| event["message_type"] != "status" || event["host"].is_string()), "{}", run.out);
    let summary = |host: &str| {
        let mut own = events.iter().filter(|event| event["message_type"] == "summary" && event["host"] == host);
        own.next().unwrap_or_else(|| panic!("no summary of {host}: {}", run.out))
    };
    let number = |host: &str, name: &str| summary(host)[name].as_u64().unwrap();
    for host in ["web1", "web2"] {
        assert!(number(host, "bytes_received") > SIZE, "{host} was spared what only the other had sent");
    }
    // Neither waited for the other.
    let snapshots = hosts.snapshots();
    assert_eq!(snapshots.len(), 2);
    let times = |name: &str| -> Vec<&str> {
        snapshots.iter().map(|snapshot| snapshot["summary"][name].as_str().unwrap()).collect()
    };
    assert!(times("backup_start").iter().max() < times("backup_end").iter().min(), "{snapshots:?}");
    // Together they have added one of everything.
    let data = hosts.json(&["stats", "--mode", "raw-data"]);
    let added = number("web1", "data_blobs") + number("web2", "data_blobs");
    let stored = number("web1", "data_added_packed") + number("web2", "data_added_packed");
    assert!(added > 0 && stored < SIZE + (SIZE >> 4), "{added} blobs, {stored} bytes; {data:?}");
    assert!(hosts.packs() < SIZE + (SIZE >> 4), "{} bytes are stored", hosts.packs());
    let plan = hosts.json(&["prune", "--dry-run"]);
    assert_eq!(plan[0]["blobs"]["duplicate"], 0, "{plan:?}");

    let Some(restic) = hosts.restic() else { return };
    let blobs = blobs_in_index(&restic);
    assert!(blobs.len() as u64 >= added);
    assert!(blobs.values().all(|count| *count == 1), "a blob is stored twice");
    restic.check_read_data();
}

#[test]
fn a_host_that_fails_does_not_stop_the_others_and_loses_none_of_its_snapshots() {
    let Some(hosts) = Hosts::start(&["web1", "web2", "web3"]) else { return };
    let trees = ["a", "b", "c"].map(|name| hosts.tree(name));
    for tree in &trees {
        tree.random_file("data", 1 << 20, 31);
    }
    let names = ["web1", "web2", "web3"];
    let sources: Vec<String> = names.iter().zip(&trees).map(|(host, tree)| source(host, tree.root())).collect();
    let keep_one = |arguments: &[&str]| {
        Run::of(hosts.run_command(&sources, arguments).env("HOLDFAST_KEEP_LAST", "1").output().unwrap())
    };
    keep_one(&[]).ok();
    hosts.servers[1].expect_another_host_key();
    trees[2].remove("data");
    let (gone, missing) = (format!("web3:{}", trees[2].path("data").display()), "gone:/etc".to_owned());
    let all: Vec<String> = sources.iter().cloned().chain([missing, gone]).collect();
    let run = Run::of(hosts.run_command(&all, &[]).env("HOLDFAST_KEEP_LAST", "1").output().unwrap());
    assert_eq!(run.code, Some(1), "{}{}", run.out, run.err);
    let said = |begins: &str| run.err.lines().filter(|line| line.starts_with(begins)).count();
    assert_eq!((said("holdfast: web2: "), said("holdfast: gone: "), said("holdfast: ")), (1, 1, 2), "{}", run.err);
    assert!(run.err.contains("Host key verification failed"), "{}", run.err);
    assert!(run.err.contains("web3: error: "), "{}", run.err);
    for line in run.out.lines().take_while(|line| !line.starts_with("rule:")) {
        let begins = |name: &&str| line.starts_with(&format!("{name}: "));
        assert!(names.iter().chain(&["gone"]).any(begins), "whose is this? {line}");
    }
    // The rule was applied to the hosts that were backed up; web3 has other paths now, web2 keeps what it has.
    let mut of: Vec<String> =
        hosts.snapshots().iter().map(|snapshot| snapshot["hostname"].as_str().unwrap().to_owned()).collect();
    of.sort();
    assert_eq!(of, ["web1", "web2", "web3", "web3"]);

    // Without the failures, one that could not be read is the worst.
    let incomplete = hosts.run(&[all[0].clone(), all[4].clone(), all[2].clone()], &["--parallel", "1"]);
    assert_eq!(incomplete.code, Some(3), "{}{}", incomplete.out, incomplete.err);
}

#[test]
fn a_dotenv_file_makes_the_repository_backs_up_forgets_and_prunes() {
    let Some(hosts) = Hosts::start(&["web1", "db1"]) else { return };
    let (web, db) = (hosts.tree("web"), hosts.tree("db"));
    db.random_file("same", 1 << 20, 41).file("file.log", "x");
    let variables = format!(
        "HOLDFAST_REPOSITORY=repository\nHOLDFAST_PASSWORD_FILE=password\nHOLDFAST_INIT=true\n\
         HOLDFAST_SOURCES=\"{}\n{}\"\nHOLDFAST_EXCLUDES='*.log'\nHOLDFAST_KEEP_LAST=1\nHOLDFAST_PRUNE=yes\n\
         HOLDFAST_PARALLEL=2\n",
        source("web1", web.root()),
        source("db1", db.root())
    );
    fs::write(hosts.path(".env"), variables).unwrap();
    let run = |arguments: &[&str]| Run::of(hosts.command(&[&["run"], arguments].concat()).output().unwrap()).ok();
    web.random_file("data", 20 << 20, 42);
    assert!(run(&["--dry-run"]).out.contains("would create"));
    assert!(!hosts.path("repository").exists());
    let first = run(&[]);
    assert!(first.out.contains("created repository") && first.out.contains("web1: snapshot "), "{}", first.out);
    assert!(hosts.packs() > 20 << 20);
    web.remove("data").random_file("data", 4 << 20, 43);
    assert_eq!(run(&["--dry-run"]).out.matches("(new)").count(), 2);
    let second = run(&[]);
    // One forget over both hosts, and one prune after it.
    assert_eq!(
        (second.out.matches("rule:").count(), second.out.matches("gives back:").count()),
        (1, 1),
        "{}",
        second.out
    );
    assert!(second.out.contains("2 snapshots removed"), "{}", second.out);
    assert_eq!(hosts.snapshots().len(), 2);
    assert!(hosts.packs() < 8 << 20, "{} bytes are left", hosts.packs());
    if let Some(restic) = hosts.restic() {
        restic.check_read_data();
    }
}

#[test]
fn an_interrupt_ends_all_hosts_and_leaves_nothing_behind() {
    let Some(hosts) = Hosts::start(&["web1", "web2", "web3"]) else { return };
    let tree = hosts.tree("source");
    tree.random_file("data", 192 << 20, 51);
    let sources = ["web1", "web2", "web3"].map(|host| source(host, tree.root()));
    let mut run = hosts.run_command(&sources, &["--parallel", "2", "--quiet"]);
    let mut run = run.env("HOLDFAST_KEEP_LAST", "1").spawn().unwrap();
    process::must_happen("two sessions are at work", || {
        hosts.path("repository/data").exists() && hosts.packs() > 32 << 20
    });
    process::signal(run.id(), Signal::INT);
    assert_eq!(run.wait().unwrap().code(), Some(130));
    assert_eq!(fs::read_dir(hosts.path("repository/locks")).unwrap().count(), 0, "a lock is left");
    process::must_happen("no agent is left", || {
        hosts.servers.iter().all(|server| server.session_processes().is_empty())
    });
    assert_eq!(hosts.snapshots().len(), 0);
    if let Some(restic) = hosts.restic() {
        restic.ok(["check", "--no-lock"]);
    }
}
