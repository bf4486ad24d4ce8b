//! What `restore::confine` promises, as tests.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::target::{TargetError, open_target};
use super::*;

fn beneath(path: &Path, resolver: Resolver) -> Beneath {
    let target = open_target(path.as_os_str().as_encoded_bytes(), false).unwrap();
    Beneath::with_resolver(target.root, resolver)
}

#[test]
fn no_link_is_followed_anywhere_on_the_way() {
    for resolver in [Resolver::Openat2, Resolver::Stepwise] {
        let temp = tempfile::tempdir().unwrap();
        let target = temp.path().join("target");
        fs::create_dir_all(target.join("a/b/c")).unwrap();
        fs::create_dir_all(temp.path().join("outside/c")).unwrap();
        symlink("../../outside", target.join("a/out")).unwrap();
        symlink("b", target.join("a/inside")).unwrap();
        symlink("/", target.join("slash")).unwrap();
        let tree = beneath(&target, resolver);
        assert!(tree.dir(b"a/b/c").is_ok());
        for path in [&b"a/out"[..], b"a/out/c", b"a/inside/c", b"slash/etc", b"slash"] {
            assert!(matches!(tree.dir(path), Err(Errno::LOOP | Errno::NOTDIR)), "{}", path.escape_ascii());
        }
        assert!(matches!(tree.dir(b"a/missing"), Err(Errno::NOENT)));
    }
}

#[test]
fn a_directory_deeper_than_any_path_is_reached() {
    for resolver in [Resolver::Openat2, Resolver::Stepwise] {
        let temp = tempfile::tempdir().unwrap();
        let tree = beneath(temp.path(), resolver);
        let mut path = Vec::new();
        for depth in 0..200 {
            let name = [b'a' + (depth % 26) as u8; 200];
            let parent = tree.dir(&path).unwrap();
            rustix::fs::mkdirat(&parent, &name[..], Mode::RWXU).unwrap();
            path.extend_from_slice(if path.is_empty() { b"" } else { b"/" });
            path.extend_from_slice(&name);
        }
        assert!(path.len() > 40_000);
        // As if nothing were cached.
        assert!(beneath(temp.path(), resolver).dir(&path).is_ok());
    }
}

#[test]
fn another_directory_in_the_place_of_a_known_one_is_noticed() {
    let temp = tempfile::tempdir().unwrap();
    fs::create_dir(temp.path().join("a")).unwrap();
    fs::create_dir(temp.path().join("b")).unwrap();
    let tree = beneath(temp.path(), Resolver::Openat2);
    let a = Beneath::child(&tree.dir(b"").unwrap(), b"a").unwrap();
    tree.adopt(b"a", a).unwrap();
    assert!(tree.dir(b"a").is_ok());
    tree.cache.lock().remove(&b"a"[..]);
    assert!(tree.dir(b"a").is_ok(), "it may be opened again");
    tree.cache.lock().remove(&b"a"[..]);
    fs::rename(temp.path().join("a"), temp.path().join("c")).unwrap();
    fs::rename(temp.path().join("b"), temp.path().join("a")).unwrap();
    assert_eq!(tree.dir(b"a").unwrap_err(), Errno::STALE);
    tree.release(b"a");
    assert!(tree.dir(b"a").is_ok(), "what the session is done with is nobody's");
}

#[test]
fn pieces_end_at_components() {
    let path = b"aaa/bb/c";
    assert_eq!(piece_end(path, 0, 0), 3);
    assert_eq!(piece_end(path, 0, 5), 3);
    assert_eq!(piece_end(path, 0, 6), 6);
    assert_eq!(piece_end(path, 4, 0), 6);
    assert_eq!(piece_end(path, 0, 100), 8);
}

#[test]
fn a_target_is_made_with_its_parents() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("a/./b/../b//c");
    let target = open_target(path.as_os_str().as_encoded_bytes(), false).unwrap();
    assert!(!target.existed);
    assert_eq!(target.made.len(), 3);
    assert!(temp.path().join("a/b/c").is_dir());
    assert!(open_target(path.as_os_str().as_encoded_bytes(), false).unwrap().existed);
}

#[test]
fn a_dry_run_makes_no_target() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("a/b");
    assert!(open_target(path.as_os_str().as_encoded_bytes(), true).unwrap().root.is_none());
    assert!(!temp.path().join("a").exists());
}

#[test]
fn a_target_that_is_no_directory_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("file"), b"").unwrap();
    symlink("circle", temp.path().join("circle")).unwrap();
    let open = |name: &str| open_target(temp.path().join(name).as_os_str().as_encoded_bytes(), false);
    assert!(matches!(open("file").unwrap_err(), TargetError::NotADirectory { .. }));
    assert!(matches!(open("file/sub").unwrap_err(), TargetError::NotADirectory { .. }));
    assert!(matches!(open("circle").unwrap_err(), TargetError::TooManyLinks));
    assert!(matches!(open_target(b"relative", false).unwrap_err(), TargetError::NotAbsolute));
    assert!(matches!(open_target(b"", false).unwrap_err(), TargetError::NotAbsolute));
}

#[test]
fn only_ones_own_links_lead_to_a_target() {
    let temp = tempfile::tempdir().unwrap();
    fs::create_dir(temp.path().join("real")).unwrap();
    let link = temp.path().join("link");
    symlink("real", &link).unwrap();
    assert!(open_target(link.as_os_str().as_encoded_bytes(), false).unwrap().existed);
    if std::os::unix::fs::lchown(&link, Some(65534), None).is_err() {
        println!("SKIPPED: a link of another user can only be made by root");
        return;
    }
    let refused = open_target(link.as_os_str().as_encoded_bytes(), false).unwrap_err();
    assert!(matches!(refused, TargetError::ForeignLink { uid: 65534, .. }), "{refused}");
}
