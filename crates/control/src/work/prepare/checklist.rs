//! The list of what was looked at, with the exact words of what to do where something is not in order.

use std::fmt::Write as _;

use holdfast_model::client::{Checked, Facts, Found, HostKey, Step};
use holdfast_model::job::{Cause, JobError};

use super::{Preparation, Prepared};
use crate::work::client::Caller;
use crate::work::{Failure, Workplace};

/// A clock that is further off is told: names of log files and times of files differ by so much.
const SKEW_SECONDS: u64 = 60;
/// The agent takes a few megabytes.
const ROOM_BYTES: u64 = 64 << 20;

pub(super) struct Checklist<'a> {
    caller: &'a Caller,
    place: &'a Workplace,
    checked: Vec<Checked>,
}

impl<'a> Checklist<'a> {
    pub(super) fn new(caller: &'a Caller, place: &'a Workplace) -> Self {
        Self { caller, place, checked: Vec::new() }
    }

    /// The agent has said hello: all before it is in order.
    pub(super) fn runs(&mut self, version: &str, architecture: &str, skew_seconds: i64) {
        self.before(Step::Agent);
        self.add(Step::Agent, Found::Good, format!("{version} on {architecture}"), None);
        let off = skew_seconds.unsigned_abs();
        let (found, fix) = match off > SKEW_SECONDS {
            true => (Found::Odd, Some("set its clock, as with chrony or systemd-timesyncd".to_owned())),
            false => (Found::Good, None),
        };
        let side = if skew_seconds < 0 { "behind" } else { "ahead of" };
        let detail = if off == 0 { String::new() } else { format!("{off} s {side} the server's") };
        self.add(Step::Clock, found, detail, fix);
    }

    /// What the host is, as far as it has said so.
    pub(super) fn knows(&mut self, facts: &Facts, unreadable: &[&str], has_said: bool) {
        if !has_said {
            self.add(Step::Disk, Found::Unknown, "the host does not say".to_owned(), None);
            return self.add(Step::Paths, Found::Unknown, "the host does not say".to_owned(), None);
        }
        let full = facts.file_systems.iter().find(|one| one.mount_point == "/" && one.free_bytes < ROOM_BYTES);
        match full {
            Some(root) => {
                let detail = format!("{} bytes are free on /", root.free_bytes);
                self.add(Step::Disk, Found::Odd, detail, Some("make room, or let the agent be ephemeral".to_owned()));
            }
            None => self.add(Step::Disk, Found::Good, String::new(), None),
        }
        match unreadable {
            [] => self.add(Step::Paths, Found::Good, String::new(), None),
            paths => {
                let fix = match self.caller.spec.connection.sudo {
                    true => "see whether they are there; what is not is left out of no policy by itself",
                    false => "see whether they are there; if the login may not read them, set sudo, or log in as root",
                };
                self.add(Step::Paths, Found::Odd, format!("not {}", paths.join(", ")), Some(fix.to_owned()));
            }
        }
    }

    /// The call came to its end before the agent ran.
    pub(super) fn failed(&mut self, error: &JobError) {
        let step = Step::of(error.cause);
        self.before(step);
        self.add(step, Found::Bad, error.message.clone(), Some(self.fix(error.cause)));
    }

    pub(super) fn ended(mut self, result: Result<Prepared, Failure>, offered: Vec<HostKey>) -> Preparation {
        for step in Step::ALL {
            if self.checked.iter().all(|one| one.step != step) && self.applies(step) {
                self.add(step, Found::Unknown, String::new(), None);
            }
        }
        self.checked.sort_by_key(|one| one.step);
        Preparation { result, checklist: self.checked, offered }
    }

    /// All before a step is in order.
    fn before(&mut self, step: Step) {
        for earlier in Step::ALL.into_iter().filter(|earlier| *earlier < step) {
            if self.applies(earlier) {
                self.add(earlier, Found::Good, String::new(), None);
            }
        }
    }

    /// Whether there is anything to look at.
    fn applies(&self, step: Step) -> bool {
        match step {
            Step::Sudo => self.caller.spec.connection.sudo,
            Step::JumpHost => self.caller.spec.connection.jump_host.is_some(),
            _ => true,
        }
    }

    fn add(&mut self, step: Step, found: Found, detail: String, fix: Option<String>) {
        self.checked.push(Checked { step, found, detail, fix });
    }

    fn fix(&self, cause: Cause) -> String {
        let mut fix = cause.fix().to_owned();
        let user = self.caller.spec.connection.user.as_deref().unwrap_or("USER");
        match cause {
            Cause::LoginRefused => {
                if let Some(key) = self.public_key() {
                    let _ = write!(fix, ": {key}");
                }
            }
            Cause::SudoRefused => {
                let _ = write!(fix, ": put `{user} ALL=(root) NOPASSWD: ALL` into /etc/sudoers.d/holdfast");
            }
            _ => {}
        }
        fix
    }

    fn public_key(&self) -> Option<String> {
        let own = self.caller.spec.connection.identity_file.as_ref();
        let file = own.or(self.place.identity.as_ref())?;
        let mut name = file.clone().into_os_string();
        name.push(".pub");
        std::fs::read_to_string(name).ok().map(|text| text.trim().to_owned())
    }
}
