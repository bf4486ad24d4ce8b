//! What the conversation and the requests of each kind of work may amount to.

use holdfast_model::{CancelToken, Monitor};
use holdfast_repo::catalogue::Walk;
use holdfast_repo::check::{ReadData, check};
use holdfast_testkit::Guard;

use super::scene::Scene;

struct Silent;

impl Monitor for Silent {}

#[test]
fn the_guard_finds_no_message_round_trip_or_request_too_many() {
    let scene = Scene::new();
    // Those on the way to the corpus are backed up too.
    let (files, dirs) = (scene.corpus.files, scene.corpus.dirs + scene.corpus.way());
    let mut guard = Guard::default();
    let units = |blobs: u64, packs: u64| {
        [("file", files), ("dir", dirs), ("blob", blobs), ("pack", packs), ("changed", CHANGED)]
    };

    let repository = scene.repository();
    let (summary, said) = scene.backup(&repository);
    let requests = scene.requests();
    let (blobs, packs) = (summary.data_blobs, scene.packs());
    assert_eq!((summary.files_new, summary.dirs_new), (files, dirs));
    guard.check("conversation.backup-first", &said, &units(blobs, packs));
    guard.check("requests.backup-first", &requests, &units(blobs, packs));

    let repository = scene.repository();
    let (summary, said) = scene.backup(&repository);
    let requests = scene.requests();
    assert_eq!((summary.files_new, summary.files_changed, summary.data_blobs), (0, 0, 0));
    let again = scene.packs() - packs;
    guard.check("conversation.backup-again", &said, &units(0, again));
    guard.check("requests.backup-again", &requests, &units(0, again));

    change(&scene);
    let repository = scene.repository();
    let (summary, said) = scene.backup(&repository);
    let requests = scene.requests();
    assert_eq!((summary.files_new, summary.files_changed), (0, CHANGED));
    let changed = scene.packs() - packs - again;
    guard.check("conversation.backup-changed", &said, &units(summary.data_blobs, changed));
    guard.check("requests.backup-changed", &requests, &units(summary.data_blobs, changed));

    let packs = scene.packs();
    let repository = scene.repository();
    let (report, said) = scene.restore(&repository);
    let requests = scene.requests();
    assert_eq!((report.failed, report.problems), (0, 0));
    guard.check("conversation.restore", &said, &units(blobs, packs));
    guard.check("requests.restore", &requests, &units(blobs, packs));

    let repository = scene.repository();
    repository.engine().refresh().unwrap();
    let snapshot = repository.snapshots().unwrap().pop().unwrap();
    let seen = Walk::new(repository.engine(), b"/", snapshot.tree).map(Result::unwrap).count() as u64;
    assert!(seen > files, "{seen}");
    guard.check("requests.list", &scene.requests(), &units(blobs, packs));

    let repository = scene.repository();
    let report = check(&repository, ReadData::Everything, &Silent, &CancelToken::new()).unwrap();
    assert_eq!(report.findings.len(), 0);
    guard.check("requests.check", &scene.requests(), &units(blobs, packs));
    guard.finish();
}

/// So many files change between two runs, each in a directory of its own.
const CHANGED: u64 = 20;

fn change(scene: &Scene) {
    for outer in 0..CHANGED {
        scene.corpus.tree.file(format!("{outer:02}/1/1.txt"), format!("changed in {outer}"));
    }
}
