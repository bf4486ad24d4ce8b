//! Trees with everything that a file system can hold.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub(crate) fn write(path: &Path, content: &[u8]) {
    File::create(path).unwrap().write_all(content).unwrap();
}

/// Bytes that do not repeat.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

pub(crate) fn special(path: &Path, kind: FileType, device: u64) {
    rustix::fs::mknodat(CWD, path, kind, Mode::from_raw_mode(0o640), device).unwrap();
}

pub(crate) fn set_mtime(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// Sets an attribute; tells when the file system knows none.
pub(crate) fn set_xattr(path: &Path, name: &str, value: &[u8]) -> bool {
    match rustix::fs::lsetxattr(path, name, value, XattrFlags::empty()) {
        Ok(()) => true,
        Err(error) => {
            println!("skipped: {name} on {}: {error}", path.display());
            false
        }
    }
}

/// Makes one of everything.
pub(crate) fn everything(top: &Path) {
    files(&top.join("files"));
    names(&top.join("names"));
    links(&top.join("links"));
    specials(&top.join("special"));
    attributes(&top.join("attributes"));
    deep(&top.join("deep"), 200);
    set_mtime(top, 1_000_000_000, 123_456_789);
}

fn files(dir: &Path) {
    fs::create_dir(dir).unwrap();
    write(&dir.join("empty"), b"");
    write(&dir.join("small"), b"some bytes");
    write(&dir.join("large"), &noise(5_000_000, 3));
    write(&dir.join("copy of large"), &noise(5_000_000, 3));
    let sparse = File::create(dir.join("sparse")).unwrap();
    sparse.set_len(40 << 20).unwrap();
    sparse.write_all_at(b"data", 9 << 20).unwrap();
    sparse.write_all_at(&noise(300_000, 9), 21_000_001).unwrap();
    File::create(dir.join("all hole")).unwrap().set_len(20 << 20).unwrap();
    write(&dir.join("modes"), b"x");
    fs::set_permissions(dir.join("modes"), PermissionsExt::from_mode(0o6751)).unwrap();
    write(&dir.join("before 1970"), b"x");
    set_mtime(&dir.join("before 1970"), -5, 999_999_999);
    if is_root() {
        std::os::unix::fs::chown(dir.join("modes"), Some(4_000_000_000), Some(3_999_999_999)).unwrap();
        std::os::unix::fs::lchown(dir.join("small"), Some(1), Some(1)).unwrap();
    }
}

fn names(dir: &Path) {
    fs::create_dir(dir).unwrap();
    let long = [b'n'; 255];
    for name in
        [&b"new\nline"[..], b"\xff\xfe invalid", b" ", b"...", b"tab\t\x01", "ünï".as_bytes(), &long, b"a\\b*?["]
    {
        write(&dir.join(OsStr::from_bytes(name)), name);
        let mut of_dir = name[..name.len().min(250)].to_vec();
        of_dir.extend_from_slice(b".d");
        fs::create_dir(dir.join(OsStr::from_bytes(&of_dir))).unwrap();
    }
}

fn links(dir: &Path) {
    fs::create_dir(dir).unwrap();
    write(&dir.join("one"), b"linked");
    fs::hard_link(dir.join("one"), dir.join("two")).unwrap();
    symlink("one", dir.join("to one")).unwrap();
    symlink("/nowhere/at all", dir.join("dangling")).unwrap();
    symlink("..", dir.join("loop")).unwrap();
    symlink(OsStr::from_bytes(&[0xff; 3000]), dir.join("long")).unwrap();
    set_mtime(&dir.join("dangling"), 5, 6);
}

fn specials(dir: &Path) {
    fs::create_dir(dir).unwrap();
    special(&dir.join("fifo"), FileType::Fifo, 0);
    drop(std::os::unix::net::UnixListener::bind(dir.join("socket")).unwrap());
    if is_root() {
        special(&dir.join("block"), FileType::BlockDevice, rustix::fs::makedev(7, 300));
        special(&dir.join("char"), FileType::CharacterDevice, rustix::fs::makedev(1, 3));
    } else {
        println!("skipped: devices need root");
    }
}

fn attributes(dir: &Path) {
    fs::create_dir(dir).unwrap();
    let file = dir.join("file");
    write(&file, b"x");
    set_xattr(&file, "user.z", b"last");
    set_xattr(&file, "user.colour", b"\x00\xffred");
    set_xattr(&file, "user.empty", b"");
    set_xattr(dir, "user.of directory", b"yes");
    // Version 2, then user_obj rw-, user 1000 rw-, group_obj r--, mask rw-, other ---.
    let acl: Vec<u8> = [(1u16, 6u16, u32::MAX), (2, 6, 1000), (4, 4, u32::MAX), (16, 6, u32::MAX), (32, 0, u32::MAX)]
        .iter()
        .flat_map(|(tag, perm, id)| [&tag.to_le_bytes()[..], &perm.to_le_bytes(), &id.to_le_bytes()].concat())
        .collect();
    set_xattr(&file, "system.posix_acl_access", &[&2u32.to_le_bytes()[..], &acl].concat());
    set_xattr(dir, "system.posix_acl_default", &[&2u32.to_le_bytes()[..], &acl].concat());
    if is_root() {
        let program = dir.join("program");
        write(&program, b"x");
        // VFS_CAP_REVISION_2, effective; cap_net_raw permitted.
        let capability: Vec<u8> = [0x0200_0001u32, 1 << 13, 0, 0, 0].iter().flat_map(|n| n.to_le_bytes()).collect();
        set_xattr(&program, "security.capability", &capability);
        symlink("file", dir.join("link")).unwrap();
        set_xattr(&dir.join("link"), "trusted.of link", b"itself");
    }
}

/// Directories within each other.
pub(crate) fn deep(dir: &Path, depth: usize) -> PathBuf {
    let mut path = dir.to_path_buf();
    fs::create_dir(&path).unwrap();
    for level in 1..depth {
        path.push(format!("level {level}"));
        fs::create_dir(&path).unwrap();
    }
    write(&path.join("bottom"), b"here");
    path
}
