//! Claims about the local driver, also with system calls that fail: strace makes them, in a process of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use holdfast_testkit::{skip, temp_dir};

use super::*;
use crate::contract::{self, Strength};

fn id(first: u8) -> Id {
    Id::new([first; 32])
}

/// Paths of all files beneath a directory.
fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path.display().to_string());
        }
    }
    found
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn nothing_is_read_that_is_larger_than_its_kind_may_be() {
    let dir = temp_dir();
    let store = LocalStore::new(dir.path());
    store.create().unwrap();
    for kind in FileKind::ALL {
        // A sparse file costs nothing to plant.
        let file = dir.path().join(layout::path(kind, &id(1)));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::File::create(&file).unwrap().set_len(kind.max_size() + 1).unwrap();
        assert_eq!(store.read(kind, &id(1)).unwrap_err().kind(), ErrorKind::Permanent, "{kind:?}");
    }
}

#[test]
fn only_file_systems_of_this_machine_are_believed_to_list_at_once() {
    let dir = temp_dir();
    let store = LocalStore::new(dir.path());
    store.create().unwrap();
    store.put(FileKind::Lock, &id(1), &[b"x"]).unwrap();
    assert_eq!(LocalStore::new("/proc").listing_delay(), Duration::from_millis(200));
    assert_eq!(LocalStore::new(dir.path().join("nowhere")).listing_delay(), Duration::from_millis(200));
    if store.listing_delay().is_zero() {
        assert_eq!(store.list(FileKind::Lock).unwrap().len(), 1);
    }
}

#[test]
fn a_local_directory_keeps_the_contract() {
    let dir = temp_dir();
    contract::run(&LocalStore::new(dir.path().join("deep/down")), Strength::FULL);
    assert_eq!(files(dir.path()), [] as [String; 0]);
}

#[test]
fn without_nameless_files_the_contract_holds_too() {
    let dir = temp_dir();
    let store = LocalStore { anonymous: AtomicBool::new(false), ..LocalStore::new(dir.path()) };
    contract::run(&store, Strength::FULL);
    assert_eq!(files(dir.path()), [] as [String; 0]);
}

#[test]
fn files_and_folders_are_for_the_owner_alone_and_files_read_only() {
    let dir = temp_dir();
    let root = dir.path().join("repo");
    for anonymous in [true, false] {
        let store = LocalStore { anonymous: AtomicBool::new(anonymous), ..LocalStore::new(&root) };
        store.create().unwrap();
        store.put(FileKind::Pack, &id(1), &[b"x"]).unwrap();
        assert_eq!(mode(&root.join(layout::path(FileKind::Pack, &id(1)))), 0o400);
        assert_eq!(mode(&root.join("data/01")), 0o700);
        assert_eq!(mode(&root), 0o700);
        store.remove(FileKind::Pack, &id(1)).unwrap();
    }
}

#[test]
fn a_config_that_the_group_may_read_opens_new_files_to_the_group() {
    let dir = temp_dir();
    let root = dir.path();
    fs::write(root.join("config"), b"x").unwrap();
    fs::set_permissions(root.join("config"), fs::Permissions::from_mode(0o640)).unwrap();
    let store = LocalStore::new(root);
    store.put(FileKind::Key, &id(1), &[b"x"]).unwrap();
    assert_eq!(mode(&root.join(layout::path(FileKind::Key, &id(1)))), 0o440);
}

#[test]
fn foreign_names_are_not_listed() {
    let dir = temp_dir();
    let store = LocalStore::new(dir.path());
    store.create().unwrap();
    store.put(FileKind::Pack, &id(0xab), &[b"x"]).unwrap();
    store.leave_torn(FileKind::Pack, &id(0xab), &[b"half"]).unwrap();
    let data = dir.path().join("data");
    fs::write(data.join(id(0xab).to_string()), b"not in its folder").unwrap();
    fs::write(data.join("ac").join(id(0xab).to_string()), b"in another folder").unwrap();
    fs::write(data.join("ab").join("AB".repeat(32)), b"upper case").unwrap();
    fs::write(data.join("ab/README"), b"no id").unwrap();
    fs::create_dir(data.join("ab").join(format!("ab{}", "0".repeat(62)))).unwrap();
    let listed = store.list(FileKind::Pack).unwrap();
    assert_eq!(listed.iter().map(|file| file.id).collect::<Vec<_>>(), [id(0xab)]);
}

