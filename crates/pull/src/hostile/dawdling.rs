//! Clients that do not go on.

use std::time::Duration;

use holdfast_wire::{FromAgent, ViolationClass};

use super::scene::Scene;
use crate::link::scripted::{Agent, Played, chunk, file};

const MINUTE: Duration = Duration::from_secs(60);

/// Says a little every minute until the server has enough.
fn trickle(scene: &Scene, agent: &Agent, say: impl Fn(u64) -> FromAgent) -> Played {
    (0..600).try_for_each(|minute| {
        scene.clock.advance(MINUTE);
        agent.say(say(minute))
    })
}

#[test]
fn one_that_brings_next_to_nothing_of_what_it_was_asked_for_is_ended() {
    let scene = Scene::new();
    let ended = scene.backup("web1", |agent| {
        let [dir] = agent.dirs(1)?[..] else { panic!("it is new") };
        agent.entries(dir, "/", vec![file("a", 1)])?;
        trickle(&scene, agent, |minute| FromAgent::Walked { files: minute, bytes: minute })
    });
    assert_eq!(ended.violation(), ViolationClass::Deadline);
}

#[test]
fn one_that_walks_forever_is_ended() {
    let scene = Scene::new();
    let ended = scene.backup("web1", |agent| {
        let [dir] = agent.dirs(1)?[..] else { panic!("it is new") };
        agent.entries(dir, "/d", Vec::new())?;
        trickle(&scene, agent, |minute| FromAgent::Walked { files: minute, bytes: minute })
    });
    assert_eq!(ended.violation(), ViolationClass::Deadline);
}

#[test]
fn one_that_is_silent_is_ended() {
    let scene = Scene::new();
    let ended = scene.backup("web1", |agent| {
        let [dir] = agent.dirs(1)?[..] else { panic!("it is new") };
        agent.entries(dir, "/", vec![file("a", 1)])?;
        scene.clock.advance(31 * MINUTE);
        agent.hear().map(drop)
    });
    assert_eq!(ended.violation(), ViolationClass::Deadline);
}

#[test]
fn wrong_bytes_end_the_session_of_one_that_says_nothing_more() {
    let ended = Scene::new().backup("web1", |agent| {
        let [dir] = agent.dirs(1)?[..] else { panic!("it is new") };
        agent.entries(dir, "/", vec![file("a", 4)])?;
        agent.chunks(0, &[chunk(b"good")])?;
        agent.data(b"evil")?;
        agent.hear().map(drop)
    });
    assert_eq!(ended.violation(), ViolationClass::Hash);
}
