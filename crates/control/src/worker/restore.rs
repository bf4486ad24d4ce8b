//! Restores: from a job to what it was told, with the client that it goes to.

use std::sync::Arc;

use holdfast_model::client::ClientSpec;
use holdfast_model::job::restore::{RestoreOrder, RestoreTarget};
use holdfast_model::job::{Job, Outcome};

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
                Destination::Client { caller: Box::new(self.caller(&client).await?), path: path.clone() }
            }
            RestoreTarget::Directory { path } => {
                let path = path.clone().ok_or_else(|| Failure::configuration("the job does not say where to"))?;
                Destination::Folder(path)
            }
        };
        let access = self.access_of(job).await?;
        let (worker, work) = (self.clone(), at_work.clone());
        let task = RestoreTask { order, target };
        self.with_repository(access, move |repository| {
            restore::run(&task, repository, &worker.options.place, &*work.notes, &work.cancel)
        })
        .await
    }
}
