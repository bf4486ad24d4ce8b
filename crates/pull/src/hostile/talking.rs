//! Clients that want to write more onto the administrator's terminal, and into logs, than they may.

use holdfast_wire::{AgentHello, FromAgent, NOT_THERE, Version, ViolationClass};

use super::scene::Scene;
use crate::link::LinkError;
use crate::link::scripted::file;
use crate::{BackupError, RestoreError};

const EVIL: &str = "x\x1b]52;c;cm0gLXJmIC8=\x07\nsnapshot 4f2a81c0 saved\u{202e}";

fn problem(path: &str) -> FromAgent {
    FromAgent::Problem { path: path.as_bytes().to_vec().into(), during: EVIL.into(), message: EVIL.into() }
}

fn refused() -> FromAgent {
    FromAgent::Refused { message: EVIL.into() }
}

#[track_caller]
fn assert_harmless(text: &str) {
    assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{text:?}");
    assert!(text.contains("4f2a81c0"), "{text:?}");
}

#[test]
fn whatever_a_client_says_is_one_harmless_line() {
    let scene = Scene::new();
    let tree = scene.put_tree(Vec::new());
    let play = |agent: &crate::link::scripted::Agent| {
        agent.say(problem(EVIL))?;
        agent.say(refused())
    };
    let (paths, command) = (scene.backup("web1", play), scene.command("web1", play));
    let restored = scene.restore(tree, play);
    for ended in [paths, command] {
        let Err(BackupError::Link(LinkError::Refused(message))) = &ended.result else { panic!("{:?}", ended.result) };
        assert_harmless(message);
        let error = &ended.shown.errors[0];
        [&error.path, &error.during, &error.message].into_iter().for_each(|text| assert_harmless(text));
    }
    let Err(RestoreError::Link(LinkError::Refused(message))) = &restored.result else { panic!() };
    assert_harmless(message);
    assert_harmless(&restored.shown.errors[0].message);
}

#[test]
fn that_a_root_may_be_missing_excuses_one_word_of_exactly_that() {
    let scene = Scene::new();
    let request = crate::BackupRequest {
        roots: vec![b"/var/mail".to_vec(), b"/srv".to_vec()],
        optional_roots: vec![b"/var/mail".to_vec()],
        ..super::scene::request("web1")
    };
    let ended = scene.backup_as(&scene.client("web1"), &request, |agent| {
        for (path, message) in [
            ("/var/mail", "permission denied"),
            ("/var/mail/ann", NOT_THERE),
            ("/srv", NOT_THERE),
            ("/var/mail", NOT_THERE),
            ("/var/mail", NOT_THERE),
        ] {
            let (path, message) = (path.as_bytes().to_vec().into(), message.to_owned());
            agent.say(FromAgent::Problem { path, during: "open".into(), message })?;
        }
        Ok(())
    });
    let shown: Vec<_> = ended.shown.errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(shown, ["/var/mail", "/var/mail/ann", "/srv", "/var/mail"]);
}

#[test]
fn problems_without_end_are_not_all_shown_and_end_the_session() {
    let ended = Scene::new().backup("web1", |agent| {
        // One more than a million, which are a few seconds of a fast client.
        (0..=1_000_000).try_for_each(|_| agent.say(problem("")))
    });
    assert_eq!(ended.violation(), ViolationClass::Text);
    assert!(ended.shown.errors.len() <= 10_000, "{}", ended.shown.errors.len());
    assert!(ended.shown.notes.iter().any(|note| note.contains("not shown")), "{:?}", ended.shown.notes);
}

#[test]
fn a_problem_with_a_path_of_half_a_megabyte_is_shown_in_short() {
    let ended = Scene::new().backup("web1", |agent| agent.say(problem(&"/x".repeat(200_000))));
    assert!(ended.shown.errors[0].path.len() < 5_000);
}

#[test]
fn a_greeting_is_harmless_too() {
    let hello = AgentHello {
        oldest: Version(9),
        newest: Version(9),
        release: EVIL.into(),
        architecture: EVIL.into(),
        uid: 0,
        now: Default::default(),
        home: Vec::new().into(),
    };
    let (mut link, agent) = crate::link::scripted::scripted(0);
    agent.say(FromAgent::Hello(hello)).unwrap();
    let crate::link::Up::Message(FromAgent::Hello(heard)) = crate::link::ClientLink::recv(&mut link).unwrap() else {
        panic!("no greeting")
    };
    assert_harmless(&heard.release);
    assert_harmless(&heard.architecture);
}

#[test]
fn the_file_that_came_last_is_named_a_few_times_a_second_and_harmlessly() {
    let scene = Scene::new();
    let ended = scene.backup("web1", |agent| {
        let [dir] = agent.dirs(1)?[..] else { panic!("it is new") };
        agent.entries(dir, "/", vec![file("a\x1b[2J", 0), file("b", 0)])?;
        scene.clock.advance(std::time::Duration::from_secs(1));
        agent.end(0)?;
        agent.end(1)?;
        agent.root(dir)?;
        agent.hear().map(drop)
    });
    ended.result.unwrap();
    assert_eq!(ended.shown.current.unwrap(), "/a\\u{1b}[2J");
}
