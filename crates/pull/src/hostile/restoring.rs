//! Restores of trees that are damaged or odd, and onto agents that do not keep to the rules.

use holdfast_model::{BlobId, TreeId};
use holdfast_repo::tree::{Node, NodeKind, Xattr};
use holdfast_wire::{FromAgent, Need, RestoreNode, ToAgent};

use super::scene::{Scene, dir_node, file_node};
use crate::RestoreError;
use crate::link::LinkError;
use crate::link::scripted::{Agent, Gone};

/// All nodes that an agent was sent.
fn nodes(heard: &[ToAgent]) -> Vec<RestoreNode> {
    let nodes = heard.iter().filter_map(|message| match message {
        ToAgent::Nodes(nodes) => Some(nodes.clone()),
        _ => None,
    });
    nodes.flatten().collect()
}

/// The names of the directories that an agent was told to close, which is when it deletes.
fn closed(heard: &[ToAgent]) -> Vec<String> {
    let nodes = nodes(heard);
    let closed = heard.iter().filter_map(|message| match message {
        ToAgent::CloseDirs(numbers) => Some(numbers),
        _ => None,
    });
    closed.flatten().map(|number| String::from_utf8_lossy(&nodes[*number as usize].path).into_owned()).collect()
}

/// Restores a tree; gives what the agent was told, and how many items failed.
fn restored(scene: &Scene, tree: TreeId) -> (Vec<ToAgent>, u64) {
    let mut heard = Vec::new();
    let ended = scene.restore(tree, |agent| {
        heard = agent.restored()?;
        Ok(())
    });
    (heard, ended.result.unwrap().failed)
}

#[test]
fn a_directory_whose_names_could_not_all_be_given_is_not_closed() {
    let scene = Scene::new();
    let (good, lost) = (scene.put_data(b"good"), BlobId::new([9; 32]));
    let sound = scene.put_tree(vec![file_node("file", &[good])]);
    // A file whose content is lost, and a directory whose tree is.
    let file_lost = scene.put_tree(vec![dir_node("beneath", sound), file_node("lost", &[lost])]);
    let tree_lost = scene.put_tree(vec![file_node("file", &[good]), dir_node("lost", TreeId::new([8; 32]))]);
    let top = scene.put_tree(vec![
        dir_node("file lost", file_lost),
        dir_node("sound", sound),
        dir_node("tree lost", tree_lost),
    ]);
    let whole = scene.put_tree(vec![dir_node("top", top)]);
    let (heard, failed) = restored(&scene, whole);
    assert_eq!(closed(&heard), ["top/file lost/beneath", "top/sound", "top"]);
    assert_eq!(failed, 2);
}

#[test]
fn what_this_protocol_cannot_carry_fails_alone() {
    let scene = Scene::new();
    let xattr = |name: &str, length| Xattr { name: name.as_bytes().into(), value: vec![1; length].into() };
    let mut unsorted = file_node("unsorted", &[]);
    unsorted.xattrs = vec![xattr("user.b", 1), xattr("user.a", 2), xattr("user.b", 3)];
    unsorted.user = Some("x".repeat(300).into());
    let mut large = file_node("large", &[]);
    large.xattrs = vec![xattr("user.fork", 300 << 10)];
    let mut dir = dir_node("dir", scene.put_tree(vec![file_node("beneath", &[])]));
    dir.xattrs = large.xattrs.clone();
    let link = Node::new(&b"link"[..], NodeKind::Symlink { target: Box::default() }, 0o777);
    let (heard, failed) = restored(&scene, scene.put_tree(vec![unsorted, large, dir, link]));
    let nodes = nodes(&heard);
    let [node] = &nodes[..] else { panic!("{nodes:?}") };
    assert_eq!((&node.path[..], node.user.as_str()), (&b"unsorted"[..], ""));
    let xattrs: Vec<_> = node.entry.xattrs.iter().map(|xattr| (&xattr.name[..], xattr.value.len())).collect();
    assert_eq!(xattrs, [(&b"user.a"[..], 2), (b"user.b", 1)]);
    assert_eq!(failed, 3);
}

#[test]
fn only_names_of_equal_content_are_linked_and_no_more_than_the_file_has() {
    let scene = Scene::new();
    let [one, other] = [scene.put_data(b"one"), scene.put_data(b"other")];
    let named = |name: &str, content, links| {
        let mut node = file_node(name, &[content]);
        (node.inode, node.device_id, node.links) = (5000, 0x801, links);
        node
    };
    // Two disks that changed their numbers, and a link that was made while the backup ran.
    let disks = vec![named("a1", one, 2), named("a2", other, 2), named("a3", one, 2), named("a4", other, 2)];
    let grown = vec![named("b1", one, 2), named("b2", one, 3), named("b3", one, 3)];
    for (tree, expected) in [(disks, vec![None, None, Some(0), Some(1)]), (grown, vec![None, Some(0), None])] {
        let (heard, _) = restored(&scene, scene.put_tree(tree));
        let links: Vec<_> = nodes(&heard).iter().map(|node| node.hard_link_to).collect();
        assert_eq!(links, expected);
    }
}

