//! Snapshots that were known in a repository and are there no more, although no job has said that it removed them.
//!
//! Whoever can write to the storage can delete there. It cannot be prevented here, but it is said: in the log and the warnings
//! of the job that saw it, and by an event for each. One that became another, as when its tags were changed, is not missed.
//! That a job is just removing them need not be thought of: it has the repository for itself.

use std::collections::BTreeSet;

use holdfast_db::KnownSnapshot;
use holdfast_model::{Monitor, RepositoryUid, SnapshotId, Time};

use super::Worker;
use super::at_work::AtWork;
use crate::ask::tell_snapshot;
use crate::control::ControlError;
use crate::work::survey::Survey;

/// So many snapshots are noted in one transaction: others want to write too.
pub(super) const AT_ONCE: usize = 200;
/// So many are named in a job's log: the events name them all.
const NAMED: usize = 5;

impl Worker {
    /// Of these snapshots of a repository, which were known and not found there, nothing is known any more. Gives back how many
    /// warnings that was worth.
    pub(super) async fn note_gone(
        &self,
        repository: RepositoryUid,
        gone: &[SnapshotId],
        survey: &Survey,
        at_work: &AtWork,
    ) -> Result<u64, ControlError> {
        // Of a line of changed ones each names the first, and not the one before it.
        let changed = survey.snapshots.iter().filter(|snapshot| snapshot.original.is_some());
        let replaced: BTreeSet<(&str, Time)> =
            changed.map(|snapshot| (snapshot.hostname.as_str(), snapshot.time.at.to_time())).collect();
        let mut missing: Vec<KnownSnapshot> = Vec::new();
        for some in gone.chunks(AT_ONCE) {
            let mut writer = self.control.db.write().await?;
            // Each locks how several clients stand, in any order: of two who do the second waits here.
            writer.lock_queue().await?;
            for id in some {
                let Some(known) = writer.snapshot(repository, *id).await? else { continue };
                tell_snapshot(&mut writer, &known, "gone", self.control.now()).await?;
                writer.remove_snapshot(repository, *id).await?;
                missing.extend(Some(known).filter(|one| !replaced.contains(&(one.hostname.as_str(), one.at))));
            }
            writer.commit().await?;
        }
        if missing.is_empty() {
            return Ok(0);
        }
        at_work.notes.warning(&told(&missing));
        Ok(1)
    }
}

fn told(missing: &[KnownSnapshot]) -> String {
    let of = |one: &KnownSnapshot| format!("{} of {} from {}", one.id.short(), one.hostname, one.at);
    let mut named: Vec<String> = missing.iter().take(NAMED).map(of).collect();
    named.extend((missing.len() > NAMED).then(|| format!("{} more", missing.len() - NAMED)));
    format!(
        "gone from the repository, and no job of this server has said that it removed them: {}; if nobody did that with \
         another program, look who can write to the storage",
        named.join(", ")
    )
}
