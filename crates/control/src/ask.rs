//! What people ask for, beside runs of policies: that a client or a repository is prepared, a repository looked after, a job
//! done again.
//!
//! Each becomes a job, which is not made twice while the first has not begun.

use std::collections::BTreeSet;

use holdfast_db::{KnownSnapshot, Writer};
use holdfast_model::client::{Client, ClientSpec};
use holdfast_model::job::{CopyOrder, Job, JobKind, JobStatus, Launch, NewJob};
use holdfast_model::object::{Object, Spec};
use holdfast_model::repository::{FirstBytes, RepositorySpec};
use holdfast_model::{ClientUid, JobUid, RepositoryUid, TenantUid, Time};
use serde_json::{Value, json};

use crate::control::{Control, ControlError, tell_job};
use crate::restore::check_again;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// A person, or a program.
    pub launch: Launch,
    /// By name.
    pub name: &'a str,
}

/// What is to be done with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// Open it, note what is in it; make it, if there is none and that is wanted.
    Prepare {
        /// Whether it is made.
        create: bool,
        /// Whether files are cut in it at the same boundaries as restic's.
        as_restic: bool,
    },
    /// Look whether all is in order; read all data too, if that is wanted.
    Check {
        /// Whether all data is read.
        read_data: bool,
    },
    /// Delete what no snapshot needs.
    Prune,
    /// Look which snapshots it has, and make the names in all of them searchable.
    Catalog,
    /// Restore some files of the newest snapshots, to prove that they can be.
    Verify,
    /// Copy its snapshots to another repository of the same tenant.
    Copy {
        /// Which.
        to: RepositoryUid,
        /// The snapshots of this client alone.
        client: Option<ClientUid>,
        /// The newest alone, of each client and policy.
        newest: bool,
    },
}

impl Control {
    /// Asks for a client to be prepared.
    pub async fn prepare_client(&self, uid: ClientUid, asker: Asker<'_>) -> Result<Job, ControlError> {
        let mut writer = self.db.write().await?;
        writer.lock_queue().await?;
        let client: Client = writer.object::<ClientSpec>(uid).await?;
        let asked = Asked { kind: JobKind::Prepare, tenant: client.tenant, parameters: Value::Null };
        let job = self.ask(&mut writer, asker, asked, |job| job.for_policy(None, Some(uid), None)).await?;
        writer.commit().await?;
        Ok(job)
    }

    /// Asks for something to be done with a repository.
    pub async fn care_for(&self, uid: RepositoryUid, care: Care, asker: Asker<'_>) -> Result<Job, ControlError> {
        let mut writer = self.db.write().await?;
        writer.lock_queue().await?;
        let repository: Object<RepositorySpec> = writer.object::<RepositorySpec>(uid).await?;
        let (kind, parameters) = match care {
            Care::Prepare { create, as_restic } => {
                (JobKind::Prepare, json!({ "create": create, "as_restic": as_restic }))
            }
            Care::Check { read_data: false } => (JobKind::Check, Value::Null),
            Care::Check { read_data: true } => (JobKind::Check, json!({ "read": FirstBytes::ALL })),
            Care::Prune => (JobKind::Prune, Value::Null),
            Care::Catalog => (JobKind::Catalog, json!({ "rebuild": true })),
            Care::Verify => (JobKind::Verify, Value::Null),
            Care::Copy { to, client, newest } => (JobKind::Copy, json!(CopyOrder { to, client, newest })),
        };
        let asked = Asked { kind, tenant: repository.tenant, parameters };
        let job = self.ask(&mut writer, asker, asked, |job| job.for_policy(None, None, Some(uid))).await?;
        writer.commit().await?;
        Ok(job)
    }

    /// Asks for a job that has ended to be done again. A backup brings with it what goes before and follows.
    pub async fn do_again(&self, uid: JobUid, asker: Asker<'_>) -> Result<Job, ControlError> {
        let mut reader = self.db.read().await?;
        let before = reader.job(uid).await?;
        if !before.status.is_finished() {
            return Err(ControlError::NotEnded(uid));
        }
        if let (JobKind::Backup, Some(policy), Some(client)) = (before.kind, before.policy, before.client) {
            let hostname = reader.object::<ClientSpec>(client).await?.spec.hostname;
            drop(reader);
            let only = BTreeSet::from([hostname]);
            let jobs = self.launch_policy(policy, Some(&only), asker.launch, asker.name).await?;
            let backup = jobs.into_iter().find(|job| job.kind == JobKind::Backup);
            return backup.ok_or(ControlError::NothingToDo(uid));
        }
        drop(reader);
        let mut writer = self.db.write().await?;
        writer.lock_queue().await?;
        check_again(&mut writer, &before).await?;
        let now = self.now();
        let again = before.retry(self.new_job_uid()?, asker.launch, asker.name.to_owned(), now, now);
        add(&mut writer, &again, now).await?;
        writer.commit().await?;
        Ok(again)
    }

    async fn ask(
        &self,
        writer: &mut Writer,
        asker: Asker<'_>,
        asked: Asked,
        concerning: impl FnOnce(Job) -> Job,
    ) -> Result<Job, ControlError> {
        let now = self.now();
        let new = NewJob {
            uid: self.new_job_uid()?,
            tenant: asked.tenant,
            kind: asked.kind,
            run: self.new_run_uid()?,
            launch: asker.launch,
            launched_by: asker.name.to_owned(),
            now,
        };
        let mut job = concerning(new.queued());
        job.parameters = asked.parameters;
        for waiting in writer.unfinished_of(job.tenant, None).await? {
            let is_same = waiting.kind == job.kind
                && waiting.status == JobStatus::Queued
                && (waiting.client, waiting.repository, waiting.policy) == (job.client, job.repository, job.policy);
            if is_same {
                let same = writer.job(waiting.uid).await?;
                if same.parameters == job.parameters {
                    return Ok(same);
                }
            }
        }
        add(writer, &job, now).await?;
        Ok(job)
    }
}

/// A job that is asked for.
struct Asked {
    kind: JobKind,
    tenant: TenantUid,
    parameters: Value,
}

async fn add(writer: &mut Writer, job: &Job, now: Time) -> Result<(), ControlError> {
    writer.add_job(job).await?;
    Ok(tell_job(writer, job, now).await?)
}

/// Tells of a snapshot that a job made or removed.
pub(crate) async fn tell_snapshot(
    writer: &mut Writer,
    snapshot: &KnownSnapshot,
    change: &str,
    at: Time,
) -> Result<(), ControlError> {
    let KnownSnapshot { id, tenant, repository, client, policy, job, .. } = snapshot;
    let body = json!({ "change": change, "repository": repository, "client": client, "policy": policy, "job": job });
    let event =
        holdfast_db::NewEvent { at, topic: "snapshot".to_owned(), tenant: *tenant, subject: id.to_string(), body };
    writer.add_event(&event).await?;
    Ok(())
}

/// Notes what happened to an object, for who watches.
pub(crate) async fn tell_object<S: Spec>(
    writer: &mut Writer,
    object: &Object<S>,
    change: &str,
    by: &str,
    at: Time,
) -> Result<(), ControlError> {
    let event = holdfast_db::NewEvent {
        at,
        topic: S::KIND.as_str().to_owned(),
        tenant: object.tenant,
        subject: object.uid.to_string(),
        body: json!({ "change": change, "name": object.spec.name(), "revision": object.revision, "by": by }),
    };
    writer.add_event(&event).await?;
    Ok(())
}
