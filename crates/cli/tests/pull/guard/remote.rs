//! System calls of the agent behind a real sshd, and those of the server on its own files; bytes on the connection.

use std::path::{Path, PathBuf};

use holdfast_testkit::strace::{COUNTED, COUNTED_FILES, calls_by_kind};
use holdfast_testkit::{Counted, Guard, Sshd, Strace, process, temp_dir};

use super::corpus::{corpus, in_snapshot, own_dirs, packs, units};
use crate::scene::{Run, Scene, Summary, agent};

/// What one run costs at both ends.
struct Costs {
    sections: [(&'static str, Counted); 5],
}

/// Runs the program, with the agent traced by its forced command. `dir` is what the agent works on.
fn run(scene: &Scene, dir: &Path, log: &Path, arguments: &[&str]) -> Costs {
    let (output, lines) = Strace::run(&scene.command(arguments), COUNTED_FILES).unwrap();
    let run = Run::of(output).ok();
    let (repository, state) = own_dirs(scene);
    let ([repository, state], _) = calls_by_kind(&lines, [&repository, &state]);
    process::must_happen("the agent ends", || scene.sshd.session_processes().is_empty());
    let ([files], agent) = calls_by_kind(&Strace::read(log), [dir]);
    let summary = Summary::of(&run);
    let wire = ["received", "sent"].map(|way| (way.to_owned(), summary.get(&format!("bytes_{way}"))));
    let sections = [("files", files), ("rest", agent), ("repository", repository), ("state", state)];
    let [files, rest, repository, state] = sections;
    Costs { sections: [files, rest, repository, state, ("wire", wire.into())] }
}

/// The agent as a forced command that notes its calls.
fn traced_agent(log: &Path) -> Option<String> {
    Some(format!("{} {} --stdio", Strace::words(log, COUNTED)?.join(" "), agent().display()))
}

#[test]
fn the_guard_finds_nothing_too_much_in_remote_runs() {
    let logs = temp_dir();
    let log: PathBuf = logs.path().join("log");
    let Some(command) = traced_agent(&log) else { return };
    let Some(sshd) = Sshd::builder().forced_command(command).start() else { return };
    let Some(scene) = Scene::with(sshd, &[]) else { return };
    let corpus = corpus(&scene);
    let mut guard = Guard::default();
    let mut check = |work: &str, costs: Costs, packs: u64| {
        for (section, counted) in costs.sections {
            guard.check(&format!("{work}.remote.{section}"), &counted, &units(&corpus, packs));
        }
    };
    let source = scene.sshd.source(corpus.tree.root());

    let costs = run(&scene, corpus.tree.root(), &log, &["backup", "--json", &source]);
    assert!(costs.sections[0].1["read"] >= corpus.files, "strace did not see the reading: {:?}", costs.sections);
    let first = packs(&scene);
    check("backup-first", costs, first);

    let costs = run(&scene, corpus.tree.root(), &log, &["backup", "--json", &source]);
    assert!(costs.sections[0].1["stat"] >= corpus.files, "strace did not see the walk: {:?}", costs.sections);
    check("backup-again", costs, packs(&scene) - first);

    let target = scene.path("target");
    let onto = scene.sshd.source(&target);
    let costs = run(&scene, &target, &log, &["restore", "--json", &in_snapshot(&corpus), "--target", &onto]);
    assert!(costs.sections[0].1["write"] >= corpus.files, "strace did not see the writing: {:?}", costs.sections);
    check("restore", costs, packs(&scene));
    guard.finish();
}
