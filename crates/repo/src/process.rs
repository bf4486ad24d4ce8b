//! Who we are, as key files and locks say it, and whether another process on this machine is still alive.
//!
//! A process id alone tells little: ids are used again, containers have their own, and hosts share names. So our locks
//! also say which machine, which boot and which process-id namespace the id belongs to.

use std::fs;

use rustix::process::{Pid, getgid, getpid, getuid, test_kill_process};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A process, as far as others can find out about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) hostname: String,
    pub(crate) username: String,
    pub(crate) pid: i32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) life: Life,
}

/// What tells apart processes of the same number. Unknown parts are empty or zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Life {
    /// Digest of the machine's id.
    #[serde(default)]
    pub(crate) machine: String,
    /// The kernel's id of this boot.
    #[serde(default)]
    pub(crate) boot: String,
    /// The namespace of process ids.
    #[serde(default)]
    pub(crate) namespace: String,
    /// When the process started, in ticks since the boot.
    #[serde(default)]
    pub(crate) ticks: u64,
}

impl Process {
    /// This process.
    pub(crate) fn current() -> Self {
        let pid = getpid().as_raw_nonzero().get();
        let uid = getuid().as_raw();
        Self {
            hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            username: username(uid),
            pid,
            uid,
            gid: getgid().as_raw(),
            life: Life {
                machine: machine(),
                boot: read("/proc/sys/kernel/random/boot_id"),
                namespace: namespace(),
                ticks: start_of(pid).unwrap_or(0),
            },
        }
    }

    /// Whether a process that wrote down its host, number and perhaps its life is surely dead, seen from this one.
    pub(crate) fn knows_dead(&self, hostname: &str, pid: i32, life: Option<&Life>) -> bool {
        let Some(life) = life else {
            // restic's rule: the same host name is the same host.
            return hostname == self.hostname && !is_alive(pid);
        };
        let ours = &self.life;
        if life.machine.is_empty() || life.machine != ours.machine || life.boot.is_empty() || ours.boot.is_empty() {
            return false;
        }
        if life.boot != ours.boot {
            // Cloned machines share the id, but then not the name as well.
            return hostname == self.hostname;
        }
        life.namespace == ours.namespace && (!is_alive(pid) || start_of(pid).is_some_and(|ticks| ticks != life.ticks))
    }
}

fn is_alive(pid: i32) -> bool {
    // Any other answer, such as that we may not signal it, comes from a process that exists.
    Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// The machine's id is nobody else's business (machine-id(5)), so only its digest is written down.
fn machine() -> String {
    let id = read("/etc/machine-id");
    if id.is_empty() {
        return id;
    }
    let digest = Sha256::new().chain_update(b"holdfast machine").chain_update(id).finalize();
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn namespace() -> String {
    fs::read_link("/proc/self/ns/pid").map(|link| link.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The 22nd field of `/proc/PID/stat`; the second is in parentheses and may hold anything.
fn start_of(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

fn username(uid: u32) -> String {
    let passwd = fs::read("/etc/passwd").unwrap_or_default();
    let passwd = String::from_utf8_lossy(&passwd);
    let name = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| uid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of a process that has ended.
    fn dead_pid() -> i32 {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id() as i32
    }

    #[test]
    fn a_living_process_is_not_taken_for_dead() {
        let us = Process::current();
        assert!(!us.hostname.is_empty() && !us.username.is_empty() && us.life.ticks > 0);
        assert!(!us.knows_dead(&us.hostname, us.pid, Some(&us.life)));
        assert!(!us.knows_dead(&us.hostname, us.pid, None));
        assert!(!us.knows_dead(&us.hostname, 1, None));
    }

    #[test]
    fn an_ended_process_of_this_host_is_dead() {
        let us = Process::current();
        let pid = dead_pid();
        assert!(us.knows_dead(&us.hostname, pid, None));
        assert!(us.knows_dead("renamed", pid, Some(&us.life)));
    }

    #[test]
    fn processes_of_other_machines_and_containers_are_never_judged() {
        let mut us = Process::current();
        us.life.machine = "m".into();
        us.life.boot = "b".into();
        let pid = dead_pid();
        assert!(!us.knows_dead("elsewhere", pid, None));
        let life = |machine: &str, boot: &str, namespace: &str| Life {
            machine: machine.into(),
            boot: boot.into(),
            namespace: namespace.into(),
            ticks: 1,
        };
        let namespace = us.life.namespace.clone();
        assert!(!us.knows_dead(&us.hostname, pid, Some(&life("other", "b", &namespace))));
        assert!(!us.knows_dead(&us.hostname, pid, Some(&life("m", "b", "pid:[1]"))));
        assert!(!us.knows_dead(&us.hostname, pid, Some(&Life::default())));
        assert!(us.knows_dead(&us.hostname, us.pid, Some(&life("m", "before", "pid:[1]"))), "rebooted since");
        assert!(us.knows_dead(&us.hostname, us.pid, Some(&life("m", "b", &namespace))), "number used again");
    }
}
