//! Damaged repositories: our check finds what restic's finds.

use std::fs;
use std::path::{Path, PathBuf};

use holdfast_model::{CancelToken, Silent};
use holdfast_repo::check::{CheckReport, Finding, ReadData, check};
use holdfast_repo::{BlobKind, RepoErrorKind, Repository};

use crate::fixture::Fixture;

fn run(repository: &Repository, read_data: ReadData) -> CheckReport {
    check(repository, read_data, &Silent, &CancelToken::new()).unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[derive(Debug, Clone, Copy)]
enum Damage {
    FlipFirst,
    FlipMiddle,
    FlipLast,
    Truncate,
    Extend,
    Empty,
    Remove,
}

const DAMAGES: [Damage; 7] = [
    Damage::FlipFirst,
    Damage::FlipMiddle,
    Damage::FlipLast,
    Damage::Truncate,
    Damage::Extend,
    Damage::Empty,
    Damage::Remove,
];

impl Damage {
    fn inflict(self, path: &Path) {
        let mut bytes = fs::read(path).unwrap();
        let (middle, last) = (bytes.len() / 2, bytes.len() - 1);
        match self {
            Self::FlipFirst => bytes[0] ^= 1,
            Self::FlipMiddle => bytes[middle] ^= 0x10,
            Self::FlipLast => bytes[last] ^= 0x80,
            Self::Truncate => bytes.truncate(last),
            Self::Extend => bytes.push(0),
            Self::Empty => bytes.clear(),
            Self::Remove => return fs::remove_file(path).unwrap(),
        }
        // restic makes its files read-only.
        fs::remove_file(path).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Whether restic finds an error.
fn restic_finds(fixture: &Fixture, read_data: bool) -> bool {
    let mut arguments = vec!["check", "--no-lock", "--no-cache"];
    arguments.extend(read_data.then_some("--read-data"));
    !fixture.restic.run(arguments).status.success()
}

/// Damages one file after the other and compares the verdicts.
fn verdicts_agree(fixture: &Fixture, paths: impl IntoIterator<Item = PathBuf>) {
    for path in paths {
        let sound = fs::read(&path).unwrap();
        for damage in DAMAGES {
            damage.inflict(&path);
            for read_data in [false, true] {
                let theirs = restic_finds(fixture, read_data);
                let mode = if read_data { ReadData::Everything } else { ReadData::Nothing };
                let report = run(&fixture.open(), mode);
                let ours = report.errors().next().is_some();
                assert_eq!(ours, theirs, "{damage:?} of {}: {:?}", path.display(), report.findings);
                if read_data {
                    assert!(ours || matches!(damage, Damage::Remove), "{damage:?} of {}", path.display());
                }
            }
            let _ = fs::remove_file(&path);
            fs::write(&path, &sound).unwrap();
        }
    }
    assert!(run(&fixture.open(), ReadData::Everything).findings.is_empty());
}

#[test]
fn damaged_packs_of_data_and_of_trees_are_found() {
    let Some(fixture) = Fixture::with_two_snapshots() else { return };
    let view = fixture.open_with_index().engine().index();
    let path = |kind| {
        let (_, at) = view.blobs(kind).next().unwrap();
        let name = at.pack.to_string();
        fixture.repository.join("data").join(&name[..2]).join(name)
    };
    verdicts_agree(&fixture, [path(BlobKind::Data), path(BlobKind::Tree)]);
}

#[test]
fn damaged_index_files_are_found() {
    let Some(fixture) = Fixture::with_two_snapshots() else { return };
    verdicts_agree(&fixture, files(&fixture.repository.join("index")).into_iter().take(1));
}

#[test]
fn damaged_snapshots_are_found() {
    let Some(fixture) = Fixture::with_two_snapshots() else { return };
    verdicts_agree(&fixture, files(&fixture.repository.join("snapshots")).into_iter().take(1));
}

#[test]
fn a_sound_repository_has_no_findings_and_all_of_it_was_looked_at() {
    let Some(fixture) = Fixture::with_two_snapshots() else { return };
    let report = run(&fixture.open(), ReadData::Everything);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    let packs = files(&fixture.repository.join("data"));
    assert_eq!((report.packs, report.packs_read), (packs.len(), packs.len()));
    let bytes: u64 = packs.iter().map(|pack| fs::metadata(pack).unwrap().len()).sum();
    assert_eq!(report.bytes_read, bytes);
    assert_eq!(report.snapshots, 2);
    assert!(report.trees > 5);
}

#[test]
fn packs_that_no_index_names_are_untidy_and_no_error() {
    let Some(fixture) = Fixture::with_two_snapshots() else { return };
    let name = "ab".repeat(32);
    fs::write(fixture.repository.join("data/ab").join(&name), b"rubbish").unwrap();
    assert!(!restic_finds(&fixture, true));
    let report = run(&fixture.open(), ReadData::Everything);
    assert_eq!(report.errors().count(), 0);
    assert!(matches!(report.findings[..], [Finding::PackUnindexed { size: 7, .. }]), "{:?}", report.findings);
}

#[test]
fn a_lost_index_file_makes_its_blobs_missing_where_they_are_needed() {
    let Some(fixture) = Fixture::with_two_snapshots() else { return };
    for index in files(&fixture.repository.join("index")) {
        fs::remove_file(index).unwrap();
    }
    assert!(restic_finds(&fixture, false));
    let report = run(&fixture.open(), ReadData::Nothing);
    let trees = report.errors().filter(|finding| matches!(finding, Finding::Tree { .. })).count();
    assert_eq!(trees, 2, "{:?}", report.findings);
}

#[test]
fn an_index_file_that_is_damaged_after_it_was_read_is_found() {
    let Some(fixture) = Fixture::with_two_snapshots() else { return };
    let repository = fixture.open_with_index();
    let index = files(&fixture.repository.join("index")).remove(0);
    Damage::FlipMiddle.inflict(&index);
    let report = run(&repository, ReadData::Nothing);
    assert!(matches!(report.findings[..], [Finding::Index { .. }]), "{:?}", report.findings);
}

#[test]
fn a_damaged_config_or_key_is_told_when_the_repository_is_opened() {
    let Some(fixture) = Fixture::empty() else { return };
    let key = files(&fixture.repository.join("keys")).remove(0);
    for path in [fixture.repository.join("config"), key] {
        let sound = fs::read(&path).unwrap();
        for damage in DAMAGES {
            damage.inflict(&path);
            let error = fixture.try_open().unwrap_err();
            let removed_config = matches!(damage, Damage::Remove) && path.ends_with("config");
            let expected = if removed_config { RepoErrorKind::NotARepository } else { RepoErrorKind::Corrupt };
            assert_eq!(error.kind(), expected, "{damage:?} of {}: {error}", path.display());
            let _ = fs::remove_file(&path);
            fs::write(&path, &sound).unwrap();
        }
    }
    fixture.open();
}

#[test]
fn a_check_ends_when_it_is_cancelled() {
    let Some(fixture) = Fixture::with_two_snapshots() else { return };
    let cancel = CancelToken::new();
    cancel.cancel();
    let error = check(&fixture.open(), ReadData::Everything, &Silent, &cancel).unwrap_err();
    assert_eq!(error.kind(), RepoErrorKind::Cancelled);
}
