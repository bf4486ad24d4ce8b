//! Whether a client may add more to a repository.
//!
//! What counts is what its snapshots there have added when they were made. Those that say nothing of it, as those of older
//! programs, count nothing; what two clients have in common counts for whoever brought it first. A backup that has begun is
//! not ended: the next one is refused.

use holdfast_model::client::Client;
use holdfast_model::job::{Cause, JobError};

use super::Worker;
use crate::work::Failure;
use crate::work::repositories::Access;

impl Worker {
    /// Refuses a backup of a client that has used up what it may.
    pub(super) async fn within_quota(&self, client: &Client, access: &Access) -> Result<(), Failure> {
        let Some(quota) = client.spec.quota_bytes else { return Ok(()) };
        let added = self.control.db.read().await?.bytes_added(access.uid, client.uid).await?;
        if added < quota {
            return Ok(());
        }
        let host = &client.spec.hostname;
        let message = format!(
            "the snapshots of {host} have added {added} bytes to the repository, and {quota} are allowed: it is not backed up"
        );
        Err(Failure::Failed(JobError { cause: Cause::Quota, message }))
    }
}
