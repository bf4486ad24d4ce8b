//! What is unchanged travels as a digest and nothing else, and whatever changes shows in the digest.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use holdfast_agent::Options;

use crate::compare::assert_same;
use crate::server::{Server, job, later};
use crate::tree::{everything, is_root, set_mtime, set_xattr, write};

#[test]
fn a_second_run_without_changes_asks_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    everything(dir.path());
    let mut server = Server::default();
    let first = server.backup(job(&[dir.path()]));
    assert!(first.root_digest.unwrap().memorable);
    let second = server.backup(job(&[dir.path()]));
    assert_eq!((second.told_beneath(dir.path()), second.files_wanted, second.chunks), (0, 0, 0));
    assert_eq!(second.node(dir.path()), first.node(dir.path()));
    assert!(second.message_bytes < 40 * second.dirs.len() as u64 + 20_000, "{}", second.message_bytes);
}

#[test]
fn only_the_way_to_a_change_is_told_again() {
    let dir = tempfile::tempdir().unwrap();
    everything(dir.path());
    let mut server = Server::default();
    server.backup(job(&[dir.path()]));
    write(&dir.path().join("files/small"), b"changed");
    let seen = server.backup(job(&[dir.path()]));
    assert_eq!((seen.told_beneath(dir.path()), seen.files_wanted), (2, 1));
    assert_same(&server, seen.node(dir.path()).unwrap(), dir.path());
}

#[test]
fn any_change_anywhere_changes_the_digest_of_the_root() {
    let dir = tempfile::tempdir().unwrap();
    everything(dir.path());
    let at = |name: &str| dir.path().join(name);
    let mut server = Server::default();
    server.backup(job(&[dir.path()]));
    type Changes<'a> = Vec<(&'a str, Box<dyn Fn() + 'a>)>;
    let mut changes: Changes = vec![
        ("content", Box::new(|| write(&at("files/small"), b"some bytez"))),
        (
            "mode of a file",
            Box::new(|| fs::set_permissions(at("files/small"), PermissionsExt::from_mode(0o600)).unwrap()),
        ),
        (
            "mode of a directory",
            Box::new(|| fs::set_permissions(at("names"), PermissionsExt::from_mode(0o711)).unwrap()),
        ),
        ("time", Box::new(|| set_mtime(&at("files/small"), 5, 5))),
        ("time of a link", Box::new(|| set_mtime(&at("links/loop"), 5, 5))),
        ("name", Box::new(|| fs::rename(at("files/small"), at("files/smaller")).unwrap())),
        ("another directory", Box::new(|| fs::rename(at("files/smaller"), at("names/small")).unwrap())),
        ("new file", Box::new(|| write(&at("files/new"), b""))),
        ("new directory", Box::new(|| fs::create_dir(at("files/dir")).unwrap())),
        ("deleted", Box::new(|| fs::remove_file(at("files/new")).unwrap())),
        ("hard link", Box::new(|| fs::hard_link(at("files/modes"), at("files/link")).unwrap())),
        (
            "target",
            Box::new(|| {
                fs::remove_file(at("links/dangling")).unwrap();
                symlink("/elsewhere", at("links/dangling")).unwrap();
            }),
        ),
        ("attribute", Box::new(|| _ = set_xattr(&at("attributes/file"), "user.new", b"x"))),
        (
            "at the bottom",
            Box::new(|| {
                let bottom = (1..200).fold(at("deep"), |path, level| path.join(format!("level {level}")));
                write(&bottom.join("bottom"), b"there");
            }),
        ),
    ];
    if is_root() {
        changes.push(("owner", Box::new(|| std::os::unix::fs::lchown(at("links/loop"), Some(9), None).unwrap())));
        changes.push(("group", Box::new(|| std::os::unix::fs::lchown(at("links/loop"), None, Some(9)).unwrap())));
    }
    for (what, change) in changes {
        change();
        let seen = server.backup(job(&[dir.path()]));
        assert_ne!(seen.told_beneath(dir.path()), 0, "{what}");
        assert!(seen.root_digest.unwrap().memorable, "{what}");
        assert_same(&server, seen.node(dir.path()).unwrap(), dir.path());
    }
}

#[test]
fn what_changed_just_now_is_not_to_be_remembered() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("old/sub")).unwrap();
    fs::create_dir_all(dir.path().join("new/sub")).unwrap();
    let memorable = |options: Options| {
        let mut told = Vec::new();
        let seen = Server::default().backup_with(job(&[dir.path()]), options, &mut |message| {
            if let holdfast_wire::FromAgent::Entries(entries) = message {
                told.push((entries.path.to_vec(), entries.last.unwrap().memorable));
            }
        });
        assert_eq!(seen.problems, []);
        told.sort();
        told.into_iter()
            .filter(|(path, _)| Path::new(std::str::from_utf8(path).unwrap()).starts_with(dir.path()))
            .map(|(_, yes)| yes)
            .collect::<Vec<_>>()
    };
    // By a clock that says that all is old, all can be remembered.
    assert_eq!(memorable(later()), [true; 5]);
    // By one for which all changed just now, or will change in the future, only the empty directories can: what is
    // young is their own entries, further up.
    let behind = Options { clock: std::sync::Arc::new(Behind), ..Options::default() };
    assert_eq!(memorable(Options::default()), [false, false, true, false, true]);
    assert_eq!(memorable(behind), [false, false, true, false, true]);
}

struct Behind;

impl holdfast_model::Clock for Behind {
    fn now(&self) -> holdfast_model::Timestamp {
        (std::time::SystemTime::now() - std::time::Duration::from_secs(3600)).into()
    }

    fn instant(&self) -> std::time::Instant {
        std::time::Instant::now()
    }
}

#[test]
fn digests_depend_on_the_job() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("file"), b"x");
    let digest = |change: fn(&mut holdfast_wire::BackupJob)| {
        let mut job = job(&[dir.path()]);
        change(&mut job);
        Server::default().backup(job).root_digest.unwrap().digest
    };
    let same = digest(|_| ());
    assert_eq!(digest(|_| ()), same);
    assert_ne!(digest(|job| job.digest_seed = [9; 32]), same);
    assert_ne!(digest(|job| job.atime = true), same);
    assert_ne!(digest(|job| job.filter.exclude_caches = true), same);
}
