//! A second run without changes costs nearly nothing, seen from outside: by the kernel, and by restic.

use std::collections::BTreeSet;

use holdfast_testkit::{Restic, Strace};

use crate::scene::{Scene, let_it_age};

/// Every blob that an index names, as `data ID` or `tree ID`.
fn blobs(restic: &Restic) -> BTreeSet<String> {
    restic.ok(["list", "blobs", "--no-lock"]).lines().map(str::to_owned).collect()
}

#[test]
fn a_second_run_opens_no_regular_file_and_adds_no_pack_but_those_of_one_tree_path() {
    let Some(scene) = Scene::new() else { return };
    let Some(restic) = scene.restic() else { return };
    let tree = scene.tree("source");
    tree.random_file("large", 3 << 20, 1).many_files("many", 300, 2).deep("deep", "d", 20).symlink("link", "large");
    let_it_age(&tree);
    scene.backup(tree.root(), &[]);
    let (blobs_before, packs_before) = (blobs(&restic), scene.files("data").len());

    // Everything that the host does for the session: sshd, the shell that starts the agent, the agent.
    let Some(strace) = Strace::attach(scene.sshd.pid(), "open,openat,openat2,creat") else { return };
    let second = scene.backup(tree.root(), &[]);
    let opened = strace.finish_opened();
    let of_the_source: Vec<_> = opened.iter().filter(|opened| opened.path.starts_with(tree.root())).collect();
    assert!(of_the_source.len() > 20, "the walk was not seen: {opened:?}");
    for opened in of_the_source {
        assert!(opened.flags.contains("O_DIRECTORY"), "{opened:?}");
    }

    assert_eq!((second.get("files_new"), second.get("files_changed"), second.get("data_blobs")), (0, 0, 0));
    let path = tree.root().components().count();
    let blobs_after = blobs(&restic);
    let new: Vec<_> = blobs_after.difference(&blobs_before).collect();
    assert!(new.len() <= path && new.iter().all(|blob| blob.starts_with("tree ")), "{new:?}");
    let packs = scene.files("data").len() - packs_before;
    assert!(packs <= new.len().min(1), "{packs} new packs for {new:?}");
    restic.check_read_data();
}
