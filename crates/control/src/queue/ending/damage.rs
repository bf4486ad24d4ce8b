//! Keeps that a job came upon damage in its repository: whoever looks at the repository, or at what is stored there, sees it,
//! until checks have read all of it and found none.

use holdfast_db::{DbErrorKind, Writer};
use holdfast_model::Time;
use holdfast_model::job::{Cause, Job};
use holdfast_model::repository::{Damage, RepositorySpec};

use crate::ask::tell_object;
use crate::control::ControlError;

/// Notes what a job says that has ended.
pub(super) async fn note(writer: &mut Writer, job: &Job, now: Time) -> Result<(), ControlError> {
    let error = job.outcome.error.as_ref().filter(|error| error.cause == Cause::Damaged);
    let (Some(error), Some(uid)) = (error, job.repository) else { return Ok(()) };
    let mut repository = match writer.object::<RepositorySpec>(uid).await {
        // It was removed meanwhile.
        Err(error) if error.kind() == DbErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    repository.status.damage = Some(Damage { found: now, job: job.uid, message: error.message.clone() });
    writer.set_status::<RepositorySpec>(uid, &repository.status).await?;
    tell_object(writer, &repository, "damaged", "a job", now).await
}
