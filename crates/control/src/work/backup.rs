//! A backup of one client by one policy.
//!
//! The snapshot carries the job's id: whoever finds it knows what became of the job, whatever else is lost.

use holdfast_model::job::Outcome;
use holdfast_model::pattern::PatternList;
use holdfast_model::policy::{Excludes, Hooks, RootPath, Work};
use holdfast_model::{CancelToken, ClientUid, Clock, JobUid, Monitor, Name, PolicyUid, Timestamp};
use holdfast_pull::state::{ClientIdentity, ClientState, RepositoryState, interrupted_bytes};
use holdfast_pull::{Backup, BackupRequest, Filter, ParentChoice, Stamp, Summary, backup};
use holdfast_repo::Repository;
use holdfast_repo::time::ZonedTime;

use super::client::Caller;
use super::hooks::{Round, Told};
use super::{Failure, Workplace};

/// What is to be backed up, and how.
#[derive(Debug, Clone)]
pub struct BackupTask {
    /// The job that it is done for.
    pub job: JobUid,
    /// The policy, whose id the snapshot carries too.
    pub policy: PolicyUid,
    /// The client.
    pub caller: Caller,
    /// What of it.
    pub work: Work,
    /// What is left out.
    pub excludes: Excludes,
    /// What is run before and after.
    pub hooks: Hooks,
    /// What the policy is called, for whoever is run.
    pub policy_name: Name,
    /// Bytes that the client may still add to the repository.
    pub allowance: Option<u64>,
}

/// Makes the snapshot, with what the policy has run before and after.
pub fn run(
    task: &BackupTask,
    repository: &Repository,
    place: &Workplace,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
    cancel: &CancelToken,
) -> Result<Outcome, Failure> {
    let round = round(task, place, monitor);
    round.around(cancel, || back_up(task, repository, place, clock, monitor, cancel))
}

/// Runs what follows a backup whose worker is gone: it made the snapshot that the outcome names, or none.
pub fn end_hooks(task: &BackupTask, outcome: Outcome, place: &Workplace, monitor: &dyn Monitor) -> Outcome {
    let mut result = if outcome.snapshot.is_some() { Ok(outcome.clone()) } else { Err(Failure::Cancelled) };
    round(task, place, monitor).after(&mut result);
    result.unwrap_or(outcome)
}

fn round<'a>(task: &'a BackupTask, place: &'a Workplace, monitor: &'a dyn Monitor) -> Round<'a> {
    let variables = vec![
        ("HOLDFAST_JOB", task.job.to_string()),
        ("HOLDFAST_CLIENT", task.caller.spec.hostname.to_string()),
        ("HOLDFAST_POLICY", task.policy_name.to_string()),
    ];
    Round { hooks: &task.hooks, caller: &task.caller, place, monitor, told: Told { variables } }
}

fn back_up(
    task: &BackupTask,
    repository: &Repository,
    place: &Workplace,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
    cancel: &CancelToken,
) -> Result<Outcome, Failure> {
    if let Some(trouble) = repository.hot_trouble() {
        monitor.warning(&trouble);
    }
    let request = request(task, clock.now())?;
    monitor.phase(holdfast_model::monitor::Phase::Connecting);
    let mut session = task.caller.call(place, cancel)?;
    let hostname = task.caller.spec.hostname.to_string();
    let identity = session.host_key.clone().map(|host_key| ClientIdentity { host_key, hostname });
    if identity.is_none() {
        monitor.warning(
            "ssh does not say beyond doubt which key the host has proven, so nothing is known of the host from before: all \
             files are read and sent",
        );
    }
    let trust_group = task.caller.spec.trust_group.as_ref().map(Name::as_str);
    let state = RepositoryState::new(&place.state, &repository.id());
    let state = identity.map(|identity| state.client(&identity, trust_group)).transpose();
    let state = state.map_err(|error| Failure::from(holdfast_pull::BackupError::from(error)))?;
    let resumed = state.as_ref().map_or(Ok(0), |state| interrupted(state, repository))?;
    let allowance = task.allowance.map(|bytes| bytes.saturating_sub(resumed));
    let work = Backup { repository, state: state.as_ref(), dry_run: false, allowance, monitor, cancel, clock };
    let summary = backup(&work, &mut session.link, &session.hello, &request)?;
    let outcome = outcome(&summary);
    Ok(Outcome { bytes_added: outcome.bytes_added.saturating_add(resumed), ..outcome })
}

