//! Why a job failed, as a program can tell it, with what to do about it.

use serde::{Deserialize, Serialize};

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JobError {
    /// What kind of thing went wrong.
    pub cause: Cause,
    /// What went wrong, in one sentence.
    pub message: String,
}

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The client does not answer.
    Unreachable,
    /// Nobody has said yet whether the client's host key is to be believed.
    HostKeyUnknown,
    /// The client shows another host key than the one that is believed.
    HostKeyChanged,
    /// The host on the way to the client does not let the server through.
    JumpHost,
    /// The client does not let the server in.
    LoginRefused,
    /// The client does not let the login become root.
    SudoRefused,
    /// The agent could not be brought there or does not run.
    Agent,
    /// The connection broke.
    Disconnected,
    /// The client broke the protocol's rules.
    Violation,
    /// Something that was to be backed up is not there.
    SourceMissing,
    /// There is no repository where there should be one.
    RepositoryMissing,
    /// The password does not open the repository.
    WrongPassword,
    /// A secret could not be had.
    Secret,
    /// Another program holds the repository.
    Locked,
    /// The storage does not answer, or not always.
    Storage,
    /// The storage does not let the server in.
    StorageDenied,
    /// There is no room left.
    Full,
    /// What is stored is damaged.
    Damaged,
    /// A hook failed.
    Hook,
    /// It took too long.
    Timeout,
    /// It did not go on.
    Idle,
    /// A job that had to end well before it did not.
    Dependency,
    /// What it was told makes no sense, or is no longer there.
    Configuration,
    /// The client has used up what it may.
    Quota,
    /// A defect in Holdfast.
    Internal,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::Unreachable,
        Self::HostKeyUnknown,
        Self::HostKeyChanged,
        Self::JumpHost,
        Self::LoginRefused,
        Self::SudoRefused,
        Self::Agent,
        Self::Disconnected,
        Self::Violation,
        Self::SourceMissing,
        Self::RepositoryMissing,
        Self::WrongPassword,
        Self::Secret,
        Self::Locked,
        Self::Storage,
        Self::StorageDenied,
        Self::Full,
        Self::Damaged,
        Self::Hook,
        Self::Timeout,
        Self::Idle,
        Self::Dependency,
        Self::Configuration,
        Self::Quota,
        Self::Internal,
    ];

    /// As it stands in messages and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::HostKeyUnknown => "host_key_unknown",
            Self::HostKeyChanged => "host_key_changed",
            Self::JumpHost => "jump_host",
            Self::LoginRefused => "login_refused",
            Self::SudoRefused => "sudo_refused",
            Self::Agent => "agent",
            Self::Disconnected => "disconnected",
            Self::Violation => "violation",
            Self::SourceMissing => "source_missing",
            Self::RepositoryMissing => "repository_missing",
            Self::WrongPassword => "wrong_password",
            Self::Secret => "secret",
            Self::Locked => "locked",
            Self::Storage => "storage",
            Self::StorageDenied => "storage_denied",
            Self::Full => "full",
            Self::Damaged => "damaged",
            Self::Hook => "hook",
            Self::Timeout => "timeout",
            Self::Idle => "idle",
            Self::Dependency => "dependency",
            Self::Configuration => "configuration",
            Self::Quota => "quota",
            Self::Internal => "internal",
        }
    }

    /// Whether it may pass by itself, so that trying again can help.
    pub const fn may_pass(self) -> bool {
        use Cause::{Agent, Disconnected, Idle, JumpHost, Locked, Storage, Timeout, Unreachable};
        matches!(self, Unreachable | JumpHost | Disconnected | Agent | Locked | Storage | Timeout | Idle)
    }

    /// What to do about it.
    pub const fn fix(self) -> &'static str {
        match self {
            Self::Unreachable => "see whether the host is up, its name resolves and its SSH port is open from here",
            Self::HostKeyUnknown => "compare the fingerprint with the host's own, and accept its key",
            Self::HostKeyChanged => {
                "if the host was installed anew, compare the fingerprint with its own and accept the new key; if not, \
                 somebody else may be answering in its place"
            }
            Self::JumpHost => {
                "see to the jump host first: it is a client of its own, whose key is accepted and which lets the server in"
            }
            Self::LoginRefused => "put the server's public key into authorized_keys of the login there",
            Self::SudoRefused => "allow the login to run sudo there without a password, or log in as root",
            Self::Agent => {
                "see the log for what the host said; the agent needs Linux and a folder from which programs run"
            }
            Self::Disconnected => "see whether the network between is sound; what was stored is not sent again",
            Self::Violation => "treat the host as taken over until you know better",
            Self::SourceMissing => "see whether the paths of the policy are those of the host",
            Self::RepositoryMissing => {
                "see whether the storage is mounted and the address right, or make the repository"
            }
            Self::WrongPassword => "give the repository's own password",
            Self::Secret => "see whether the secret is where it is said to be, and can be read by the server",
            Self::Locked => "wait for the other program, or remove its lock if it is gone",
            Self::Storage => "see whether the storage is up and can be reached from here",
            Self::StorageDenied => "see whether the credentials are still good",
            Self::Full => "make room, or forget and prune",
            Self::Damaged => {
                "see in the log what is damaged; `restic repair` mends the repository, which is in its format, and a check that reads all data \
                 proves it"
            }
            Self::Hook => "see the hook's output in the log",
            Self::Timeout => "see in the log where the time went, or allow more",
            Self::Idle => "see whether the host or the storage hangs",
            Self::Dependency => "see the job that failed before it",
            Self::Configuration => "see the message, and correct the policy or the request",
            Self::Quota => "forget snapshots of the client, or allow it more",
            Self::Internal => "report it, with the log",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_the_same_word_everywhere() {
        for cause in Cause::ALL {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.as_str());
        }
    }

    #[test]
    fn what_a_person_must_decide_is_not_tried_again() {
        for cause in [Cause::HostKeyChanged, Cause::WrongPassword, Cause::Violation, Cause::LoginRefused, Cause::Full] {
            assert!(!cause.may_pass(), "{cause:?}");
        }
        assert!(Cause::Unreachable.may_pass());
    }
}
