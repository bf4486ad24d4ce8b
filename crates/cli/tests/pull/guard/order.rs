//! Nothing is traded for speed: what a file of the repository names is on the disk before that file has a name.
//!
//! Seen from outside, by the kernel: of every file that a backup saves, when it was synced, when it got its name, and
//! when the folder with that name was synced. A power cut at any moment then leaves no index that names a pack which is
//! not there, and no snapshot whose index is not.

use std::path::{Path, PathBuf};

use holdfast_testkit::Strace;
use holdfast_testkit::strace::{Timed, name_of};

use crate::scene::{Run, Scene};

/// Everything that writes, syncs or names a file.
const CALLS: &str = "trace=openat,write,writev,pwrite64,pwritev,pwritev2,ftruncate,fallocate,copy_file_range,sendfile,\
     fsync,fdatasync,link,linkat,rename,renameat,renameat2";

/// A file that was saved.
#[derive(Debug)]
struct Saved {
    /// Its name, with the folder.
    path: PathBuf,
    /// When it was given that name.
    named: usize,
    /// When that was on the disk.
    durable: usize,
}

/// `N</path>` after `before` in a line, as the path.
fn descriptor<'a>(line: &'a str, before: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(before)?;
    let (number, rest) = rest.split_once('<')?;
    let end = rest.find('>')?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then_some(&rest[..end])
}

fn succeeded(call: &Timed) -> bool {
    call.line.rsplit_once(" = ").is_some_and(|(_, result)| !result.trim_start().starts_with('-'))
}

/// The files that were given a name beneath `root`, each synced before, and its folder after.
fn saved(calls: &[Timed], root: &Path) -> Vec<Saved> {
    let naming =
        |call: &&Timed| matches!(name_of(&call.line), Some("link" | "linkat" | "rename" | "renameat" | "renameat2"));
    let beneath = |call: &&Timed| call.line.contains(&format!("<{}", root.display()));
    let named = calls.iter().filter(naming).filter(beneath).filter(|call| succeeded(call));
    named.map(|call| save(calls, call)).collect()
}

fn save(calls: &[Timed], naming: &Timed) -> Saved {
    let line = &naming.line;
    // CALL(DIRECTORY</…>, "OLD", DIRECTORY</…>, "NEW", …)
    let quoted: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
    let [old, new] = quoted[..] else { panic!("two names in {line}") };
    let folder = descriptor(line, &format!("\"{old}\", ")).unwrap_or_else(|| panic!("a folder in {line}"));
    let pid = line.split(' ').next().unwrap_or_default();
    // What the kernel calls the file until then: without a name it is known by its number.
    let content = match old.strip_prefix("/proc/self/fd/") {
        Some(number) => {
            let opened = format!(" = {number}<");
            let opening = format!("{pid} open");
            let mut before = calls.iter().filter(|call| call.began < naming.began && call.line.starts_with(&opening));
            let open = before.rfind(|call| call.line.contains(&opened)).unwrap_or_else(|| panic!("no open for {line}"));
            descriptor(&open.line, " = ").unwrap().to_owned()
        }
        None => format!("{}/{old}", descriptor(line, "(").unwrap_or_else(|| panic!("a folder in {line}"))),
    };
    let on_content = |call: &&Timed| descriptor(&call.line, "(").is_some_and(|path| path == content);
    let syncing = |call: &&Timed| matches!(name_of(&call.line), Some("fsync" | "fdatasync")) && succeeded(call);
    let writing = |call: &&Timed| !syncing(call) && !call.line.contains(" openat(");
    let synced = calls.iter().filter(syncing).filter(on_content).find(|call| call.ended < naming.began);
    let synced = synced.unwrap_or_else(|| panic!("{new} got its name before its content was synced"));
    let written: Vec<_> = calls.iter().filter(on_content).filter(writing).collect();
    assert!(!written.is_empty(), "{new} was never written");
    assert!(written.iter().all(|call| call.ended < synced.began), "{new} was written to after it was synced");
    let on_folder = |call: &&Timed| descriptor(&call.line, "(").is_some_and(|path| path == folder);
    let durable = calls.iter().filter(syncing).filter(on_folder).filter(|call| call.began > naming.ended);
    let durable = durable.map(|call| call.ended).min().unwrap_or_else(|| panic!("the name of {new} was never synced"));
    Saved { path: Path::new(folder).join(new), named: naming.began, durable }
}

#[test]
fn packs_are_on_the_disk_before_the_index_that_names_them_and_that_before_the_snapshot() {
    let Some(scene) = Scene::new() else { return };
    let tree = scene.tree("source");
    let repository = scene.path("repository");
    for round in 0..2 {
        // Several packs the first time, and a second index beside the first.
        tree.random_file(format!("large-{round}"), if round == 0 { 40 << 20 } else { 1 << 20 }, round);
        tree.many_files(format!("many-{round}"), 200, round);
        let before: Vec<PathBuf> =
            ["data", "index", "snapshots"].iter().flat_map(|folder| scene.files(folder)).collect();
        let path = tree.root().to_str().unwrap();
        let Some((output, calls)) = Strace::run_timed(&scene.command(&["backup", path]), CALLS) else { return };
        Run::of(output).ok();
        let saved = saved(&calls, &repository);
        let of = |folder: &str| -> Vec<&Saved> {
            saved.iter().filter(|saved| saved.path.starts_with(repository.join(folder))).collect()
        };
        let (packs, indexes, snapshots) = (of("data"), of("index"), of("snapshots"));
        assert!(packs.len() >= if round == 0 { 3 } else { 2 }, "{packs:?}");
        // One index names all packs of a run as short as this, as `check` proves below.
        assert_eq!((indexes.len(), snapshots.len()), (1, 1), "{saved:?}");
        for pack in &packs {
            assert!(pack.durable < indexes[0].named, "{pack:?} came after {:?}", indexes[0]);
        }
        assert!(indexes[0].durable < snapshots[0].named, "{:?} came after {:?}", indexes[0], snapshots[0]);
        // Nothing was missed: what lies in the repository now is what was seen.
        for folder in ["data", "index", "snapshots"] {
            let mut found: Vec<PathBuf> =
                scene.files(folder).into_iter().filter(|path| !before.contains(path)).collect();
            let mut seen: Vec<PathBuf> = of(folder).into_iter().map(|saved| saved.path.clone()).collect();
            found.sort();
            seen.sort();
            assert_eq!(found, seen);
        }
    }
    scene.run(&["check"]).ok();
}
