//! Clients that answer under the name of another, with a key of their own.

use super::scene::{Scene, request};
use crate::link::scripted::{Agent, Played, chunk, file};
use crate::state::ClientState;

const SECRET: &[u8] = b"what the true client has stored";

/// Lists the file with the same metadata as the true client, and gives whether its content is asked for.
fn claims(scene: &Scene, state: &ClientState) -> (bool, bool) {
    let (mut by_metadata, mut by_hash) = (false, false);
    let ended = scene.backup_as(state, &request("web1"), |agent| {
        let [dir] = agent.dirs(1)?[..] else { panic!("it is new") };
        let wanted = agent.entries(dir, "/", vec![file("secret", SECRET.len() as u64)])?;
        by_metadata = wanted.is_empty();
        if !by_metadata {
            by_hash = agent.chunks(0, &[chunk(SECRET)])? == [false];
        }
        Ok(())
    });
    ended.result.unwrap_err();
    (by_metadata, by_hash)
}

fn honest(agent: &Agent) -> Played {
    agent.one_file("secret", SECRET).map(drop)
}

#[test]
fn a_name_alone_opens_nothing() {
    let scene = Scene::new();
    scene.backup("web1", honest).result.unwrap();
    // The true one is recognised.
    assert_eq!(claims(&scene, &scene.client("web1")), (true, false));
    // One with another key is not, neither by what its files look like nor by hashes; nor is anybody after a loss of
    // the state, which is the same to us.
    assert_eq!(claims(&scene, &scene.client_with_key("web1", "another key")), (false, false));
}

#[test]
fn without_a_memory_everything_is_sent() {
    let scene = Scene::new();
    scene.backup("web1", honest).result.unwrap();
    let again = scene.backup_without_state("web1", |agent| {
        assert!(agent.one_file("secret", SECRET)?);
        Ok(())
    });
    again.result.unwrap();
}
