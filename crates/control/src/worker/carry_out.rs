//! From a job to its work: reads what the work needs, has it done in a thread, and keeps what was found.

use std::sync::Arc;

use holdfast_db::{DbError, DbErrorKind, KnownSnapshot, SnapshotDetails, SnapshotQuery};
use holdfast_model::client::{Client, ClientSpec};
use holdfast_model::job::{Cause, Job, JobError, JobKind, Outcome};
use holdfast_model::policy::{Policy, PolicySpec};
use holdfast_model::repository::RepositorySpec;
use holdfast_model::schedule::{ScheduleSpec, Zone};
use holdfast_model::{Monitor, RepositoryUid};
use holdfast_repo::{Repository, SavedSnapshot};

use super::repository::details_of;
use super::{AtWork, Worker, quota};
use crate::ask::tell_snapshot;
use crate::control::ControlError;
use crate::depot::in_thread;
use crate::work::backup::BackupTask;
use crate::work::forget::ForgetTask;
use crate::work::maintenance::{self, Task};
use crate::work::repositories::Access;
use crate::work::{Failure, backup, forget};

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        let cause = match &error {
            // What it was told to work with is gone.
            ControlError::Database(error) if error.kind() == DbErrorKind::NotFound => Cause::Configuration,
            ControlError::Database(error) if error.kind() == DbErrorKind::Unavailable => Cause::Storage,
            _ => Cause::Internal,
        };
        Self::Failed(JobError { cause, message: error.to_string() })
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        ControlError::from(error).into()
    }
}

impl Worker {
    pub(super) async fn carry_out(self: &Arc<Self>, job: &Job, at_work: &AtWork) -> Result<Outcome, Failure> {
        match job.kind {
            JobKind::Prepare if job.client.is_none() => self.prepare_repository(job, at_work).await,
            JobKind::Prepare => self.prepare(job, at_work).await,
            JobKind::Backup => self.back_up(job, at_work).await,
            JobKind::Forget => self.forget(job, at_work).await,
            JobKind::Prune => self.maintain(job, at_work, Task::Prune).await,
            JobKind::Check => {
                let read = serde_json::from_value(job.parameters["read"].clone()).unwrap_or_default();
                self.maintain(job, at_work, Task::Check { read }).await
            }
            JobKind::Catalog => self.catalog(job, at_work).await,
            JobKind::Verify => self.verify(job, at_work).await,
            JobKind::Restore => self.restore(job, at_work).await,
            JobKind::Copy => self.copy(job, at_work).await,
        }
    }

    /// What is to be backed up, by the policy as it stands now.
    pub(super) async fn backup_task(&self, job: &Job, at_work: &AtWork) -> Result<BackupTask, Failure> {
        let (client, policy) = (self.client_of(job).await?, self.policy_of(job).await?);
        Ok(BackupTask {
            job: job.uid,
            policy: policy.uid,
            caller: self.caller(&client, at_work).await?,
            work: policy.spec.work,
            excludes: policy.spec.excludes,
            hooks: policy.spec.hooks,
            policy_name: policy.spec.name,
            allowance: None,
        })
    }

    async fn back_up(self: &Arc<Self>, job: &Job, at_work: &AtWork) -> Result<Outcome, Failure> {
        let access = self.access_of(job).await?;
        let client = self.client_of(job).await?;
        let quota = self.within_quota(&client, &access).await?;
        let task = self.backup_task(job, at_work).await?;
        let task = BackupTask { allowance: quota.map(|quota| quota.left()), ..task };
        let (worker, work) = (self.clone(), at_work.clone());
        let made = self
            .with_repository(access, move |repository| {
                let (place, clock) = (&worker.options.place, &*worker.control.clock);
                let outcome = backup::run(&task, repository, place, clock, &*work.notes, &work.cancel)?;
                Ok((outcome.snapshot.map(|id| repository.load_snapshot(id)), outcome))
            })
            .await
            .map_err(|failure| quota::told(failure, &client, quota))?;
        // The snapshot is there: what goes wrong from here on cannot make the backup fail.
        let (snapshot, mut outcome) = made;
        let noted = match snapshot {
            Some(Ok(snapshot)) => {
                // With what interrupted runs had stored for it.
                let (complete, added) = (outcome.warnings == 0, Some(outcome.bytes_added));
                self.note_snapshot(job, &snapshot, complete, added).await.map_err(|error| error.to_string())
            }
            Some(Err(error)) => Err(error.to_string()),
            None => Ok(()),
        };
        if let Err(error) = noted {
            outcome.warnings += 1;
            at_work.notes.warning(&format!("the snapshot was made, but could not be noted: {error}"));
        }
        Ok(outcome)
    }

