//! Clients that want other people's data.

use super::scene::Scene;
use crate::link::scripted::{chunk, dir, file};

const SECRET: &[u8] = b"what somebody else has stored";

/// A repository with somebody else's data.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.backup("web1", |agent| agent.one_file("secret", SECRET).map(drop)).result.unwrap();
    scene
}

#[test]
fn what_a_client_never_sent_it_has_to_send() {
    let scene = scene();
    let ended = scene.backup("web2", |agent| {
        assert!(agent.one_file("mine", SECRET)?, "it was told that the chunk is there");
        Ok(())
    });
    assert_eq!(ended.result.unwrap().data_blobs, 0, "stored twice");
    // From now on it is its own, also if the file has changed.
    let again = scene.backup("web2", |agent| {
        assert!(!agent.one_file("moved", SECRET)?, "it has sent it before");
        Ok(())
    });
    again.result.unwrap();
}

#[test]
fn a_chunk_that_was_asked_for_and_never_came_gets_into_no_snapshot() {
    let scene = scene();
    let ended = scene.backup("web2", |agent| {
        agent.dirs(3)?;
        let size = SECRET.len() as u64;
        agent.entries(0, "/unclaimed", vec![file("a", size)])?;
        agent.entries(1, "/claimed", vec![file("b", size)])?;
        // The first file is asked to send it, and lies in a directory that is part of nothing.
        assert_eq!(agent.chunks(0, &[chunk(SECRET)])?, [true]);
        assert_eq!(agent.chunks(1, &[chunk(SECRET)])?, [false]);
        agent.end(0)?;
        agent.end(1)?;
        agent.entries(2, "/", vec![dir("claimed", 1)])?;
        agent.root(2)
    });
    assert!(ended.result.is_err(), "a snapshot with a chunk that the client knows by its hash alone");
    assert_eq!(scene.repository.read_snapshots().unwrap().good.len(), 1);
}

#[test]
fn bytes_that_are_not_their_hash_end_the_session() {
    let scene = scene();
    let ended = scene.backup("web2", |agent| {
        let [dir] = agent.dirs(1)?[..] else { panic!("it is new") };
        agent.entries(dir, "/", vec![file("a", 4)])?;
        agent.chunks(0, &[chunk(b"good")])?;
        agent.data(b"evil")?;
        agent.end(0)?;
        agent.root(dir)
    });
    assert_eq!(ended.violation(), holdfast_wire::ViolationClass::Hash);
    assert_eq!(scene.repository.read_snapshots().unwrap().good.len(), 1);
}