/// What runs of the client that were interrupted have stored: this backup need not send it again, and it counts for this one.
fn interrupted(state: &ClientState, repository: &Repository) -> Result<u64, Failure> {
    repository.engine().refresh()?;
    interrupted_bytes(state, repository).map_err(|error| holdfast_pull::BackupError::from(error).into())
}

/// How the tags begin that say whose a snapshot is.
pub(crate) const POLICY_TAG: &str = "policy:";
pub(crate) const CLIENT_TAG: &str = "client:";

/// The tag of the snapshots that a policy makes. Its name may change, this does not.
pub fn policy_tag(policy: PolicyUid) -> String {
    format!("{POLICY_TAG}{policy}")
}

/// The tag of the snapshots of a client. Another may bear its name one day.
pub fn client_tag(client: ClientUid) -> String {
    format!("{CLIENT_TAG}{client}")
}

/// The policy that made a snapshot with these tags.
pub fn policy_of_tags(tags: &[String]) -> Option<PolicyUid> {
    tags.iter().find_map(|tag| tag.strip_prefix("policy:")?.parse().ok())
}

/// The client that a snapshot with these tags is of.
pub fn client_of_tags(tags: &[String]) -> Option<ClientUid> {
    tags.iter().find_map(|tag| tag.strip_prefix("client:")?.parse().ok())
}

/// What the agent is asked for, and what the snapshot says of itself: both are the server's to say.
fn request(task: &BackupTask, now: Timestamp) -> Result<BackupRequest, Failure> {
    let bytes = |roots: Vec<RootPath>| roots.iter().map(|root| root.as_str().as_bytes().to_vec()).collect();
    Ok(BackupRequest {
        roots: bytes(task.work.roots()),
        optional_roots: bytes(task.work.optional_roots()),
        filter: filter(&task.work, &task.excludes)?,
        stamp: Stamp {
            time: ZonedTime::utc(now),
            hostname: task.caller.spec.hostname.to_string(),
            username: task.caller.spec.connection.user.clone().unwrap_or_else(|| "root".to_owned()),
            tags: vec![task.job.tag(), policy_tag(task.policy), client_tag(task.caller.uid)],
        },
        parent: ParentChoice::Newest,
        with_atime: false,
        // Slow at some times is slow: the session may last into them.
        compress_link: !task.caller.spec.bandwidth.is_empty(),
    })
}

fn filter(work: &Work, excludes: &Excludes) -> Result<Filter, Failure> {
    let built_in = work.built_in_excludes().iter().map(|pattern| (*pattern).to_owned());
    // The policy's own come later, so that with `!` it can take back what is left out by itself.
    let exclude: Vec<String> = built_in.chain(excludes.patterns.iter().cloned()).collect();
    let check = |patterns: &[String], any_case| {
        PatternList::parse(patterns, any_case).map(drop).map_err(|error| Failure::configuration(error.to_string()))
    };
    check(&exclude, false)?;
    check(&excludes.patterns_any_case, true)?;
    Ok(Filter {
        exclude,
        iexclude: excludes.patterns_any_case.clone(),
        exclude_if_present: excludes.if_present.clone(),
        exclude_caches: excludes.caches,
        exclude_larger_than: excludes.larger_than_bytes,
        one_file_system: excludes.one_file_system,
        local_only: work.is_local_only(),
    })
}

fn outcome(summary: &Summary) -> Outcome {
    Outcome {
        snapshot: summary.snapshot,
        files: summary.total_files_processed,
        files_new: summary.files_new,
        files_changed: summary.files_changed,
        bytes: summary.total_bytes_processed,
        bytes_added: summary.data_added_packed,
        bytes_received: summary.traffic.received,
        warnings: summary.errors,
        ..Outcome::default()
    }
}
