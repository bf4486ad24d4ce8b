//! Copies snapshots of one repository into another, and takes note of what is in that then.

use std::sync::Arc;

use holdfast_model::client::ClientSpec;
use holdfast_model::job::{CopyOrder, Job, Outcome};

use super::Worker;
use super::at_work::AtWork;
use crate::depot::in_thread;
use crate::work::Failure;
use crate::work::maintenance::{self, Selected, Task};

impl Worker {
    pub(super) async fn copy(self: &Arc<Self>, job: &Job, at_work: &AtWork) -> Result<Outcome, Failure> {
        let order: CopyOrder = serde_json::from_value(job.parameters.clone())
            .map_err(|_| Failure::configuration("the job does not say what is to be copied"))?;
        let (from, to) = (self.access_of(job).await?, self.depot.access(order.to).await?);
        let hostname = match order.client {
            Some(uid) => Some(self.control.db.read().await?.object::<ClientSpec>(uid).await?.spec.hostname),
            None => None,
        };
        let selected = Selected { client: order.client, hostname, newest: order.newest };
        let (worker, work) = (self.clone(), at_work.clone());
        let done = in_thread(move || {
            maintenance::run(
                Task::Copy(selected),
                (&from, Some(&to)),
                &worker.options.place,
                &*work.notes,
                &mut false,
                &work.cancel,
            )
        })
        .await;
        // What was copied before something went wrong is there too.
        let warnings = self.survey_after(job, order.to, at_work).await;
        done.map(|outcome: Outcome| Outcome { warnings: outcome.warnings + warnings, ..outcome })
    }
}
