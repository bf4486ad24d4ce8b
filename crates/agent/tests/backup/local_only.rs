//! Backups of local data only, with real mounts in a namespace of the test's own, one of which never answers.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::{Server, job};

/// Where the mounts are, for the test within the namespace.
const INSIDE: &str = "HOLDFAST_TEST_MOUNTS";

/// `$1` is a folder. A file system in user space that has nobody to answer is as good as a file server that is gone.
const MOUNTS: &str = r#"set -e
cd "$1"
mkdir -p lower upper work real src/memory src/merged src/bound src/named
mkdir -m 711 src/dead
echo x > lower/file; echo x > real/file; echo x > src/plain; touch src/bound-file
mount -t tmpfs none src/memory; echo x > src/memory/file
mount -t tmpfs none src/named; echo x > src/named/file
mount -t overlay none -o lowerdir=lower,upperdir=upper,workdir=work src/merged
mount --bind real src/bound
mount --bind src/memory/file src/bound-file
exec 3<>/dev/fuse
mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 web2:/srv src/dead
cd /
shift
exec "$@"
"#;

/// Runs this very test once more, in a namespace with the mounts; gives their folder within it.
fn with_mounts(test: &str) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(INSIDE) {
        return Some(folder.into());
    }
    let can_mount = Command::new("unshare").args(["--mount", "true"]).output().is_ok_and(|done| done.status.success());
    if !can_mount || !Path::new("/dev/fuse").exists() {
        println!("skipped: needs the right to mount, and /dev/fuse");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "100", "unshare", "--mount", "--propagation", "private", "sh", "-c", MOUNTS, "sh"]);
    command.arg(dir.path()).arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
    let done = command.env(INSIDE, dir.path()).output().unwrap();
    let said = [done.stdout, done.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).join("\n");
    assert!(done.status.success() && said.contains("1 passed"), "{}: {said}", done.status);
    None
}

#[test]
fn what_is_mounted_from_elsewhere_is_an_empty_directory_of_which_nothing_is_asked() {
    let Some(dir) =
        with_mounts("local_only::what_is_mounted_from_elsewhere_is_an_empty_directory_of_which_nothing_is_asked")
    else {
        return;
    };
    let src = dir.join("src");
    let mut job = job(&[&src, &src.join("named")]);
    job.filter.local_only = true;
    let mut server = Server::default();
    let seen = server.backup(job.clone());
    let names = |path: &str| {
        let tree = seen.node(&src.join(path)).unwrap().tree.clone().unwrap();
        tree.0.keys().map(|name| String::from_utf8(name.clone()).unwrap()).collect::<Vec<_>>()
    };
    for empty in ["memory", "merged", "dead"] {
        assert_eq!(names(empty), [""; 0], "{empty}");
    }
    assert_eq!((names("bound"), names("named")), (vec!["file".to_owned()], vec!["file".to_owned()]));
    assert!(seen.node(&src.join("plain")).is_some() && seen.node(&src.join("bound-file")).is_none());
    assert_eq!(seen.node(&src.join("dead")).unwrap().entry.mode, 0o711, "it is the directory beneath the mount");
    assert_eq!(seen.problems, []);
    let said = |name: &str, kind: &str| {
        (src.join(name).display().to_string(), format!("a file system of type {kind} is mounted there"))
    };
    let mut left_out = seen.left_out.clone();
    left_out.sort();
    let expected = [("bound-file", "tmpfs"), ("dead", "fuse"), ("memory", "tmpfs"), ("merged", "overlay")];
    assert_eq!(left_out, expected.map(|(name, kind)| said(name, kind)));

    let again = server.backup(job.clone());
    assert_eq!((again.told_beneath(&src), again.left_out.len()), (0, 4), "all is known, and it is said all the same");
    // Of what the filter leaves out in any case nothing is said.
    job.filter.exclude = vec![src.join("m*/*").display().to_string(), src.join("dead").display().to_string()];
    let quiet = server.backup(job);
    assert_eq!(quiet.left_out, [said("bound-file", "tmpfs")]);
}

#[test]
fn a_mount_that_is_reached_through_a_link_is_known_once_it_is_open() {
    let Some(dir) = with_mounts("local_only::a_mount_that_is_reached_through_a_link_is_known_once_it_is_open") else {
        return;
    };
    std::os::unix::fs::symlink("src", dir.join("link")).unwrap();
    std::fs::create_dir(dir.join("src/top")).unwrap();
    // The kernel's table calls it by another path.
    let root = dir.join("link/top");
    std::fs::create_dir(root.join("mount")).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "none"]).arg(root.join("mount")).status().unwrap();
    assert!(mounted.success());
    std::fs::write(root.join("mount/file"), "x").unwrap();
    let mut job = job(&[&root]);
    job.filter.local_only = true;
    let seen = Server::default().backup(job);
    assert_eq!(seen.node(&root.join("mount")).unwrap().tree.as_ref().unwrap().0.len(), 0);
    assert_eq!((seen.left_out.len(), seen.problems), (1, vec![]));
}
