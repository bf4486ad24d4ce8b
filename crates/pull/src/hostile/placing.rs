//! Clients that hang directories where they are not, too deep, or again and again.

use holdfast_model::TreeId;
use holdfast_wire::{DirDigest, FromAgent, ToAgent, ViolationClass};

use super::scene::{Scene, request};
use crate::link::scripted::{Agent, Gone, Played, digest, dir, entry};
use crate::state::{DigestMemory, DigestRecorder, KnownTree, Totals};
use crate::{BackupError, BackupRequest};

fn class(result: Result<crate::Summary, BackupError>) -> Option<ViolationClass> {
    match result {
        Err(BackupError::Link(crate::link::LinkError::Violation(violation))) => Some(violation.class),
        _ => None,
    }
}

#[test]
fn a_directory_lies_where_its_parent_has_it() {
    for child_first in [true, false] {
        let ended = Scene::new().backup("web1", |agent| {
            agent.dirs(2)?;
            if child_first {
                agent.entries(0, "/etc", Vec::new())?;
            }
            agent.some_entries(1, "/", vec![dir("srv", 0)], false)?;
            agent.entries(0, "/etc", Vec::new()).map(drop)
        });
        assert_eq!(ended.violation(), ViolationClass::Scope, "{child_first}");
    }
}

#[test]
fn nothing_is_stored_of_what_lies_beside_the_way_to_a_root() {
    let scene = Scene::new();
    let request = BackupRequest { roots: vec![b"/srv/www".to_vec()], ..request("web1") };
    let ended = scene.backup_as(&scene.client("web1"), &request, |agent| {
        agent.dirs(2)?;
        agent
            .entries(
                0,
                "/srv",
                vec![entry("www", holdfast_wire::EntryKind::Fifo), entry("home", holdfast_wire::EntryKind::Fifo)],
            )
            .map(drop)
    });
    assert_eq!(ended.violation(), ViolationClass::Scope);
}

/// Directories of one name, one in another, `count` of them, the innermost first; the outermost lies at `/`.
fn chain(agent: &Agent, innermost: Option<u64>, first: u64, count: u64) -> Result<u64, Gone> {
    let numbers: Vec<u64> = (first..first + count).collect();
    agent.say(FromAgent::Dirs(numbers.iter().map(|number| memorable(*number)).collect()))?;
    agent.hear()?;
    let mut child = innermost;
    for (at, number) in numbers.iter().enumerate() {
        let path = format!("/{}", vec!["d"; numbers.len() - 1 - at].join("/"));
        let entries = child.map(|child| dir("d", child)).into_iter().collect();
        let message = holdfast_wire::DirEntries {
            dir: *number,
            path: path.into_bytes().into(),
            entries,
            last: Some(memorable(*number)),
        };
        agent.say(FromAgent::Entries(message))?;
        agent.hear()?;
        child = Some(*number);
    }
    Ok(first + count - 1)
}

fn memorable(number: u64) -> DirDigest {
    DirDigest { memorable: true, ..digest(1000 + number) }
}

#[test]
fn no_depth_is_reached_by_hanging_what_is_known_into_what_is_new() {
    let scene = Scene::new();
    let deep = |agent: &Agent| -> Played {
        let root = chain(agent, None, 0, 1500)?;
        agent.root(root)?;
        agent.hear().map(drop)
    };
    scene.backup("web1", deep).result.unwrap();
    let ended = scene.backup("web1", |agent| {
        // All of it is known by its digest.
        agent.say(FromAgent::Dirs(vec![memorable(1499)]))?;
        let answer = agent.hear()?;
        assert!(matches!(&answer, ToAgent::WantDirs { wanted, .. } if wanted.is_empty()), "{answer:?}");
        let numbers: Vec<u64> = (1..=1500).collect();
        agent.say(FromAgent::Dirs(numbers.iter().map(|number| digest(5000 + number)).collect()))?;
        agent.hear()?;
        for number in numbers {
            let path = format!("/{}", vec!["e"; (1500 - number) as usize].join("/"));
            agent.entries(number, &path, vec![dir("e", number - 1)])?;
        }
        Ok(())
    });
    assert_eq!(ended.violation(), ViolationClass::Quota);
}

/// Has it that `totals` lie beneath a tree, which a client's digest stands for.
fn remember(scene: &Scene, tree: TreeId, known: &[(DirDigest, Totals)]) {
    let mut recorder = DigestRecorder::default();
    known.iter().for_each(|(digest, totals)| recorder.record(&digest.digest, KnownTree { tree, totals: *totals }));
    let memory = DigestMemory::load(&scene.client("web1"), &crate::backup::job_of(&request("web1")), [0; 32]).unwrap();
    memory.replace(recorder).unwrap();
}

