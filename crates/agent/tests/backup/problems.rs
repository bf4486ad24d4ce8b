//! What can't be read is reported, and everything else is backed up.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use holdfast_wire::{FileOutcome, FromAgent, ToAgent};
use rustix::fs::FileType;

use crate::compare::assert_same;
use crate::link::{Up, link};
use crate::server::{Seen, Server, job, later};
use crate::tree::{noise, special, write};

/// A backup during which something happens as soon as the agent has told the entries of the directory.
fn interrupted(dir: &Path, mut change: impl FnMut()) -> (Server, Seen) {
    use std::os::unix::ffi::OsStrExt;
    let mut server = Server::default();
    let seen = server.backup_with(job(&[dir]), later(), &mut |message| {
        if matches!(message, FromAgent::Entries(told) if *told.path == *dir.as_os_str().as_bytes()) {
            change();
        }
    });
    assert!(matches!(seen.result, Some(Ok(()))), "{:?}", seen.result);
    (server, seen)
}

fn paths(seen: &Seen, dir: &Path) -> Vec<(String, String)> {
    let paths = seen.problem_paths();
    let relative = |path: &str| Path::new(path).strip_prefix(dir).unwrap().display().to_string();
    paths.into_iter().map(|(path, during)| (relative(path), during.to_owned())).collect()
}

#[test]
fn a_file_that_vanishes_is_reported_and_left_out() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("gone"), b"x");
    write(&dir.path().join("there"), b"x");
    let (_, seen) = interrupted(dir.path(), || fs::remove_file(dir.path().join("gone")).unwrap());
    assert_eq!(paths(&seen, dir.path()), [("gone".into(), "open".into())]);
    assert!(seen.node(&dir.path().join("gone")).is_none());
    assert!(seen.node(&dir.path().join("there")).is_some());
    assert!(seen.outcomes.contains(&FileOutcome::Failed));
}

#[test]
fn what_takes_the_place_of_a_file_is_neither_followed_nor_waited_for() {
    for put in [
        |path: &Path| special(path, FileType::Fifo, 0),
        |path: &Path| symlink("/etc/passwd", path).unwrap(),
        |path: &Path| fs::create_dir(path).unwrap(),
        |path: &Path| drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write(&path, b"x");
        let (_, seen) = interrupted(dir.path(), || {
            fs::remove_file(&path).unwrap();
            put(&path);
        });
        assert_eq!(paths(&seen, dir.path()), [("file".into(), "open".into())]);
        assert_eq!(seen.chunks, 0);
    }
}

#[test]
fn a_directory_that_is_swapped_for_another_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let outer = dir.path().join("outer");
    fs::create_dir(&outer).unwrap();
    // More files than stay open by accident: the directory is reached by its handle alone.
    write(&outer.join("file"), b"ours");
    let secret = dir.path().join("secret");
    fs::create_dir(&secret).unwrap();
    write(&secret.join("file"), b"theirs");
    let mut server = Server::default();
    let seen = server.backup_with(job(&[&outer]), later(), &mut |message| {
        if matches!(message, FromAgent::Entries(told) if told.path.ends_with(b"outer")) {
            fs::rename(&outer, dir.path().join("moved")).unwrap();
            symlink(&secret, &outer).unwrap();
        }
    });
    for content in server.blobs.values() {
        assert_eq!(content, b"ours", "never what the link leads to");
    }
    assert!(matches!(seen.result, Some(Ok(()))));
}

#[test]
fn a_file_that_was_replaced_since_is_stored_as_it_is_now() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    write(&path, b"old");
    let (server, seen) = interrupted(dir.path(), || {
        write(&dir.path().join("new"), b"new and longer");
        fs::rename(dir.path().join("new"), &path).unwrap();
    });
    assert_eq!(seen.problems, []);
    assert!(matches!(seen.outcomes[..], [FileOutcome::StoredAs(_)]));
    assert_same(&server, seen.node(&path).unwrap(), &path);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_stored_as_read_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("growing");
    // More than the window holds: reading can't be over before the first answer.
    write(&path, &noise(40 << 20, 7));
    let mut server = Server::default();
    let mut changed = false;
    let seen = server.backup_with(job(&[dir.path()]), later(), &mut |message| {
        if matches!(message, FromAgent::Chunks { .. }) && !std::mem::replace(&mut changed, true) {
            use std::io::Write;
            fs::File::options().append(true).open(&path).unwrap().write_all(&noise(1 << 20, 8)).unwrap();
        }
    });
    assert_eq!(paths(&seen, dir.path()), [("growing".into(), "read".into())]);
    let stored: u64 = seen.node(&path).unwrap().content.iter().map(|chunk| u64::from(chunk.len)).sum();
    assert_eq!(stored, 40 << 20, "what is appended is left to the next backup");
    assert!(matches!(&seen.outcomes[..], [FileOutcome::StoredAs(entry)]
        if entry.kind == holdfast_wire::EntryKind::File { size: 40 << 20 }));
}

#[test]
fn a_file_that_is_cut_while_it_is_read_is_stored_as_read_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cut");
    write(&path, &noise(60 << 20, 7));
    let mut changed = false;
    let seen = Server::default().backup_with(job(&[dir.path()]), later(), &mut |message| {
        if matches!(message, FromAgent::Chunks { .. }) && !std::mem::replace(&mut changed, true) {
            fs::File::options().write(true).open(&path).unwrap().set_len(1000).unwrap();
        }
    });
    assert_eq!(paths(&seen, dir.path()), [("cut".into(), "read".into())]);
    let node = seen.node(&path).unwrap();
    let stored: u64 = node.content.iter().map(|chunk| u64::from(chunk.len)).sum();
    assert_eq!(node.entry.kind, holdfast_wire::EntryKind::File { size: stored });
    assert!((1000..60 << 20).contains(&stored));
}

