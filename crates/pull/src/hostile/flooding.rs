//! Clients that announce without end and complete nothing, or send more than they may. The bounds are lower in tests.

use holdfast_model::BlobId;
use holdfast_wire::{ChunkRef, DirDigest, FileEnd, FileOutcome, FromAgent, ViolationClass};

use super::scene::Scene;
use crate::BackupError;
use crate::link::scripted::{Agent, Played, chunk, dir, file};

fn no_two(number: u64) -> DirDigest {
    DirDigest { digest: u128::from(number).to_le_bytes(), memorable: true }
}

#[test]
fn directories_that_belong_to_nothing() {
    let ended = Scene::new().backup("web1", |agent| {
        (0..).try_for_each(|batch| {
            agent.say(FromAgent::Dirs((0..1000).map(|number| no_two(1000 * batch + number)).collect()))?;
            agent.hear().map(drop)
        })
    });
    assert_eq!(ended.violation(), ViolationClass::Quota);
}

#[test]
fn a_directory_that_never_ends() {
    let ended = Scene::new().backup("web1", |agent| {
        let [dir] = agent.dirs(1)?[..] else { panic!("it is new") };
        (0..).try_for_each(|batch| {
            let entries = (0..1000).map(|number| file(&format!("{batch} {number}"), 0)).collect();
            agent.some_entries(dir, "/", entries, false).map(drop)
        })
    });
    // This may be an honest one, with a directory that nobody can store.
    let error = ended.result.unwrap_err();
    assert!(matches!(&error, BackupError::DirectoryTooLarge(path) if path == "/"), "{error:?}");
}

fn chunks_without_end(agent: &Agent, make: impl Fn(u64) -> ChunkRef) -> Played {
    let [dir] = agent.dirs(1)?[..] else { panic!("it is new") };
    agent.entries(dir, "/", vec![file("a", 1)])?;
    (0..).try_for_each(|batch| {
        let chunks: Vec<_> = (0..1000).map(|number| make(1000 * batch + number)).collect();
        agent.chunks(0, &chunks).map(drop)
    })
}

#[test]
fn chunks_that_are_announced_and_never_sent() {
    let ended = Scene::new().backup("web1", |agent| {
        chunks_without_end(agent, |number| ChunkRef {
            id: BlobId::new(holdfast_chunker::sha256(&number.to_le_bytes())),
            len: 1 << 20,
        })
    });
    assert_eq!(ended.violation(), ViolationClass::Quota);
}

#[test]
fn a_file_of_one_chunk_over_and_over() {
    let scene = Scene::new();
    let large = ChunkRef { len: 1 << 20, ..chunk(b"x") };
    for command in [false, true] {
        let script = |agent: &Agent| {
            if command {
                return (0..).try_for_each(|_| agent.chunks(0, &[large; 1000]).map(drop));
            }
            chunks_without_end(agent, |_| large)
        };
        let ended = if command { scene.command("web1", script) } else { scene.backup("web1", script) };
        assert_eq!(ended.violation(), ViolationClass::Quota);
    }
}

#[test]
fn more_than_there_was_credit_for() {
    let scene = Scene::new();
    let walked = |agent: &Agent, count: usize| {
        let message = FromAgent::Walked { files: 1 << 60, bytes: 1 << 60 };
        (0..count).try_for_each(|_| agent.say(message.clone()))
    };
    let ended = scene.backup_with_credit(1000, |agent| walked(agent, 100));
    assert_eq!(ended.violation(), ViolationClass::Quota);
    let ended = scene.backup_with_credit(1000, |agent| {
        walked(agent, 10)?;
        agent.one_file("a", b"x").map(drop)
    });
    ended.result.unwrap();
}

