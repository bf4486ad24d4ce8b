//! What the guard's runs work on, and what limits are given for.

use std::path::PathBuf;

use holdfast_testkit::Corpus;

use crate::scene::{Scene, let_it_age};

/// Files of the host, old enough to be remembered.
pub(super) fn corpus(scene: &Scene) -> Corpus {
    let corpus = Corpus::create(scene.path("source"));
    let_it_age(&corpus.tree);
    corpus
}

/// What a command line calls them in the newest snapshot.
pub(super) fn in_snapshot(corpus: &Corpus) -> String {
    format!("latest:{}", corpus.path())
}

/// How much there is of what limits are given for.
pub(super) fn units(corpus: &Corpus, packs: u64) -> [(&'static str, u64); 4] {
    [("file", corpus.files), ("dir", corpus.dirs), ("byte", corpus.bytes), ("pack", packs)]
}

/// Packs in a repository.
pub(super) fn packs(scene: &Scene) -> u64 {
    scene.files("data").len() as u64
}

/// The two directories of a run that are not the client's: the repository and the state.
pub(super) fn own_dirs(scene: &Scene) -> (PathBuf, PathBuf) {
    (scene.path("repository"), scene.path("state"))
}