/// The agent as somebody to whom not everything is open.
#[test]
fn what_is_not_permitted_is_reported_and_its_place_kept() {
    if !crate::tree::is_root() {
        println!("skipped: another user can only be had as root");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let (closed, secret) = (dir.path().join("closed"), dir.path().join("secret"));
    fs::create_dir(&closed).unwrap();
    write(&closed.join("inside"), b"x");
    fs::set_permissions(&closed, PermissionsExt::from_mode(0o700)).unwrap();
    write(&secret, b"x");
    fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
    write(&dir.path().join("open"), b"x");
    let mut server = Server::default();
    let mut process = crate::process::Agent::start(&[], |command| {
        use std::os::unix::process::CommandExt;
        command.uid(65534).gid(65534);
    });
    let seen = process.backup(&mut server, job(&[dir.path()]));
    assert_eq!(
        paths(&seen, dir.path()),
        [("closed".into(), "open directory".into()), ("secret".into(), "open".into())]
    );
    assert_eq!(seen.node(&closed).unwrap().tree.as_ref().unwrap().0.len(), 0);
    assert!(seen.node(&dir.path().join("open")).is_some() && seen.node(&secret).is_none());
    assert!(!seen.root_digest.unwrap().memorable);
}

#[test]
fn a_server_that_is_gone_ends_the_session_at_once() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("large"), &noise(64 << 20, 1));
    let (up, down, mut end) = link();
    let agent = std::thread::spawn(move || holdfast_agent::serve(up, down, later()));
    end.up.recv().unwrap();
    end.send(ToAgent::Welcome { version: holdfast_wire::Version::CURRENT });
    end.send(ToAgent::Backup(job(&[dir.path()])));
    let Ok(Up::Message(_)) = end.up.recv() else { panic!("something is said") };
    drop(end);
    assert!(matches!(agent.join().unwrap(), Err(holdfast_agent::AgentError::LinkClosed(_))));
}

#[test]
fn a_server_that_breaks_the_protocol_is_told_so() {
    let wrong: [fn() -> ToAgent; 5] = [
        || ToAgent::WantDirs { upto: 1000, wanted: vec![] },
        || ToAgent::WantFiles { dir: 0, entries: vec![0] },
        || ToAgent::WantChunks([true].into_iter().collect()),
        || ToAgent::WindowEnd,
        || ToAgent::Welcome { version: holdfast_wire::Version::CURRENT },
    ];
    for wrong in wrong {
        let (up, down, mut end) = link();
        let agent = std::thread::spawn(move || holdfast_agent::serve(up, down, later()));
        end.send(ToAgent::Welcome { version: holdfast_wire::Version::CURRENT });
        end.send(ToAgent::Backup(job(&[Path::new("/nonexistent")])));
        end.send(wrong());
        let refused = loop {
            match end.up.recv() {
                Ok(Up::Message(FromAgent::Refused { message })) => break message,
                Ok(_) => {}
                Err(_) => panic!("it ended without a word"),
            }
        };
        assert!(refused.contains("protocol"), "{refused}");
        assert!(agent.join().unwrap().is_err());
    }
}

#[test]
fn a_panic_in_any_thread_ends_the_session() {
    struct Broken;
    impl holdfast_model::Clock for Broken {
        fn now(&self) -> holdfast_model::Timestamp {
            match std::thread::current().name() {
                Some("walker") => panic!("on purpose"),
                _ => holdfast_model::Timestamp::default(),
            }
        }
        fn instant(&self) -> std::time::Instant {
            std::time::Instant::now()
        }
    }
    let options = holdfast_agent::Options { clock: std::sync::Arc::new(Broken), ..Default::default() };
    let seen = Server::default().backup_with(job(&[Path::new("/nonexistent")]), options, &mut |_| ());
    assert!(seen.refused.unwrap().contains("bug"));
    assert!(matches!(seen.result, Some(Err(holdfast_agent::AgentError::Internal { .. }))));
}

#[test]
fn filters_that_mean_nothing_are_refused() {
    let mut job = job(&[Path::new("/nonexistent")]);
    job.filter.exclude = vec!["a[".into()];
    assert!(Server::default().backup(job.clone()).refused.unwrap().contains("a["));
    job.filter.exclude = vec![];
    job.filter.exclude_if_present = vec![":x".into()];
    assert!(Server::default().backup(job).refused.is_some());
}

/// A directory too large to keep is read again when it is wanted. By then somebody else cannot search it any more.
#[test]
fn a_second_reading_that_fails_is_reported_too() {
    if !crate::tree::is_root() {
        println!("skipped: another user can only be had as root");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let large = dir.path().join("large");
    fs::create_dir(&large).unwrap();
    for at in 0..14_000 {
        fs::File::create(large.join(format!("{at}{}", "x".repeat(200)))).unwrap();
    }
    fs::set_permissions(&large, PermissionsExt::from_mode(0o755)).unwrap();
    let (up, down, end) = link();
    let agent = std::thread::spawn(move || {
        use rustix::process::Uid;
        // This thread and those that it starts are somebody else's.
        let nobody = Uid::from_raw(65534);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        holdfast_agent::serve(up, down, later())
    });
    let mut server = Server::default();
    let seen = server.session(end, job(&[&large]), &mut |message| {
        if matches!(message, FromAgent::Dirs(_)) {
            fs::set_permissions(&large, PermissionsExt::from_mode(0o700)).unwrap();
        }
    });
    agent.join().unwrap().unwrap();
    assert!(!seen.problems.is_empty(), "a directory without its entries, and nobody hears of it");
    assert!(server.memory.is_empty(), "and it is remembered so");
}
