//! What is run before and after a backup.
//!
//! On the client that is any program that the login there may run. On the server it is one of those that the server's own
//! administrator has put into the folder for them, by its name: whoever may write a policy may not yet run things there.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// What is run, on either side.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Hooks {
    /// On the client, each in a session of its own.
    pub client: HookSet,
    /// On the server.
    pub server: HookSet,
}

/// When what is run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct HookSet {
    /// Before the backup, one after another. If one fails, there is no backup.
    pub before: Vec<Hook>,
    /// After a backup that made a snapshot.
    pub after_success: Vec<Hook>,
    /// After one that did not.
    pub after_failure: Vec<Hook>,
    /// After either, and last.
    pub after: Vec<Hook>,
}

/// One program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// The program and its arguments, taken as they are: no shell reads them.
    pub command: Vec<String>,
    /// After so many seconds it is ended, and has failed.
    #[serde(default = "timeout")]
    #[cfg_attr(feature = "schema", schema(value_type = u32, minimum = 1))]
    pub timeout_seconds: NonZeroU32,
}

const fn timeout() -> NonZeroU32 {
    NonZeroU32::new(600).expect("600 is not 0")
}

impl Hooks {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.client.all().chain(self.server.all()).next().is_none()
    }
}

impl HookSet {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Hook> {
        [&self.before, &self.after_success, &self.after_failure, &self.after].into_iter().flatten()
    }
}