#[test]
fn a_tree_that_is_hung_into_another_again_and_again_is_asked_for_again() {
    let scene = Scene::new();
    let made = scene.backup("web1", |agent| {
        let root = chain(agent, None, 0, 2)?;
        agent.root(root)?;
        agent.hear().map(drop)
    });
    let tree = scene.repository.load_snapshot(made.result.unwrap().snapshot.unwrap()).unwrap().tree;
    let ended = scene.backup("web1", |agent| {
        agent.say(FromAgent::Dirs(vec![memorable(1), memorable(1), memorable(1)]))?;
        let answer = agent.hear()?;
        assert!(matches!(&answer, ToAgent::WantDirs { wanted, .. } if *wanted == [1, 2]), "{answer:?}");
        Ok(())
    });
    assert_eq!(class(ended.result), None);

    // However it was done: there is an end to what one snapshot can hold.
    let many = Totals { files: 60_000_000, dirs: 2, bytes: 0, height: 2 };
    remember(&scene, tree, &[(memorable(7), many), (memorable(8), many)]);
    let ended = scene.backup("web1", |agent| {
        agent.say(FromAgent::Dirs(vec![memorable(7), memorable(8), digest(9)]))?;
        let answer = agent.hear()?;
        assert!(matches!(&answer, ToAgent::WantDirs { wanted, .. } if *wanted == [2]), "{answer:?}");
        agent.entries(2, "/", vec![dir("a", 0), dir("b", 1)]).map(drop)
    });
    assert_eq!(ended.violation(), ViolationClass::Quota);
}

#[test]
fn what_is_hung_up_as_the_root_or_on_the_way_to_roots_is_what_lies_there() {
    let scene = Scene::new();
    let request = BackupRequest { roots: vec![b"/srv/www".to_vec()], ..request("web1") };
    // The entries of a root, which may be any, as those of `/`.
    let ended = scene.backup_as(&scene.client("web1"), &request, |agent| {
        agent.dirs(2)?;
        agent.entries(0, "/srv/www", vec![entry("shadow", holdfast_wire::EntryKind::Fifo)])?;
        agent.entries(1, "/srv", vec![entry("www", holdfast_wire::EntryKind::Fifo)])?;
        agent.root(0)?;
        agent.hear().map(drop)
    });
    assert_eq!(ended.violation(), ViolationClass::Scope);

    // What was stored beneath a root before is known by its digest, and claimed for what is above it.
    let honest = |agent: &Agent| -> Played {
        agent.say(FromAgent::Dirs((0..3).map(memorable).collect()))?;
        agent.hear()?;
        for (number, path, entries) in [
            (0, "/srv/www", vec![entry("shadow", holdfast_wire::EntryKind::Fifo)]),
            (1, "/srv", vec![dir("www", 0)]),
            (2, "/", vec![dir("srv", 1)]),
        ] {
            let last = Some(memorable(number));
            let path = path.as_bytes().to_vec().into();
            agent.say(FromAgent::Entries(holdfast_wire::DirEntries { dir: number, path, entries, last }))?;
            agent.hear()?;
        }
        agent.root(2)?;
        agent.hear().map(drop)
    };
    scene.backup_as(&scene.client("web1"), &request, honest).result.unwrap();
    let above = scene.backup_as(&scene.client("web1"), &request, |agent| {
        agent.say(FromAgent::Dirs(vec![memorable(0), digest(7)]))?;
        let answer = agent.hear()?;
        assert!(matches!(&answer, ToAgent::WantDirs { wanted, .. } if *wanted == [1]), "{answer:?}");
        agent.entries(1, "/", vec![dir("srv", 0)]).map(drop)
    });
    assert_eq!(above.violation(), ViolationClass::Scope);
    let root = scene.backup_as(&scene.client("web1"), &request, |agent| {
        agent.say(FromAgent::Dirs(vec![memorable(0)]))?;
        agent.hear()?;
        agent.root(0)?;
        agent.hear().map(drop)
    });
    assert_eq!(root.violation(), ViolationClass::Scope);
    scene
        .backup_as(&scene.client("web1"), &request, |agent| {
            agent.say(FromAgent::Dirs((0..3).map(memorable).collect()))?;
            let answer = agent.hear()?;
            // Those on the way are listed each time.
            assert!(matches!(&answer, ToAgent::WantDirs { wanted, .. } if *wanted == [1, 2]), "{answer:?}");
            agent.entries(1, "/srv", vec![dir("www", 0)])?;
            agent.entries(2, "/", vec![dir("srv", 1)])?;
            agent.root(2)?;
            agent.hear().map(drop)
        })
        .result
        .unwrap();
}
