//! Makes restore jobs: says which snapshot is meant, and refuses at once what must not be done.
//!
//! Nothing of one tenant is restored to another's client, no file is put back in its place by accident, and no two restores
//! write to the same place at a time. Plans write nothing: they neither stop anybody nor are stopped.

use holdfast_db::{DbError, JobFilter, JobPage, SnapshotQuery, Writer};
use holdfast_model::client::ClientSpec;
use holdfast_model::job::restore::{FolderPath, Manner, RestoreOrder, RestoreTarget, Select};
use holdfast_model::job::{Job, JobKind, JobStatus, NewJob};
use holdfast_model::pattern::{PatternError, PatternList};
use holdfast_model::repository::RepositorySpec;
use holdfast_model::{ClientUid, JobUid, PolicyUid, RepositoryUid, SnapshotId, TenantUid};

use crate::ask::Asker;
use crate::control::{Control, ControlError, tell_job};

/// What somebody asks to be restored.
#[derive(Debug, Clone)]
pub struct RestoreAsked {
    /// From which snapshot.
    pub source: RestoreSource,
    /// What of it.
    pub select: Select,
    /// Where to.
    pub target: RestoreTarget,
    /// How.
    pub manner: Manner,
    /// Whether files may be put where they were.
    pub in_place: bool,
    /// Whether only to say what would be done.
    pub dry_run: bool,
    /// The job that has planned it.
    pub plan: Option<JobUid>,
}

/// From which snapshot: one that is named, or the newest of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RestoreSource {
    /// In this repository.
    pub repository: Option<RepositoryUid>,
    /// This one.
    pub snapshot: Option<SnapshotId>,
    /// The newest of this client.
    pub client: Option<ClientUid>,
    /// Of this policy.
    pub policy: Option<PolicyUid>,
}

/// Why no restore job was made.
#[derive(Debug, thiserror::Error)]
pub enum RestoreRefused {
    /// The database, or something that is named and is not there.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// It does not say which snapshot.
    #[error(
        "say which snapshot: by repository and snapshot, or by client, and policy if you wish, for the newest of those"
    )]
    Source,
    /// There is none.
    #[error("there is no snapshot of this client, of this policy and in this repository, as far as they are said")]
    NoSnapshot,
    /// The snapshot is one tenant's and the client another's.
    #[error("the snapshot belongs to another tenant than the client that it is to be restored to")]
    OtherTenant,
    /// It would put files where they were.
    #[error("this replaces files where they are: say `in_place: true` if that is meant, or restore to another path")]
    InPlace,
    /// Deleting and patterns do not go together.
    #[error("what the snapshot does not hold can only be deleted where nothing is chosen by patterns")]
    DeleteWithPatterns,
    /// Patterns that cannot be read.
    #[error(transparent)]
    Patterns(#[from] PatternError),
    /// More than is taken.
    #[error("there are more than {} paths or patterns", Select::MOST)]
    TooMany,
    /// The plan is not one of this.
    #[error("job {job} is no plan of this restore: {why}")]
    Plan {
        /// The job.
        job: JobUid,
        /// Why not.
        why: &'static str,
    },
}

impl From<DbError> for RestoreRefused {
    fn from(error: DbError) -> Self {
        Self::Control(error.into())
    }
}

impl RestoreRefused {
    /// Which field of what was asked is to blame, if one is.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Control(_) => None,
            Self::Source | Self::NoSnapshot => Some("source"),
            Self::OtherTenant => Some("target.client"),
            Self::InPlace => Some("in_place"),
            Self::DeleteWithPatterns => Some("manner.delete"),
            Self::Patterns(_) | Self::TooMany => Some("select"),
            Self::Plan { .. } => Some("plan"),
        }
    }
}

impl Control {
    /// Makes the job of a restore, or of a plan for one.
    pub async fn launch_restore(&self, asked: RestoreAsked, asker: Asker<'_>) -> Result<Job, RestoreRefused> {
        check(&asked)?;
        let now = self.now();
        let uid = self.new_job_uid()?;
        let mut writer = self.db.write().await?;
        writer.lock_queue().await?;
        let found = resolve(&mut writer, &asked, uid).await?;
        if found.order.is_in_place() && !asked.in_place && !asked.dry_run {
            return Err(RestoreRefused::InPlace);
        }
        if let Some(client) = found.order.client()
            && writer.object::<ClientSpec>(client).await?.tenant != found.tenant
        {
            return Err(RestoreRefused::OtherTenant);
        }
        refuse_same_place(&mut writer, &found.order).await?;
        let new = NewJob {
            uid,
            tenant: found.tenant,
            kind: JobKind::Restore,
            run: self.new_run_uid()?,
            launch: asker.launch,
            launched_by: asker.name.to_owned(),
            now,
        };
        let mut job = new.queued().for_policy(None, found.order.client(), Some(found.repository));
        job.parameters = serde_json::to_value(&found.order).expect("an order has text for keys");
        writer.add_job(&job).await?;
        tell_job(&mut writer, &job, now).await?;
        writer.commit().await.map_err(ControlError::from)?;
        Ok(job)
    }
}

/// An order, with where its snapshot lies and whose that is.
struct Found {
    order: RestoreOrder,
    repository: RepositoryUid,
    tenant: TenantUid,
}

