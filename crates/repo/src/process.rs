//! Who we are, as key files and locks say it, and whether another process on this machine is still alive.
//!
//! A process id alone tells little: ids are used again, containers have their own, and hosts share names. So our locks
//! also say which machine, which boot and which process-id namespace the id belongs to.

use std::fs;
use std::time::Duration;

use holdfast_model::Timestamp;
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
    /// When this machine booted, by its clock.
    pub(crate) booted: Option<Timestamp>,
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
            booted: booted(),
        }
    }

    /// Whether a process that wrote down its host, number and perhaps its life, and gave the last sign of life at `seen`,
    /// is surely dead, seen from this one at `now`. Whoever lives gives one every `interval`.
    pub(crate) fn knows_dead(
        &self,
        (hostname, pid, life): (&str, i32, Option<&Life>),
        seen: Timestamp,
        now: Timestamp,
        interval: Duration,
    ) -> bool {
        let Some(life) = life else {
            // restic's rule: the same host name is the same host.
            return hostname == self.hostname && !is_alive(pid);
        };
        let ours = &self.life;
        if life.machine.is_empty() || life.machine != ours.machine || life.boot.is_empty() || ours.boot.is_empty() {
            return false;
        }
        if life.boot != ours.boot {
            // A copy of a machine shares its id and its name, and may run at the same time: but who lives there gives
            // signs of life, also since this one booted.
            let is_silent = self.booted.is_some_and(|booted| seen < booted) && now.since(seen) > 2 * interval;
            return hostname == self.hostname && is_silent;
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

/// From the line `btime` of `/proc/stat`, in seconds.
fn booted() -> Option<Timestamp> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let seconds = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(Timestamp { seconds: seconds.trim().parse().ok()?, nanoseconds: 0 })
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

    const INTERVAL: Duration = Duration::from_secs(300);

    fn at(seconds: i64) -> Timestamp {
        Timestamp { seconds, nanoseconds: 0 }
    }

    /// Judged by someone who booted at 1000, of a process that was last heard of long before.
    fn knows_dead(us: &Process, hostname: &str, pid: i32, life: Option<&Life>) -> bool {
        let us = Process { booted: Some(at(1000)), ..us.clone() };
        us.knows_dead((hostname, pid, life), at(100), at(2000), INTERVAL)
    }

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
        assert!(!knows_dead(&us, &us.hostname, us.pid, Some(&us.life)));
        assert!(!knows_dead(&us, &us.hostname, us.pid, None));
        assert!(!knows_dead(&us, &us.hostname, 1, None));
    }

    #[test]
    fn an_ended_process_of_this_host_is_dead() {
        let us = Process::current();
        let pid = dead_pid();
        assert!(knows_dead(&us, &us.hostname, pid, None));
        assert!(knows_dead(&us, "renamed", pid, Some(&us.life)));
    }

    #[test]
    fn processes_of_other_machines_and_containers_are_never_judged() {
        let mut us = Process::current();
        us.life.machine = "m".into();
        us.life.boot = "b".into();
        let pid = dead_pid();
        assert!(!knows_dead(&us, "elsewhere", pid, None));
        let life = |machine: &str, boot: &str, namespace: &str| Life {
            machine: machine.into(),
            boot: boot.into(),
            namespace: namespace.into(),
            ticks: 1,
        };
        let namespace = us.life.namespace.clone();
        assert!(!knows_dead(&us, &us.hostname, pid, Some(&life("other", "b", &namespace))));
        assert!(!knows_dead(&us, &us.hostname, pid, Some(&life("m", "b", "pid:[1]"))));
        assert!(!knows_dead(&us, &us.hostname, pid, Some(&Life::default())));
        assert!(knows_dead(&us, &us.hostname, us.pid, Some(&life("m", "before", "pid:[1]"))), "rebooted since");
        assert!(knows_dead(&us, &us.hostname, us.pid, Some(&life("m", "b", &namespace))), "number used again");
    }

    #[test]
    fn a_process_of_another_boot_is_dead_only_if_it_was_silent_since_this_one_booted() {
        let mut us = Process::current();
        (us.life.machine, us.life.boot, us.booted) = ("m".into(), "b".into(), Some(at(1000)));
        let life = Life { boot: "before".into(), ..us.life.clone() };
        let dead = |seen, now| us.knows_dead((&us.hostname, us.pid, Some(&life)), at(seen), at(now), INTERVAL);
        assert!(dead(999, 1600), "rebooted since");
        assert!(!dead(999, 1599), "it may be about to give a sign");
        assert!(!dead(1001, 9000), "a copy of this machine, which runs");
    }
}
