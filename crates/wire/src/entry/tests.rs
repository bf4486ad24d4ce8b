//! What an entry may and may not say.

use super::*;
use crate::ViolationClass;

fn entry() -> Entry {
    let time = Timestamp { seconds: -1, nanoseconds: 999_999_999 };
    Entry {
        name: ByteBuf::from(*b"name"),
        kind: EntryKind::File { size: 1 },
        mode: 0o7777,
        uid: 0,
        gid: 0,
        mtime: time,
        atime: time,
        ctime: time,
        inode: 1,
        device: 1,
        links: 1,
        xattrs: vec![xattr("a", 1), xattr("b", 0)],
    }
}

fn xattr(name: &str, len: usize) -> Xattr {
    Xattr { name: ByteBuf::from(name), value: ByteBuf::from(vec![0; len]) }
}

fn class_of(change: impl FnOnce(&mut Entry)) -> Option<ViolationClass> {
    let mut entry = entry();
    change(&mut entry);
    entry.validate().err().map(|violation| violation.class())
}

#[test]
fn what_a_file_system_shows_passes() {
    assert_eq!(class_of(|_| ()), None);
    assert_eq!(class_of(|e| e.xattrs = vec![xattr("a", MAX_XATTRS - 1)]), None);
    assert_eq!(class_of(|e| e.kind = link(&[b'x'; MAX_LINK_TARGET])), None);
}

#[test]
fn impossible_names_modes_and_times_are_refused() {
    assert_eq!(class_of(|e| e.name = ByteBuf::from(*b"..")), Some(ViolationClass::Name));
    assert_eq!(class_of(|e| e.mode = 0o10000), Some(ViolationClass::Protocol));
    assert_eq!(class_of(|e| e.mtime.nanoseconds = 1_000_000_000), Some(ViolationClass::Protocol));
    assert_eq!(class_of(|e| e.atime.nanoseconds = u32::MAX), Some(ViolationClass::Protocol));
    assert_eq!(class_of(|e| e.ctime.nanoseconds = 1_000_000_000), Some(ViolationClass::Protocol));
}

#[test]
fn link_targets_are_bounded_and_not_empty() {
    assert_eq!(class_of(|e| e.kind = link(b"")), Some(ViolationClass::Protocol));
    assert_eq!(class_of(|e| e.kind = link(b"a\0b")), Some(ViolationClass::Protocol));
    assert_eq!(class_of(|e| e.kind = link(&[b'x'; MAX_LINK_TARGET + 1])), Some(ViolationClass::Quota));
}

#[test]
fn extended_attributes_are_bounded_and_sorted() {
    assert_eq!(class_of(|e| e.xattrs = vec![xattr("a", MAX_XATTRS)]), Some(ViolationClass::Quota));
    assert_eq!(class_of(|e| e.xattrs = vec![xattr("b", 0), xattr("a", 0)]), Some(ViolationClass::Name));
    assert_eq!(class_of(|e| e.xattrs = vec![xattr("a", 0), xattr("a", 0)]), Some(ViolationClass::Name));
    assert_eq!(class_of(|e| e.xattrs = vec![xattr("", 0)]), Some(ViolationClass::Name));
    assert_eq!(class_of(|e| e.xattrs = vec![xattr("a\0", 0)]), Some(ViolationClass::Name));
    assert_eq!(class_of(|e| e.xattrs = vec![xattr(&"x".repeat(256), 0)]), Some(ViolationClass::Name));
}

fn link(target: &[u8]) -> EntryKind {
    EntryKind::Symlink { target: ByteBuf::from(target) }
}
