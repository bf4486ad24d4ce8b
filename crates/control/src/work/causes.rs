//! From what went wrong to why a job failed. Kinds and types decide, never texts.

use std::error::Error;

use holdfast_model::job::{Cause, JobError};
use holdfast_pull::ssh::{OfferedError, SshFailure};
use holdfast_pull::{AgentsError, BackupError, LinkError, RestoreError};
use holdfast_repo::catalogue::CatalogueError;
use holdfast_repo::prune::PruneError;
use holdfast_repo::{CopyError, IngestError, RepoError, RepoErrorKind};
use holdfast_store::{ErrorKind, OpenError, PlaceError};

use super::client::{AskError, CallError};
use super::secrets::SecretError;

/// Why work was not done.
#[derive(Debug)]
pub enum Failure {
    /// Somebody wanted it to end.
    Cancelled,
    /// It failed.
    Failed(JobError),
}

impl Failure {
    /// Of something that was told to do what makes no sense.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self::Failed(JobError { cause: Cause::Configuration, message: message.into() })
    }

    fn of(cause: Cause, error: &(dyn Error + 'static)) -> Self {
        Self::Failed(JobError { cause, message: sentence(error) })
    }
}

/// Characters of a message, at most.
const LONGEST: usize = 2000;

/// The error and what lies beneath it, on one line.
pub(crate) fn sentence(error: &dyn Error) -> String {
    let mut parts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        // Transparent errors say what their source says.
        if parts.last() != Some(&text) {
            parts.push(text);
        }
        source = cause.source();
    }
    // A host may have said much of it.
    parts.join(": ").chars().take(LONGEST).collect()
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::of(of_call(&error), &error)
    }
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        let cause = match &error {
            AskError::Offered(OfferedError::Ssh { failure, .. }) => of_ssh(*failure),
            AskError::Offered(OfferedError::Start(_)) => Cause::Internal,
            AskError::Call(call) => of_call(call),
        };
        Self::of(cause, &error)
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let cause = match &error {
            BackupError::Cancelled(_) => None,
            BackupError::Repository(error) => of_repository(error.kind()),
            BackupError::Store(IngestError::TooLarge { .. }) => Some(Cause::Configuration),
            BackupError::Store(IngestError::Abandoned) => None,
            BackupError::Store(IngestError::Allowance { .. }) => Some(Cause::Quota),
            BackupError::Store(IngestError::NotClosed { .. }) => Some(Cause::Damaged),
            BackupError::Store(IngestError::Encode { .. } | IngestError::Defect) => Some(Cause::Internal),
            BackupError::Store(error) => of_repository(error.kind()),
            BackupError::Link(link) => Some(of_link(link)),
            BackupError::NothingFound => Some(Cause::SourceMissing),
            BackupError::ForeignParent { .. } | BackupError::DirectoryTooLarge(_) => Some(Cause::Configuration),
            BackupError::Command { .. } => Some(Cause::Hook),
            BackupError::State(_) | BackupError::Random(_) => Some(Cause::Internal),
        };
        cause.map_or(Self::Cancelled, |cause| Self::of(cause, &error))
    }
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        let cause = match &error {
            RestoreError::Cancelled(_) => None,
            RestoreError::Repository(error) => of_repository(error.kind()),
            RestoreError::Read(error) => of_reading(error.kind()),
            RestoreError::NothingLeft { source, .. } => {
                source.as_ref().map_or(Some(Cause::Damaged), |error| of_reading(error.kind()))
            }
            // It does not like where it is to restore to.
            RestoreError::Link(LinkError::Refused(_)) => Some(Cause::Configuration),
            RestoreError::Link(link) => Some(of_link(link)),
            RestoreError::Untold { .. } => Some(Cause::Agent),
        };
        cause.map_or(Self::Cancelled, |cause| Self::of(cause, &error))
    }
}

impl From<CatalogueError> for Failure {
    fn from(error: CatalogueError) -> Self {
        let cause = match &error {
            CatalogueError::Cancelled => None,
            CatalogueError::NotFound { .. }
            | CatalogueError::NotADirectory { .. }
            | CatalogueError::NotAFile { .. } => Some(Cause::Configuration),
            CatalogueError::Read { source, .. } => of_reading(source.kind()),
            CatalogueError::Node { .. } | CatalogueError::MissingBlob { .. } => Some(Cause::Damaged),
            CatalogueError::Write { .. } => Some(Cause::Disconnected),
            CatalogueError::TooMuch { .. } => Some(Cause::Configuration),
        };
        cause.map_or(Self::Cancelled, |cause| Self::of(cause, &error))
    }
}

impl From<PruneError> for Failure {
    fn from(error: PruneError) -> Self {
        of_repository(error.kind()).map_or(Self::Cancelled, |cause| Self::of(cause, &error))
    }
}

impl From<CopyError> for Failure {
    fn from(error: CopyError) -> Self {
        of_repository(error.kind()).map_or(Self::Cancelled, |cause| Self::of(cause, &error))
    }
}

