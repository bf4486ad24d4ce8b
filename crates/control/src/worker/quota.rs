//! How much a client may add to a repository.
//!
//! What counts is what its snapshots there have added when they were made, with what its interrupted runs had stored until then,
//! whatever policy they were of.
//! Those that say nothing of it, as those of older programs, count nothing; what two clients have in common counts for whoever
//! brought it first. While a backup runs, all that the client sends counts, whoever had it before: so that it learns from its
//! end nothing but what it has sent itself.

use holdfast_model::client::Client;
use holdfast_model::job::{Cause, JobError};

use super::Worker;
use crate::work::Failure;
use crate::work::repositories::Access;

/// What a client may, and what it has done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quota {
    allowed: u64,
    added: u64,
}

impl Quota {
    /// Bytes that it may still add.
    pub(super) fn left(self) -> u64 {
        self.allowed.saturating_sub(self.added)
    }
}

impl Worker {
    /// What a client may still add, if that is bounded. Refuses a backup of one that has used up what it may.
    pub(super) async fn within_quota(&self, client: &Client, access: &Access) -> Result<Option<Quota>, Failure> {
        let Some(allowed) = client.spec.quota_bytes else { return Ok(None) };
        let added = self.control.db.read().await?.bytes_added(access.uid, client.uid).await?;
        let quota = Quota { allowed, added };
        if quota.left() > 0 {
            return Ok(Some(quota));
        }
        let host = &client.spec.hostname;
        let message = format!(
            "the snapshots of {host} have added {added} bytes to the repository, and {allowed} are allowed: it is not backed up"
        );
        Err(Failure::Failed(JobError { cause: Cause::Quota, message }))
    }
}

/// Says of a backup that went over the quota what that is.
pub(super) fn told(failure: Failure, client: &Client, quota: Option<Quota>) -> Failure {
    let (Failure::Failed(JobError { cause: Cause::Quota, .. }), Some(Quota { allowed, added })) = (&failure, quota)
    else {
        return failure;
    };
    let host = &client.spec.hostname;
    let message = format!(
        "{host} sent more than it may: its snapshots have added {added} bytes to the repository, and {allowed} are allowed; there \
         is no snapshot, and what was stored of it goes when the repository is pruned"
    );
    Failure::Failed(JobError { cause: Cause::Quota, message })
}