#[test]
fn a_missing_root_is_not_found_but_missing_folders_are_empty() {
    let dir = temp_dir();
    let gone = LocalStore::new(dir.path().join("gone"));
    for kind in FileKind::ALL {
        assert_eq!(gone.list(kind).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(gone.put(kind, &id(1), &[b"x"]).unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert!(!dir.path().join("gone").exists());
    let bare = LocalStore::new(dir.path());
    for kind in FileKind::ALL {
        assert_eq!(bare.list(kind).unwrap(), []);
        bare.put(kind, &id(7), &[b"x"]).unwrap();
        assert_eq!(bare.read(kind, &id(7)).unwrap(), b"x"[..]);
    }
}

#[test]
fn a_root_that_was_replaced_while_in_use_is_not_written_to() {
    let dir = temp_dir();
    let (root, moved) = (dir.path().join("repo"), dir.path().join("moved"));
    let store = LocalStore::new(&root);
    store.create().unwrap();
    store.put(FileKind::Config, &Id::default(), &[b"x"]).unwrap();
    store.put(FileKind::Key, &id(1), &[b"x"]).unwrap();
    fs::rename(&root, &moved).unwrap();
    let config = || store.read(FileKind::Config, &Id::default()).map_err(|error| error.kind());
    assert_eq!(config(), Err(ErrorKind::NotFound), "whoever asks hears that it is another place");
    fs::create_dir(&root).unwrap();
    store.put(FileKind::Key, &id(2), &[b"x"]).unwrap();
    assert_eq!(files(&root), [] as [String; 0]);
    assert_eq!(files(&moved).len(), 3);
    fs::copy(moved.join("config"), root.join("config")).unwrap();
    assert_eq!(config(), Err(ErrorKind::NotFound));
    assert_eq!(store.size(FileKind::Config, &Id::default()).unwrap_err().kind(), ErrorKind::NotFound);
    fs::remove_dir_all(&root).unwrap();
    fs::rename(&moved, &root).unwrap();
    assert!(config().is_ok());
}

#[test]
fn a_sweep_takes_only_what_is_old_ours_and_unlocked() {
    let dir = temp_dir();
    let store = LocalStore::new(dir.path());
    store.create().unwrap();
    let age = |path: &Path, seconds: u64| {
        let time = SystemTime::now() - Duration::from_secs(seconds);
        fs::File::open(path).unwrap().set_modified(time).unwrap();
    };
    for first in [1, 2, 3] {
        store.leave_torn(FileKind::Pack, &id(first), &[b"half"]).unwrap();
    }
    let torn = |first: u8| files(&dir.path().join(format!("data/{first:02x}"))).remove(0);
    age(Path::new(&torn(1)), 4000);
    age(Path::new(&torn(2)), 3000);
    age(Path::new(&torn(3)), 4000);
    let restics = dir.path().join(format!("data/01/{}-tmp-123456", id(1)));
    fs::write(&restics, b"theirs").unwrap();
    age(&restics, 1_000_000);
    let writer = fs::File::open(torn(3)).unwrap();
    rustix::fs::flock(&writer, rustix::fs::FlockOperation::LockExclusive).unwrap();
    assert_eq!(store.sweep().unwrap(), 1);
    assert_eq!(files(dir.path()).len(), 3);
    assert!(restics.exists());
    drop(writer);
    assert_eq!(store.sweep().unwrap(), 1);
}

#[test]
fn errors_name_the_file_the_place_and_the_cause() {
    let dir = temp_dir();
    let store = LocalStore::new(dir.path());
    let error = store.read(FileKind::Snapshot, &id(0xcd)).unwrap_err();
    let text = format!("{error}: {}", error.source);
    assert!(text.starts_with(&format!("cannot read snapshots/{} in {}", id(0xcd), dir.path().display())), "{text}");
    assert!(text.contains("No such file"), "{text}");
}

/// Runs `one_put_under_injection` under strace, which makes a system call in `dir` fail, and gives the kind of error
/// that `put` then answered; `None` without strace.
fn put_while_failing(dir: &Path, anonymous: bool, injection: &str) -> Option<String> {
    let (call, _) = injection.split_once(':').unwrap();
    let folder = dir.join("data/01");
    let run = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &format!("inject={injection}")])
        .args(if call == "openat" { vec!["-P", folder.to_str().unwrap()] } else { vec![] })
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "local::tests::one_put_under_injection", "--nocapture"])
        .env("HOLDFAST_TEST_DIR", dir)
        .env("HOLDFAST_TEST_ANONYMOUS", anonymous.to_string())
        .output();
    match run {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let told = text.split("put says ").nth(1).and_then(|rest| rest.split_whitespace().next());
            Some(told.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr))).to_owned())
        }
        Err(_) => {
            skip("needs strace");
            None
        }
    }
}

