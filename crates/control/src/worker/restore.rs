//! Restores: from a job to what it was told, with the client that it goes to.

use std::sync::Arc;

use holdfast_model::client::ClientSpec;
use holdfast_model::job::restore::{RestoreOrder, RestoreTarget};
use holdfast_model::job::{Job, Outcome};
use holdfast_model::policy::{Excludes, PolicySpec};

use super::{AtWork, Worker};
use crate::work::restore::{Destination, RestoreTask};
use crate::work::{Failure, restore};

impl Worker {
    pub(super) async fn restore(self: &Arc<Self>, job: &Job, at_work: &AtWork) -> Result<Outcome, Failure> {
        let order: RestoreOrder = serde_json::from_value(job.parameters.clone())
            .map_err(|error| Failure::configuration(format!("the job does not say what to restore ({error})")))?;
        let target = match &order.target {
            RestoreTarget::Client { client, path } => {
                let client = self.control.db.read().await?.object::<ClientSpec>(*client).await?;
                if client.tenant != job.tenant {
                    return Err(Failure::configuration("the client belongs to another tenant than the snapshot"));
                }
                Destination::Client { caller: Box::new(self.caller(&client, at_work).await?), path: path.clone() }
            }
            RestoreTarget::Directory { path } => {
                let path = path.clone().ok_or_else(|| Failure::configuration("the job does not say where to"))?;
                Destination::Folder(path)
            }
        };
        if order.manner.delete && !self.is_whole(job, &order).await? {
            return Err(Failure::configuration(
                "the snapshot may lack, by the excludes of its policy, what would be deleted then: restore without deleting",
            ));
        }
        let access = self.access_of(job).await?;
        let (worker, work) = (self.clone(), at_work.clone());
        let task = RestoreTask { order, target };
        // What is open may be all that is left of it: it is not asked whether it is in its place.
        self.depot
            .with(access, move |repository| {
                restore::run(&task, repository, &worker.options.place, &*work.notes, &work.cancel)
            })
            .await
    }

    /// Whether a snapshot is known to hold all that there was beneath its paths: made by a policy that leaves nothing out, and
    /// was not changed since.
    async fn is_whole(&self, job: &Job, order: &RestoreOrder) -> Result<bool, Failure> {
        let Some(repository) = job.repository else { return Ok(false) };
        let mut reader = self.control.db.read().await?;
        let Some(snapshot) = reader.snapshot(repository, order.snapshot).await? else { return Ok(false) };
        let Some(policy) = snapshot.policy else { return Ok(false) };
        let Ok(policy) = reader.object::<PolicySpec>(policy).await else { return Ok(false) };
        let leaves_nothing_out =
            policy.spec.excludes == Excludes::default() && policy.spec.work.built_in_excludes().is_empty();
        Ok(leaves_nothing_out && policy.modified <= snapshot.at)
    }
}