#[test]
fn a_name_that_a_directory_shows_twice_is_no_violation() {
    let scene = Scene::new();
    let ended = scene.backup("web1", |agent| {
        agent.dirs(3)?;
        agent.entries(0, "/d", Vec::new())?;
        agent.entries(1, "/d", Vec::new())?;
        let entries = vec![file("b", 1), dir("d", 0), file("b", 1), dir("d", 1), file("a", 0)];
        assert_eq!(agent.entries(2, "/", entries)?, [0, 2, 4]);
        for number in 0..3 {
            agent.say(FromAgent::FileEnd(FileEnd { file: number, outcome: FileOutcome::Stored }))?;
        }
        agent.root(2)?;
        agent.hear().map(drop)
    });
    let summary = ended.result.unwrap();
    assert_eq!(summary.errors, 2);
    let paths: Vec<&str> = ended.shown.errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(paths, ["/b", "/d"]);
    let snapshot = scene.repository.load_snapshot(summary.snapshot.unwrap()).unwrap();
    let tree = scene.repository.engine().load_tree(snapshot.tree).unwrap();
    let names: Vec<_> = tree.nodes().iter().map(|node| String::from_utf8_lossy(&node.name).into_owned()).collect();
    assert_eq!(names, ["a", "b", "d"]);
}

#[test]
fn an_agent_that_is_gone_once_all_has_come_has_done_its_work() {
    let scene = Scene::new();
    let ended = scene.backup_deaf("web1", |agent| {
        let [dir] = agent.dirs(1)?[..] else { panic!("it is new") };
        agent.entries(dir, "/", Vec::new())?;
        agent.root(dir)
    });
    ended.result.unwrap();
}

#[test]
fn chunks_that_are_shorter_than_any_that_is_cut() {
    let scene = Scene::new();
    for command in [false, true] {
        let script = |agent: &Agent| {
            if !command {
                let [dir] = agent.dirs(1)?[..] else { panic!("it is new") };
                agent.entries(dir, "/", vec![file("a", 1)])?;
            }
            agent.chunks(0, &[ChunkRef { len: 512 << 10, ..chunk(b"long") }, chunk(b"short")])?;
            agent.chunks(0, &[chunk(b"and more")]).map(drop)
        };
        let ended = if command { scene.command("web1", script) } else { scene.backup("web1", script) };
        assert_eq!(ended.violation(), ViolationClass::ChunkLength);
    }
}

#[test]
fn a_chunk_of_another_length_than_the_same_had_before() {
    let scene = Scene::new();
    scene.backup("web1", |agent| agent.one_file("a", b"known").map(drop)).result.unwrap();
    for (content, before) in [(&b"known"[..], false), (b"new", true)] {
        let ended = scene.backup("web1", |agent| {
            let [dir] = agent.dirs(1)?[..] else { panic!("it is new") };
            agent.entries(dir, "/", vec![file("b", 7), file("c", 7)])?;
            if before {
                agent.chunks(0, &[chunk(content)])?;
            }
            agent.chunks(1, &[ChunkRef { len: 7, ..chunk(content) }]).map(drop)
        });
        assert_eq!(ended.violation(), ViolationClass::ChunkLength);
    }
}

#[test]
fn files_that_turn_out_to_have_more_attributes_than_a_server_keeps() {
    let ended = Scene::new().backup("web1", |agent| {
        agent.dirs(1)?;
        let entries: Vec<_> = (0..200).map(|number| file(&number.to_string(), 0)).collect();
        agent.entries(0, "/", entries.clone())?;
        for (number, mut entry) in entries.into_iter().enumerate().skip(1) {
            let value = vec![b'x'; 200 << 10].into();
            entry.xattrs = vec![holdfast_wire::Xattr { name: b"user.x".to_vec().into(), value }];
            let outcome = FileOutcome::StoredAs(Box::new(entry));
            agent.say(FromAgent::FileEnd(FileEnd { file: number as u64, outcome }))?;
        }
        Ok(())
    });
    // This may be an honest one, with a directory that nobody can store.
    let error = ended.result.unwrap_err();
    assert!(matches!(&error, BackupError::DirectoryTooLarge(path) if path == "/"), "{error:?}");
}

#[test]
fn owners_without_end() {
    let ended = Scene::new().backup("web1", |agent| {
        (0..).try_for_each(|batch: u32| {
            let users = (0..1000).map(|number| (batch * 1000 + number, "x".repeat(255))).collect();
            agent.say(FromAgent::Owners { users, groups: Vec::new() })
        })
    });
    assert_eq!(ended.violation(), ViolationClass::Quota);
}
