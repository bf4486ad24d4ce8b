//! `holdfast forget`: which snapshots go, by rule or by name.
//!
//! Nothing is removed before everything was decided and shown. A rule that keeps nothing is refused before the
//! repository is opened.

mod keep;
mod report;

use std::sync::Arc;

use anyhow::Result;
use holdfast_model::retention::{Candidate, GroupBy, GroupPlan, PlanError, Retention, plan, snapshot_time};
use holdfast_model::{Clock, SnapshotId, SystemClock};
use holdfast_repo::{LockGuard, LockMode, Repository, SavedSnapshot, Snapshot};
use jiff::tz::TimeZone;

use self::report::Report;
use super::{chosen, prune, snapshots};
use crate::args::{ForgetArgs, PruneArgs};
use crate::exit::Exit;
use crate::output;
use crate::{Context, open};

pub use keep::retention;

/// The id of a snapshot that is not there yet: no file has a hash that begins so.
fn upcoming_id(index: usize) -> SnapshotId {
    let mut id = [0; 32];
    id[24..].copy_from_slice(&(index as u64).to_be_bytes());
    SnapshotId::new(id)
}

fn is_upcoming(id: &SnapshotId) -> bool {
    id.as_bytes().starts_with(&[0; 24])
}

/// Removes snapshots.
pub fn run(context: &Context, args: &ForgetArgs) -> Result<Exit> {
    let rule = keep::retention(&args.keep)?;
    if args.ids.is_empty() && rule.is_empty() {
        return Err(PlanError::Empty.into());
    }
    let filter = snapshots::filter(&args.filter);
    let repository = open::repository(context)?;
    let mode = if args.dry_run { LockMode::Shared } else { LockMode::Exclusive };
    let lock = chosen::lock(context, &repository, mode)?;
    let removed = if args.ids.is_empty() {
        let rules = Rules {
            retention: rule,
            by: keep::group_by(&args.group_by),
            applies: Box::new(move |snapshot| filter.matches(snapshot)),
            upcoming: Vec::new(),
        };
        by_rule(context, &repository, &lock, &rules, args.dry_run)?
    } else {
        let gone = chosen::snapshots(&repository, &args.ids, &filter)?;
        context.output.finish();
        Report::new(&gone).named(context, args.dry_run)?;
        let ids: Vec<SnapshotId> = gone.iter().map(|snapshot| snapshot.id).collect();
        remove(context, &repository, &lock, &ids, args.dry_run)?;
        ids
    };
    if args.prune && !removed.is_empty() {
        prune::within(context, &repository, &lock, &PruneArgs::usual(args.dry_run), &removed)?;
    }
    Ok(Exit::Done)
}

/// What a rule says, and of which snapshots.
pub struct Rules<'a> {
    /// What stays.
    pub retention: Retention,
    /// What makes a group.
    pub by: GroupBy,
    /// Which snapshots it is about.
    pub applies: Box<dyn Fn(&Snapshot) -> bool + 'a>,
    /// Snapshots that a dry run did not make: they count as if they were there.
    pub upcoming: Vec<Snapshot>,
}

/// Applies a rule and gives the snapshots that went, or in a dry run would go.
pub fn by_rule(
    context: &Context,
    repository: &Repository,
    lock: &LockGuard,
    rules: &Rules<'_>,
    dry_run: bool,
) -> Result<Vec<SnapshotId>> {
    let mut snapshots = repository.snapshots()?;
    snapshots.retain(|snapshot| (rules.applies)(snapshot));
    let upcoming = rules.upcoming.iter().enumerate();
    snapshots
        .extend(upcoming.map(|(index, new)| SavedSnapshot { id: upcoming_id(index), snapshot: Arc::new(new.clone()) }));
    let candidates = snapshots.iter().map(candidate).collect::<Result<Vec<_>>>()?;
    let plans = plan(&rules.retention, rules.by, &candidates, SystemClock.now())?;
    context.output.finish();
    Report::new(&snapshots).groups(context, &rules.retention, &plans, dry_run)?;
    let removed: Vec<SnapshotId> = plans.iter().flat_map(removed_of).collect();
    remove(context, repository, lock, &removed, dry_run)?;
    Ok(removed)
}

fn removed_of<'a>(plan: &'a GroupPlan<'_>) -> impl Iterator<Item = SnapshotId> + 'a {
    plan.decision.remove.iter().map(|candidate| candidate.id)
}

fn candidate(snapshot: &SavedSnapshot) -> Result<Candidate> {
    Ok(Candidate {
        id: snapshot.id,
        time: snapshot_time(&snapshot.time.to_string(), &TimeZone::system())?,
        host: snapshot.hostname.clone(),
        paths: snapshot.paths.clone(),
        tags: snapshot.tags.clone(),
    })
}

fn remove(
    context: &Context,
    repository: &Repository,
    lock: &LockGuard,
    ids: &[SnapshotId],
    dry_run: bool,
) -> Result<()> {
    if !dry_run && !ids.is_empty() {
        repository.check_writable()?;
        for id in ids {
            context.cancel.check()?;
            lock.check()?;
            repository.remove_snapshot(*id)?;
        }
    }
    let count = output::count(ids.len() as u64, "snapshot");
    context.output.line(if dry_run {
        format!("{count} would be removed: this was a dry run")
    } else {
        format!("{count} removed")
    })?;
    Ok(())
}
