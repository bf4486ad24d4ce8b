//! System calls of the program on this machine.

use std::path::Path;

use holdfast_testkit::strace::{COUNTED, calls_by_kind};
use holdfast_testkit::{Counted, Guard, Strace};

use super::corpus::{corpus, in_snapshot, own_dirs, packs, units};
use crate::scene::{Run, Scene};

/// The calls of one run: on the files in question, the repository, the state, and all others.
type Calls = [(&'static str, Counted); 4];

/// Runs the program and counts its calls. Without strace the test is skipped and must return.
fn run(scene: &Scene, dir: &Path, arguments: &[&str]) -> Option<Calls> {
    let (output, lines) = Strace::run(&scene.command(arguments), COUNTED)?;
    Run::of(output).ok();
    let (repository, state) = own_dirs(scene);
    let ([files, repository, state], rest) = calls_by_kind(&lines, [dir, &repository, &state]);
    Some([("files", files), ("repository", repository), ("state", state), ("rest", rest)])
}

#[test]
fn the_guard_finds_no_system_call_too_many_in_local_runs() {
    let Some(scene) = Scene::new() else { return };
    let corpus = corpus(&scene);
    let (source, target) = (corpus.tree.root(), scene.path("target"));
    let mut guard = Guard::default();
    let mut check = |work: &str, calls: Calls, packs: u64| {
        for (section, counted) in calls {
            guard.check(&format!("{work}.local.{section}"), &counted, &units(&corpus, packs));
        }
    };

    let Some(calls) = run(&scene, source, &["backup", corpus.path()]) else { return };
    assert!(calls[0].1["read"] >= corpus.files, "strace did not see the reading: {calls:?}");
    let first = packs(&scene);
    check("backup-first", calls, first);

    let calls = run(&scene, source, &["backup", corpus.path()]).unwrap();
    assert!(calls[0].1["stat"] >= corpus.files, "strace did not see the walk: {calls:?}");
    check("backup-again", calls, packs(&scene) - first);

    let arguments = ["restore", &in_snapshot(&corpus), "--target", target.to_str().unwrap()];
    let calls = run(&scene, &target, &arguments).unwrap();
    assert!(calls[0].1["write"] >= corpus.files, "strace did not see the writing: {calls:?}");
    check("restore", calls, packs(&scene));

    let calls = run(&scene, Path::new("/nowhere"), &["check", "--read-data"]).unwrap();
    check("check", calls, packs(&scene));
    guard.finish();
}