#[test]
fn an_agent_that_leaves_something_out_is_found_out() {
    let scene = Scene::new();
    let tree =
        scene.put_tree(vec![dir_node("a", scene.put_tree(Vec::new())), dir_node("b", scene.put_tree(Vec::new()))]);
    let ends_after = |told: &[u64]| {
        let ended = scene.restore(tree, |agent| {
            while !matches!(agent.hear()?, ToAgent::Finish) {}
            told.iter().try_for_each(|node| agent.outcome(*node))?;
            agent.say(FromAgent::RestoreEnd { deleted: 0, owners_kept: 0 })
        });
        ended.result
    };
    assert_eq!(ends_after(&[1, 0]).unwrap().unchanged, 2);
    assert!(matches!(ends_after(&[1]), Err(RestoreError::Untold { missing: 1 })));
    for wrong in [[0, 0], [0, 2], [0, u64::MAX]] {
        assert!(matches!(ends_after(&wrong), Err(RestoreError::Link(LinkError::Violation(_)))), "{wrong:?}");
    }
}

/// A tree of many files of one byte.
fn many_files(scene: &Scene, count: usize) -> TreeId {
    let content = scene.put_data(b"x");
    scene.put_tree((0..count).map(|i| file_node(&format!("f{i:06}"), &[content])).collect())
}

/// Wants all content of these nodes, the first of which has this number; gives the number after them.
fn want_all(agent: &Agent, nodes: &[RestoreNode], first: u64) -> Result<u64, Gone> {
    let need =
        |(node, restore): (u64, &RestoreNode)| Need { node, chunks: restore.chunks.iter().map(|_| true).collect() };
    agent.say(FromAgent::Needs((first..).zip(nodes).map(need).collect()))?;
    Ok(first + nodes.len() as u64)
}

#[test]
fn the_next_window_comes_before_this_one_is_complete_and_the_one_after_it_does_not() {
    let scene = Scene::new();
    let tree = many_files(&scene, 20_000);
    let mut windows = 0;
    let ended = scene.restore(tree, |agent| {
        let mut heard = Vec::new();
        while windows < 2 {
            heard.push(agent.hear()?);
            if matches!(heard.last(), Some(ToAgent::WindowEnd)) {
                windows += 1;
                if windows == 1 {
                    want_all(agent, &nodes(&heard), 0)?;
                }
            }
        }
        // What is needed of the second window is never said: nothing more may come than the rest of the first.
        agent.stop();
        while let Ok(message) = agent.hear() {
            windows += usize::from(matches!(message, ToAgent::WindowEnd));
        }
        Ok(())
    });
    assert!(matches!(ended.result, Err(RestoreError::Link(LinkError::Closed))), "{:?}", ended.result);
    assert_eq!(windows, 2);
}

#[test]
fn every_place_gets_its_content_once_however_the_windows_overlap() {
    let scene = Scene::new();
    let count = 20_000;
    let tree = many_files(&scene, count);
    let mut got = vec![0; count];
    let ended = scene.restore(tree, |agent| {
        let (mut window, mut first) = (Vec::new(), 0);
        loop {
            match agent.hear()? {
                ToAgent::WindowEnd => first = want_all(agent, &nodes(&std::mem::take(&mut window)), first)?,
                ToAgent::Blob(header) => header.targets.iter().for_each(|target| got[target.node as usize] += 1),
                ToAgent::Finish => break,
                message => window.push(message),
            }
        }
        (0..first).try_for_each(|node| agent.outcome(node))?;
        agent.say(FromAgent::RestoreEnd { deleted: 0, owners_kept: 0 })
    });
    assert_eq!(ended.result.unwrap().bytes_written, count as u64);
    assert!(got.iter().all(|times| *times == 1));
}

#[test]
fn an_answer_about_a_window_that_was_not_sent_is_a_violation() {
    let scene = Scene::new();
    let tree = many_files(&scene, 3000);
    let ended = scene.restore(tree, |agent| {
        let mut heard = Vec::new();
        while !matches!(heard.last(), Some(ToAgent::WindowEnd)) {
            heard.push(agent.hear()?);
        }
        let nodes = nodes(&heard);
        want_all(agent, &nodes[..1], nodes.len() as u64)?;
        agent.hang_up();
        Ok(())
    });
    assert!(matches!(ended.result, Err(RestoreError::Link(LinkError::Violation(_)))), "{:?}", ended.result);
}
