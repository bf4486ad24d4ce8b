//! What a policy has run before and after a backup, on the client and on the server.
//!
//! Whatever was begun before is ended after, also if the backup failed or somebody cancelled it: who stopped a service to
//! back it up wants it back. No hook gets a secret, and no shell of the server reads its words.

mod on_client;
mod on_server;
mod time_limit;

use holdfast_model::job::{Cause, JobError, Outcome};
use holdfast_model::policy::{Hook, Hooks};
use holdfast_model::{CancelToken, Monitor};

use super::client::Caller;
use super::{Failure, Workplace};

/// What hooks are told, as variables of their environment.
#[derive(Debug, Clone)]
pub struct Told {
    /// The variables, by name.
    pub variables: Vec<(&'static str, String)>,
}

/// What one hook said, and how it ended.
struct Said {
    output: Vec<u8>,
    failed: Option<String>,
}

/// Of what a hook says so much is kept.
const MOST_OUTPUT: usize = 256 << 10;

/// The hooks of one backup.
pub struct Round<'a> {
    /// Which there are.
    pub hooks: &'a Hooks,
    /// The client, where some are run.
    pub caller: &'a Caller,
    /// The server, where the others are.
    pub place: &'a Workplace,
    /// Where what they say goes.
    pub monitor: &'a dyn Monitor,
    /// What they are told.
    pub told: Told,
}

impl Round<'_> {
    /// Runs a backup with what goes before and after it.
    pub fn around(
        mut self,
        cancel: &CancelToken,
        backup: impl FnOnce() -> Result<Outcome, Failure>,
    ) -> Result<Outcome, Failure> {
        let hooks = self.hooks;
        if hooks.is_empty() {
            return backup();
        }
        let before = self
            .all(Side::Server, &hooks.server.before, cancel)
            .and_then(|()| self.all(Side::Client, &hooks.client.before, cancel));
        let mut result = before.and_then(|()| backup());
        self.after(&mut result);
        result
    }

    /// Runs what follows a backup that ended so.
    pub fn after(&mut self, result: &mut Result<Outcome, Failure>) {
        let hooks = self.hooks;
        self.told.variables.push(("HOLDFAST_STATUS", if result.is_ok() { "success" } else { "failure" }.to_owned()));
        if let Ok(Outcome { snapshot: Some(id), .. }) = result {
            self.told.variables.push(("HOLDFAST_SNAPSHOT", id.to_string()));
        }
        let variant = |set: &holdfast_model::policy::HookSet| {
            if result.is_ok() { set.after_success.clone() } else { set.after_failure.clone() }
        };
        let after = [
            (Side::Client, variant(&hooks.client)),
            (Side::Server, variant(&hooks.server)),
            (Side::Client, hooks.client.after.clone()),
            (Side::Server, hooks.server.after.clone()),
        ];
        for (side, hooks) in after {
            for hook in &hooks {
                // They are run to their end, whoever has cancelled the backup: each has its own time limit.
                if let Err(Failure::Failed(error)) = self.one(side, hook, &CancelToken::new()) {
                    self.monitor.warning(&error.message);
                    if let Ok(outcome) = result {
                        outcome.warnings += 1;
                    }
                }
            }
        }
    }

    fn all(&self, side: Side, hooks: &[Hook], cancel: &CancelToken) -> Result<(), Failure> {
        hooks.iter().try_for_each(|hook| self.one(side, hook, cancel))
    }

    fn one(&self, side: Side, hook: &Hook, cancel: &CancelToken) -> Result<(), Failure> {
        let name = format!("{} on the {}", hook.command.join(" "), side.as_str());
        self.monitor.note(&format!("running {name}"));
        let said = time_limit::run(hook, cancel, |cancel| match side {
            Side::Client => on_client::run(hook, &self.told, self.caller, self.place, cancel),
            Side::Server => on_server::run(hook, &self.told, &self.place.hooks, cancel),
        })?;
        for line in said.output.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            self.monitor.note(&format!("  {}", String::from_utf8_lossy(line)));
        }
        match said.failed {
            None => Ok(()),
            Some(how) => Err(failed(format!("{name}: {how}"))),
        }
    }
}

/// Where a hook is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

impl Side {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

fn failed(message: String) -> Failure {
    Failure::Failed(JobError { cause: Cause::Hook, message })
}
