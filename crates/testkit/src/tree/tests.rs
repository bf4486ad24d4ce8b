//! Claims about the builders, checked with the system's own view of what they made.

use std::os::unix::fs::{FileTypeExt, MetadataExt};

use super::*;
use crate::{require_root, temp_dir};

fn stat(tree: &Tree, path: &str) -> std::fs::Metadata {
    std::fs::symlink_metadata(tree.path(path)).unwrap()
}

fn xattr(tree: &Tree, path: &str, name: &str) -> Vec<u8> {
    let mut value = vec![0; 4096];
    let length = rustix::fs::lgetxattr(tree.path(path), name, &mut value[..]).unwrap();
    value.truncate(length);
    value
}

#[test]
fn every_kind_of_file_is_there() {
    let dir = temp_dir();
    let tree = Tree::create(dir.path().join("tree"));
    tree.every_kind();
    assert!(stat(&tree, "special/fifo").file_type().is_fifo());
    assert!(stat(&tree, "special/socket").file_type().is_socket());
    assert_eq!(stat(&tree, "regular").nlink(), 3);
    assert_eq!(stat(&tree, "links/longest").len(), 4083);
    assert_eq!(stat(&tree, "modes/setuid").mode() & 0o7777, 0o4755);
    assert_eq!(stat(&tree, "modes/closed").mode() & 0o7777, 0);
    let old = stat(&tree, "times/before-1970");
    assert_eq!((old.mtime(), old.mtime_nsec()), (-1_234_567_890, 987_654_321));
    assert_eq!((stat(&tree, "").mtime(), stat(&tree, "times").mtime()), (1_444_444_444, -5));
    assert_eq!(xattr(&tree, "attributes/xattr", "user.binary"), [0, 255, 10, 0]);
    assert!(std::fs::read_dir(tree.path("names")).unwrap().count() > 60);
}

#[test]
fn root_gets_devices_owners_and_capabilities_too() {
    if !require_root() {
        return;
    }
    let dir = temp_dir();
    let tree = Tree::create(dir.path().join("tree"));
    tree.every_kind();
    let null = stat(&tree, "special/null");
    assert!(null.file_type().is_char_device());
    assert_eq!((rustix::fs::major(null.rdev()), rustix::fs::minor(null.rdev())), (1, 3));
    assert!(stat(&tree, "special/loop").file_type().is_block_device());
    assert_eq!((stat(&tree, "owners/someone").uid(), stat(&tree, "owners/someone").gid()), (12_345, 54_321));
    assert_eq!(stat(&tree, "owners/link").uid(), 7);
    assert_eq!(stat(&tree, "owners/setuid").mode() & 0o7777, 0o6711);
    assert_eq!(xattr(&tree, "attributes/capable", "security.capability").len(), 20);
}

#[test]
fn a_sparse_file_takes_no_more_room_than_its_pieces() {
    let dir = temp_dir();
    let tree = Tree::create(dir.path());
    tree.sparse_file("sparse", 64 << 20, &[(32 << 20, b"island")]);
    let found = stat(&tree, "sparse");
    assert_eq!(found.len(), 64 << 20);
    assert!(found.blocks() * 512 <= 128 << 10, "{} blocks", found.blocks());
}

#[test]
fn a_random_file_is_the_same_for_the_same_seed_whatever_its_length() {
    let dir = temp_dir();
    let tree = Tree::create(dir.path());
    tree.random_file("a", (1 << 20) + 7, 5).random_file("b", (1 << 20) + 7, 5).random_file("c", (1 << 20) + 7, 6);
    let read = |name: &str| std::fs::read(tree.path(name)).unwrap();
    assert_eq!(read("a").len(), (1 << 20) + 7);
    assert!(read("a") == read("b") && read("a") != read("c"));
}

#[test]
fn the_kernel_takes_our_access_control_list_as_setfacl_writes_it() {
    let dir = temp_dir();
    let tree = Tree::create(dir.path());
    let acl = Acl::new(0o640, &[AclEntry::Group(4321, 4), AclEntry::User(1234, 6)]);
    tree.file("ours", b"").acl("ours", &acl).file("theirs", b"");
    let program = std::process::Command::new("setfacl")
        .args(["-m", "u::rw,u:1234:rw,g::r,g:4321:r,m::rwx,o::-"])
        .arg(tree.path("theirs"))
        .status();
    match program {
        Ok(status) => assert!(status.success()),
        Err(error) => return crate::skip(&format!("needs setfacl: {error}")),
    }
    let name = "system.posix_acl_access";
    assert_eq!(xattr(&tree, "ours", name), xattr(&tree, "theirs", name));
}

#[test]
fn an_entry_can_be_taken_away_again() {
    let dir = temp_dir();
    let tree = Tree::create(dir.path());
    tree.file("a/b", b"").symlink("link", "a").remove("a").remove("link");
    assert_eq!(std::fs::read_dir(tree.root()).unwrap().count(), 0);
}
