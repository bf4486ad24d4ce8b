//! A mount namespace in which the machine has one more user, or other file systems; the machine itself has not.

use std::path::Path;
use std::process::Command;

use rustix::process::geteuid;

use super::config::{read, write};
use super::{SshdBuilder, User};
use crate::skip;

/// The ordinary user's id and group, which no distribution gives out.
pub(super) const USER_ID: u32 = 61_734;

/// Whether there can be such a namespace; if not, the test is skipped.
pub(super) fn available() -> bool {
    if !geteuid().is_root() {
        skip("needs root");
        return false;
    }
    let tried = Command::new("unshare").args(["--mount", "true"]).output();
    let works = tried.is_ok_and(|output| output.status.success());
    if !works {
        skip("needs the right to make a mount namespace");
    }
    works
}

/// `command`, to be run in a namespace set up as the builder says.
pub(super) fn wrap(dir: &Path, builder: &SshdBuilder, command: &[String]) -> Command {
    let mut script = "set -e\n".to_owned();
    if let Some(User { name, id }) = &builder.user {
        let home = dir.join("home");
        // The machine's own users stay, but their password hashes are not copied.
        let tables = [
            ("passwd", read(Path::new("/etc/passwd")), format!("{name}:x:{id}:{id}::{}:/bin/sh\n", home.display())),
            ("group", read(Path::new("/etc/group")), format!("{name}:x:{id}:\n")),
            ("shadow", String::new(), format!("{name}:*:19000:0:99999:7:::\n")),
        ];
        for (file, rows, row) in tables {
            let (ours, system) = (dir.join(file), Path::new("/etc").join(file));
            write(&ours, &(rows + &row));
            script.push_str(&format!("mount --bind '{}' '{}'\n", ours.display(), system.display()));
        }
    }
    for line in &builder.setup {
        script.push_str(&format!("{line}\n"));
    }
    script.push_str("exec \"$@\"\n");
    let mut wrapped = Command::new("unshare");
    wrapped
        .args(["--mount", "--propagation", "private", "sh", "-c", &script, "sh"])
        .args(command)
        .env("HOME", dir.join("home"));
    wrapped
}