/// What can be told from the request alone.
fn check(asked: &RestoreAsked) -> Result<(), RestoreRefused> {
    let select = &asked.select;
    if select.paths.len() + select.patterns().count() > Select::MOST {
        return Err(RestoreRefused::TooMany);
    }
    for (patterns, any_case) in [
        (&select.include, false),
        (&select.exclude, false),
        (&select.include_any_case, true),
        (&select.exclude_any_case, true),
    ] {
        PatternList::parse(patterns, any_case)?;
    }
    if asked.manner.delete && select.has_patterns() {
        return Err(RestoreRefused::DeleteWithPatterns);
    }
    Ok(())
}

/// Says what is meant: by a plan, where there is one, for what was planned is what is done.
async fn resolve(writer: &mut Writer, asked: &RestoreAsked, uid: JobUid) -> Result<Found, RestoreRefused> {
    let plan = match asked.plan {
        Some(plan) => Some(planned(writer, plan, asked.dry_run).await?),
        None => None,
    };
    let source = asked.source;
    let (repository, snapshot) = match (&plan, source) {
        (Some((job, order)), RestoreSource { snapshot: None, .. }) => (job.repository, Some(order.snapshot)),
        (_, RestoreSource { snapshot: Some(_), client: None, policy: None, .. }) => {
            (source.repository, source.snapshot)
        }
        (_, RestoreSource { snapshot: None, client: Some(_), .. }) => newest(writer, source).await?,
        _ => return Err(RestoreRefused::Source),
    };
    let (Some(repository), Some(snapshot)) = (repository, snapshot) else { return Err(RestoreRefused::Source) };
    let tenant = writer.object::<RepositorySpec>(repository).await?.tenant;
    let known = writer.snapshot(repository, snapshot).await?;
    if known.as_ref().is_some_and(|known| known.tenant != tenant) {
        return Err(RestoreRefused::OtherTenant);
    }
    let of = known.and_then(|known| known.client);
    let target = match (&asked.target, &plan) {
        (RestoreTarget::Directory { path: None }, Some((_, order))) => order.target.clone(),
        (RestoreTarget::Directory { path: None }, None) => RestoreTarget::Directory { path: Some(own_folder(uid)) },
        (said, _) => said.clone(),
    };
    let (select, manner) = (asked.select.clone(), asked.manner);
    let (dry_run, plan_uid) = (asked.dry_run, asked.plan);
    let order = RestoreOrder { snapshot, select, target, manner, dry_run, plan: plan_uid, of };
    if let Some((job, planned)) = plan {
        let is_same = RestoreOrder { dry_run: true, plan: None, of: planned.of, ..order.clone() } == planned;
        if !is_same || job.repository != Some(repository) || job.tenant != tenant {
            return Err(RestoreRefused::Plan { job: job.uid, why: "it was asked for something else" });
        }
    }
    Ok(Found { order, repository, tenant })
}

async fn newest(
    writer: &mut Writer,
    source: RestoreSource,
) -> Result<(Option<RepositoryUid>, Option<SnapshotId>), RestoreRefused> {
    let RestoreSource { repository, client, policy, .. } = source;
    let query = SnapshotQuery { repository, client, policy, limit: 1, ..SnapshotQuery::default() };
    let newest = writer.snapshots(&query).await?.pop().ok_or(RestoreRefused::NoSnapshot)?;
    Ok((Some(newest.repository), Some(newest.id)))
}

/// A plan that can be carried out.
async fn planned(
    writer: &mut Writer,
    uid: JobUid,
    is_plan_itself: bool,
) -> Result<(Job, RestoreOrder), RestoreRefused> {
    let no = |why| RestoreRefused::Plan { job: uid, why };
    if is_plan_itself {
        return Err(no("a plan is made without another"));
    }
    let job = writer.job(uid).await?;
    let order = Some(&job).filter(|job| job.kind == JobKind::Restore);
    let order = order.and_then(|job| serde_json::from_value::<RestoreOrder>(job.parameters.clone()).ok());
    let order = order.filter(|order| order.dry_run).ok_or_else(|| no("it plans no restore"))?;
    if !job.status.is_good() {
        return Err(no("it has not ended well"));
    }
    Ok((job, order))
}

/// A folder that no other job has.
fn own_folder(uid: JobUid) -> FolderPath {
    uid.to_string().parse().expect("an id is a name")
}

/// A job that is done again is looked at as a new one is.
pub(crate) async fn check_again(writer: &mut Writer, job: &Job) -> Result<(), ControlError> {
    match serde_json::from_value::<RestoreOrder>(job.parameters.clone()) {
        Ok(order) if job.kind == JobKind::Restore => refuse_same_place(writer, &order).await,
        _ => Ok(()),
    }
}

/// Fails where a restore that has not ended writes where this one would.
async fn refuse_same_place(writer: &mut Writer, order: &RestoreOrder) -> Result<(), ControlError> {
    if order.dry_run {
        return Ok(());
    }
    let filter = JobFilter {
        client: order.client(),
        kinds: vec![JobKind::Restore],
        statuses: vec![JobStatus::Queued, JobStatus::Blocked, JobStatus::Running],
        ..JobFilter::default()
    };
    let others = writer.jobs(&filter, &JobPage::newest(u32::MAX)).await?;
    let overlaps = |job: &&Job| {
        let other = serde_json::from_value::<RestoreOrder>(job.parameters.clone());
        other.is_ok_and(|other| !other.dry_run && other.overlaps(order))
    };
    match others.iter().find(overlaps) {
        Some(job) => Err(ControlError::SamePlace(job.uid)),
        None => Ok(()),
    }
}
