//! Removes the snapshots of one client and one policy that the retention does not keep.
//!
//! Which they are is the server's own word, in their tags: nothing that a client says makes a snapshot count or go. The plan
//! is made and told before the first is removed.

use std::collections::BTreeSet;

use holdfast_model::job::{JobError, Outcome};
use holdfast_model::retention::{Candidate, GroupBy, Retention, plan, snapshot_time};
use holdfast_model::schedule::Zone;
use holdfast_model::{CancelToken, ClientUid, Clock, Monitor, PolicyUid, SnapshotId};
use holdfast_repo::{LockMode, Repository, SavedSnapshot, Sleep};

use super::Failure;
use super::backup::{client_tag, policy_tag};

/// Whose snapshots, and which of them stay.
#[derive(Debug, Clone)]
pub struct ForgetTask {
    /// The client, by whose id its snapshots are tagged.
    pub client: ClientUid,
    /// The policy, by whose id its snapshots are tagged.
    pub policy: PolicyUid,
    /// Which stay.
    pub retention: Retention,
    /// Where hours and days are counted.
    pub zone: Zone,
}

/// What was removed.
#[derive(Debug)]
pub struct Forgotten {
    /// What became of the job. It may have ended half-way.
    pub result: Result<Outcome, Failure>,
    /// The snapshots that are there still, whatever came after.
    pub staying: BTreeSet<SnapshotId>,
}

/// Decides and removes.
pub fn run(
    task: &ForgetTask,
    repository: &Repository,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
    cancel: &CancelToken,
) -> Result<Forgotten, Failure> {
    let lock = repository.lock(LockMode::Exclusive, &Sleep::new(cancel.clone()))?;
    let mut snapshots = repository.snapshots()?;
    let tags = [policy_tag(task.policy), client_tag(task.client)];
    snapshots.retain(|one| tags.iter().all(|tag| one.tags.contains(tag)));
    let candidates: Vec<Candidate> =
        snapshots.iter().map(|one| candidate(one, &task.zone)).collect::<Result<_, _>>()?;
    if candidates.is_empty() {
        return Ok(Forgotten { result: Ok(Outcome::default()), staying: BTreeSet::new() });
    }
    // One group: which paths it has may change with the policy, what is kept of it must not.
    let plans = plan(&task.retention, GroupBy::NOTHING, &candidates, clock.now());
    let plans = plans.map_err(|error| Failure::configuration(error.to_string()))?;
    let removed: Vec<&Candidate> = plans.iter().flat_map(|plan| plan.decision.remove.iter().copied()).collect();
    monitor.note(&format!(
        "{}: {} of {} snapshots stay",
        task.retention,
        candidates.len() - removed.len(),
        candidates.len()
    ));
    repository.check_writable()?;
    let mut gone = Vec::with_capacity(removed.len());
    let mut remove = |candidate: &Candidate| {
        if cancel.check().is_err() {
            return Err(Failure::Cancelled);
        }
        lock.check()?;
        monitor.note(&format!("removing snapshot {} of {}", candidate.id.short(), candidate.time));
        repository.remove_snapshot(candidate.id)?;
        gone.push(candidate.id);
        Ok(())
    };
    let result = removed.into_iter().try_for_each(&mut remove);
    let snapshots_removed = gone.len() as u64;
    let result = result.map(|()| Outcome { snapshots_removed, ..Outcome::default() });
    let staying = candidates.iter().map(|one| one.id).filter(|id| !gone.contains(id)).collect();
    Ok(Forgotten { result, staying })
}

fn candidate(snapshot: &SavedSnapshot, zone: &Zone) -> Result<Candidate, Failure> {
    let time = snapshot_time(&snapshot.time.to_string(), zone.time_zone());
    let time = time.map_err(|error| {
        let message = format!("snapshot {}: {error}", snapshot.id.short());
        Failure::Failed(JobError { cause: holdfast_model::job::Cause::Damaged, message })
    })?;
    Ok(Candidate {
        id: snapshot.id,
        // In the zone of the schedule, wherever it was written down.
        time: time.with_time_zone(zone.time_zone().clone()),
        host: snapshot.hostname.clone(),
        paths: snapshot.paths.clone(),
        tags: snapshot.tags.clone(),
    })
}