/// Does nothing unless [`put_while_failing`] runs it.
#[test]
fn one_put_under_injection() {
    let Ok(dir) = std::env::var("HOLDFAST_TEST_DIR") else { return };
    let anonymous = AtomicBool::new(std::env::var("HOLDFAST_TEST_ANONYMOUS").unwrap() == "true");
    let store = LocalStore { anonymous, ..LocalStore::new(dir) };
    match store.put(FileKind::Pack, &id(1), &[b"content"]) {
        Ok(()) => println!("put says Ok"),
        Err(error) => println!("put says {:?}", error.kind()),
    }
}

#[test]
fn a_failed_system_call_is_a_failure_with_its_kind_and_leaves_no_file() {
    let both = [true, false];
    for (injection, ways, expected) in [
        ("fsync:error=EIO:when=1", &both[..], "Permanent"),
        ("fsync:error=EIO:when=2", &both, "Permanent"),
        ("fsync:error=ENOSPC:when=1", &both, "Full"),
        ("writev:error=ENOSPC", &both, "Full"),
        ("writev:error=EDQUOT", &both, "Full"),
        ("writev:error=EIO", &both, "Permanent"),
        ("openat:error=EROFS", &both, "Denied"),
        ("openat:error=EACCES", &both, "Denied"),
        ("openat:error=EMFILE", &both, "Transient"),
        ("linkat:error=EIO", &both[..1], "Permanent"),
        ("renameat2:error=EIO", &both[1..], "Permanent"),
    ] {
        for anonymous in ways {
            let dir = temp_dir();
            LocalStore::new(dir.path()).create().unwrap();
            let Some(told) = put_while_failing(dir.path(), *anonymous, injection) else { return };
            assert_eq!(told, expected, "{injection}");
            assert_eq!(files(dir.path()), [] as [String; 0], "{injection}");
        }
    }
}

#[test]
fn what_a_file_system_does_not_know_is_done_another_way() {
    for (injection, anonymous) in [
        ("linkat:error=ENOENT:when=1", true),
        ("linkat:error=EPERM", true),
        ("renameat2:error=EINVAL", false),
        ("renameat2:error=ENOSYS", false),
        ("fchmod:error=EPERM", true),
        ("fsync:error=EINVAL:when=2", true),
        ("writev:error=EINTR:when=1", true),
        ("flock:error=ENOLCK", false),
    ] {
        let dir = temp_dir();
        let store = LocalStore::new(dir.path());
        store.create().unwrap();
        let Some(told) = put_while_failing(dir.path(), anonymous, injection) else { return };
        assert_eq!(told, "Ok", "{injection}");
        assert_eq!(store.read(FileKind::Pack, &id(1)).unwrap(), b"content"[..], "{injection}");
        assert_eq!(files(dir.path()).len(), 1, "{injection}");
    }
}