impl From<RepoError> for Failure {
    fn from(error: RepoError) -> Self {
        match of_repository(error.kind()) {
            Some(cause) => Self::of(cause, &error),
            None => Self::Cancelled,
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let cause = match &error {
            OpenError::Store(error) => of_storage(error.kind()),
            OpenError::Credentials { .. } => Cause::StorageDenied,
            OpenError::UnknownOption { .. } | OpenError::Value { .. } | OpenError::Unsupported { .. } => {
                Cause::Configuration
            }
        };
        Self::of(cause, &error)
    }
}

impl From<PlaceError> for Failure {
    fn from(error: PlaceError) -> Self {
        Self::of(Cause::Configuration, &error)
    }
}

impl From<SecretError> for Failure {
    fn from(error: SecretError) -> Self {
        Self::of(Cause::Secret, &error)
    }
}

impl From<AgentsError> for Failure {
    fn from(error: AgentsError) -> Self {
        Self::of(Cause::Internal, &error)
    }
}

fn of_call(error: &CallError) -> Cause {
    match error {
        CallError::NoHostKey(_) => Cause::HostKeyUnknown,
        CallError::OtherHostKey { .. } => Cause::HostKeyChanged,
        CallError::JumpHost { .. } | CallError::NoJumpHost(_) => Cause::JumpHost,
        CallError::Connection(_) => Cause::Configuration,
        CallError::KnownHosts { .. } | CallError::Start { .. } => Cause::Internal,
        CallError::Link(link) => of_link(link),
    }
}

fn of_link(error: &LinkError) -> Cause {
    match error {
        LinkError::Ssh { failure, .. } => of_ssh(*failure),
        LinkError::Closed | LinkError::Ended { .. } => Cause::Disconnected,
        LinkError::Remote { .. } | LinkError::NotAnAgent(_) | LinkError::CannotRun(_) | LinkError::Refused(_) => {
            Cause::Agent
        }
        LinkError::Version(_) => Cause::Agent,
        LinkError::Violation(_) => Cause::Violation,
        LinkError::Encode(_) | LinkError::Handover(_) | LinkError::Unconfined(_) | LinkError::PullerDied(_) => {
            Cause::Internal
        }
    }
}

fn of_ssh(failure: SshFailure) -> Cause {
    match failure {
        SshFailure::HostKeyChanged => Cause::HostKeyChanged,
        SshFailure::HostKeyUnknown => Cause::HostKeyUnknown,
        SshFailure::JumpHost => Cause::JumpHost,
        SshFailure::LoginRefused => Cause::LoginRefused,
        SshFailure::Unreachable => Cause::Unreachable,
        SshFailure::Lost | SshFailure::Other => Cause::Disconnected,
    }
}

/// `None` if somebody wanted it to end.
fn of_repository(kind: RepoErrorKind) -> Option<Cause> {
    Some(match kind {
        RepoErrorKind::Cancelled => return None,
        RepoErrorKind::NotARepository => Cause::RepositoryMissing,
        RepoErrorKind::WrongPassword => Cause::WrongPassword,
        RepoErrorKind::Locked | RepoErrorKind::LockLost => Cause::Locked,
        RepoErrorKind::Corrupt => Cause::Damaged,
        RepoErrorKind::Storage(kind) => of_storage(kind),
        RepoErrorKind::AlreadyExists | RepoErrorKind::NotFound | RepoErrorKind::Refused => Cause::Configuration,
    })
}

/// A pack that is not there is damage: the repository is, for it was opened.
fn of_reading(kind: RepoErrorKind) -> Option<Cause> {
    match kind {
        RepoErrorKind::Storage(ErrorKind::NotFound) => Some(Cause::Damaged),
        kind => of_repository(kind),
    }
}

fn of_storage(kind: ErrorKind) -> Cause {
    match kind {
        ErrorKind::Full => Cause::Full,
        ErrorKind::Denied => Cause::StorageDenied,
        ErrorKind::Corrupt => Cause::Damaged,
        ErrorKind::NotFound => Cause::RepositoryMissing,
        ErrorKind::Transient | ErrorKind::Permanent | ErrorKind::AlreadyExists => Cause::Storage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(failure: impl Into<Failure>) -> Option<Cause> {
        match failure.into() {
            Failure::Cancelled => None,
            Failure::Failed(error) => Some(error.cause),
        }
    }

    #[test]
    fn a_host_that_does_not_answer_is_told_from_one_that_lets_nobody_in() {
        let link = |failure| CallError::Link(LinkError::Ssh { failure, said: "words".into() });
        assert_eq!(cause(link(SshFailure::Unreachable)), Some(Cause::Unreachable));
        assert_eq!(cause(link(SshFailure::LoginRefused)), Some(Cause::LoginRefused));
        assert_eq!(cause(link(SshFailure::HostKeyChanged)), Some(Cause::HostKeyChanged));
        assert_eq!(cause(CallError::NoHostKey("web1".into())), Some(Cause::HostKeyUnknown));
    }

    #[test]
    fn what_somebody_wanted_to_end_has_not_failed() {
        assert_eq!(cause(BackupError::Cancelled(holdfast_model::Cancelled)), None);
        assert_eq!(cause(BackupError::Store(IngestError::Abandoned)), None);
        assert_eq!(cause(BackupError::NothingFound), Some(Cause::SourceMissing));
    }
}