    async fn forget(self: &Arc<Self>, job: &Job, at_work: &AtWork) -> Result<Outcome, Failure> {
        let (client, policy) = (self.client_of(job).await?, self.policy_of(job).await?);
        let access = self.access_of(job).await?;
        let mut reader = self.control.db.read().await?;
        let settings = reader.settings().await?;
        let zone = match &policy.spec.schedule {
            Some(name) => reader.object_named::<ScheduleSpec>(policy.tenant, name).await?.spec.time_zone,
            None => settings.time_zone,
        };
        let query = SnapshotQuery {
            repository: Some(access.uid),
            client: Some(client.uid),
            policy: Some(policy.uid),
            limit: i32::MAX as u32,
            ..SnapshotQuery::default()
        };
        // What is known of them now and is not there afterwards is gone, whoever has removed it: this job, or one before it that
        // died before it could say so.
        let known = reader.snapshots(&query).await?;
        drop(reader);
        let task = ForgetTask {
            client: client.uid,
            policy: policy.uid,
            retention: policy.spec.retention.unwrap_or(settings.retention),
            zone: Zone::clone(&zone),
        };
        let (worker, work) = (self.clone(), at_work.clone());
        let done = self
            .with_repository(access.clone(), move |repository| {
                forget::run(&task, repository, &*worker.control.clock, &*work.notes, &work.cancel)
            })
            .await?;
        let mut writer = self.control.db.write().await?;
        // Whoever notes snapshots, and how clients stand by them, takes turns with all others who do.
        writer.lock_queue().await?;
        for gone in known.iter().filter(|one| !done.staying.contains(&one.id)) {
            tell_snapshot(&mut writer, gone, "removed", self.control.now()).await?;
            writer.remove_snapshot(access.uid, gone.id).await?;
        }
        writer.commit().await?;
        // What is gone is found no more; that its names take room is no failure of this job.
        self.tidy_catalog(job, at_work).await;
        done.result
    }

    async fn maintain(self: &Arc<Self>, job: &Job, at_work: &AtWork, task: Task) -> Result<Outcome, Failure> {
        let access = self.access_of(job).await?;
        let (worker, work, uid) = (self.clone(), at_work.clone(), access.uid);
        let (is_check, part) = match task {
            Task::Check { read } => (true, read),
            _ => (false, None),
        };
        let began = self.control.now();
        let done = in_thread(move || {
            let (place, notes, mut has_read) = (&worker.options.place, &*work.notes, false);
            let ended = maintenance::run(task, (&access, None), place, notes, &mut has_read, &work.cancel);
            Ok((ended, has_read))
        });
        let (ended, has_read) = done.await?;
        let mut writer = self.control.db.write().await?;
        writer.lock_queue().await?;
        let mut status = writer.object::<RepositorySpec>(uid).await?.status;
        // What has damage in it was read all the same.
        if let Some(part) = part.filter(|_| has_read) {
            status.reading.note(part, began);
        }
        if ended.is_ok() {
            *(if is_check { &mut status.checked } else { &mut status.pruned }) = Some(self.control.now());
            let reading = &status.reading;
            status.damage = status.damage.filter(|damage| !is_check || !reading.is_all_since(damage.found));
        }
        writer.set_status::<RepositorySpec>(uid, &status).await?;
        writer.commit().await?;
        let mut outcome = ended?;
        outcome.warnings += self.survey_after(job, uid, at_work).await;
        Ok(outcome)
    }

    /// Does something with a repository, in a thread.
    pub(super) async fn with_repository<T: Send + 'static>(
        &self,
        access: Access,
        work: impl FnOnce(&Repository) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.depot.with_in_place(access, work).await
    }

    /// How the repository of a job is opened.
    pub(super) async fn access_of(&self, job: &Job) -> Result<Access, Failure> {
        self.depot.access(repository_of(job)?).await
    }

    pub(super) async fn client_of(&self, job: &Job) -> Result<Client, Failure> {
        let uid = job.client.ok_or_else(|| Failure::configuration("the job names no client"))?;
        Ok(self.control.db.read().await?.object::<ClientSpec>(uid).await?)
    }

    async fn policy_of(&self, job: &Job) -> Result<Policy, Failure> {
        let uid = job.policy.ok_or_else(|| Failure::configuration("the job names no policy"))?;
        Ok(self.control.db.read().await?.object::<PolicySpec>(uid).await?)
    }

    /// Notes a snapshot that a job made.
    pub(super) async fn note_snapshot(
        &self,
        job: &Job,
        snapshot: &SavedSnapshot,
        complete: bool,
        added: Option<u64>,
    ) -> Result<(), ControlError> {
        let Some(repository) = job.repository else { return Ok(()) };
        let known = KnownSnapshot {
            repository,
            id: snapshot.id,
            tenant: job.tenant,
            client: job.client,
            policy: job.policy,
            job: Some(job.uid),
            at: snapshot.time.at.to_time(),
            complete,
            hostname: snapshot.hostname.clone(),
            details: SnapshotDetails { added, ..details_of(snapshot) },
        };
        let mut writer = self.control.db.write().await?;
        writer.lock_queue().await?;
        tell_snapshot(&mut writer, &known, "added", self.control.now()).await?;
        writer.add_snapshot(&known).await?;
        Ok(writer.commit().await?)
    }
}

/// The repository that a job is for.
pub(super) fn repository_of(job: &Job) -> Result<RepositoryUid, Failure> {
    job.repository.ok_or_else(|| Failure::configuration("the job names no repository"))
}
