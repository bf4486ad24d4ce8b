//! What was looked at when a client was prepared, one after another, each with what to do where it is not in order.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::job::Cause;

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Checked {
    /// What.
    pub step: Step,
    /// How it was found.
    pub found: Found,
    /// What was seen.
    pub detail: String,
    /// What to do about it, where something is to be done.
    pub fix: Option<String>,
}

/// What is looked at, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Whether the host on the way lets the server through, if there is one.
    JumpHost,
    /// Whether the host answers on its SSH port.
    Reach,
    /// Whether it shows a key that is believed.
    HostKey,
    /// Whether it lets the server in.
    Login,
    /// Whether the login may become root there.
    Sudo,
    /// Whether the agent runs.
    Agent,
    /// Whether its clock goes right.
    Clock,
    /// Whether it has room for what the agent needs.
    Disk,
    /// Whether what is to be backed up can be read.
    Paths,
}

/// How something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// In order.
    Good,
    /// Not as it should be; backups work all the same.
    Odd,
    /// Backups cannot work.
    Bad,
    /// It was not looked at, because something before it is bad.
    Unknown,
}

impl Step {
    /// All of them, in order.
    pub const ALL: [Self; 9] = [
        Self::JumpHost,
        Self::Reach,
        Self::HostKey,
        Self::Login,
        Self::Sudo,
        Self::Agent,
        Self::Clock,
        Self::Disk,
        Self::Paths,
    ];

    /// Where a call that failed for this reason came to its end.
    pub const fn of(cause: Cause) -> Self {
        match cause {
            Cause::JumpHost => Self::JumpHost,
            Cause::Unreachable => Self::Reach,
            Cause::HostKeyUnknown | Cause::HostKeyChanged => Self::HostKey,
            Cause::LoginRefused => Self::Login,
            Cause::SudoRefused => Self::Sudo,
            _ => Self::Agent,
        }
    }

    /// As a person reads it.
    pub const fn as_words(self) -> &'static str {
        match self {
            Self::JumpHost => "its jump host lets the server through",
            Self::Reach => "the host answers",
            Self::HostKey => "it shows a key that is believed",
            Self::Login => "it lets the server in",
            Self::Sudo => "the login becomes root",
            Self::Agent => "the agent runs",
            Self::Clock => "its clock goes right",
            Self::Disk => "it has room for the agent",
            Self::Paths => "what is to be backed up can be read",
        }
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.found {
            Found::Good => "ok",
            Found::Odd => "look",
            Found::Bad => "BAD",
            Found::Unknown => "?",
        };
        write!(f, "[{word:^4}] {}", self.step.as_words())?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        match &self.fix {
            Some(fix) => write!(f, " -> {fix}"),
            None => Ok(()),
        }
    }
}
