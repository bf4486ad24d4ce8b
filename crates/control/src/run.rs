//! A run of a policy: which jobs it makes, or why it makes none for a client. A function of the policy, its clients and the
//! jobs that are not finished.
//!
//! Each client has its own chain: prepare, if it is not ready or what is known of it is old; back up; then make its names searchable, and forget. A job
//! begins only after the one that it follows has ended well. Chains go side by side.

#[cfg(test)]
mod tests;

use std::time::Duration;

use holdfast_db::Unfinished;
use holdfast_model::client::Client;
use holdfast_model::job::{Job, JobKind, JobStatus, Launch, NewJob, Waiting};
use holdfast_model::policy::Policy;
use holdfast_model::schedule::Schedule;
use holdfast_model::tenant::Overlap;
use holdfast_model::{ClientUid, JobUid, RepositoryUid, RunUid, Settings, Time};

/// The release that this server is of.
pub(crate) const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// What a client said of itself so long ago is asked for again.
const FACTS_ARE_GOOD_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// What a run is made of.
pub struct Run<'a> {
    /// Its id.
    pub uid: RunUid,
    /// The policy.
    pub policy: &'a Policy,
    /// The repository that it names.
    pub repository: RepositoryUid,
    /// The schedule that it names.
    pub schedule: Option<&'a Schedule>,
    /// Why it is made.
    pub launch: Launch,
    /// Who asked for it.
    pub launched_by: &'a str,
    /// When it was due.
    pub due: Option<Time>,
    /// What keeps it from starting.
    pub overlap: Overlap,
    /// What follows a backup.
    pub settings: &'a Settings,
    /// When it is made.
    pub now: Time,
}

impl Run<'_> {
    /// The jobs for these clients, of which those that are disabled get none. `unfinished` are all jobs of the tenant that are
    /// not finished; `new_uid` gives ids, one after another.
    pub fn jobs<'a>(
        &self,
        clients: impl IntoIterator<Item = &'a Client>,
        unfinished: &[Unfinished],
        new_uid: &mut dyn FnMut() -> JobUid,
    ) -> Vec<Job> {
        let enabled = clients.into_iter().filter(|client| client.spec.enabled);
        enabled.flat_map(|client| self.chain(client, unfinished, new_uid)).collect()
    }

    fn chain(&self, client: &Client, unfinished: &[Unfinished], new_uid: &mut dyn FnMut() -> JobUid) -> Vec<Job> {
        if let Some(job) = self.in_the_way(client.uid, unfinished) {
            let mut skipped = self.job(JobKind::Backup, client, new_uid());
            skipped.skip(Waiting::Overlap { job }, self.now).expect("a queued job can be skipped");
            return vec![skipped];
        }
        let mut kinds = Vec::new();
        if !is_prepared(client, self.now) {
            kinds.push(JobKind::Prepare);
        }
        kinds.push(JobKind::Backup);
        kinds.extend(self.settings.catalog.then_some(JobKind::Catalog));
        kinds.extend(self.settings.forget_after_backup.then_some(JobKind::Forget));
        let mut chain: Vec<Job> = Vec::with_capacity(kinds.len());
        for kind in kinds {
            let job = self.job(kind, client, new_uid());
            // What is not searchable is backed up all the same: nothing else waits for that.
            let before = chain.iter().rfind(|before| before.kind != JobKind::Catalog);
            let before = before.map(|before| before.uid);
            chain.push(match before {
                Some(before) => job.after(before),
                None => job,
            });
        }
        chain
    }

    /// A job of an earlier run that has not ended.
    fn in_the_way(&self, client: ClientUid, unfinished: &[Unfinished]) -> Option<JobUid> {
        let is_in_the_way = |job: &&Unfinished| {
            let is_work = matches!(job.kind, JobKind::Prepare | JobKind::Backup) && !job.status.is_finished();
            let is_same = job.policy == Some(self.policy.uid) && job.client == Some(client);
            is_work && job.run != self.uid && (is_same || (self.overlap == Overlap::Tenant && job.policy.is_some()))
        };
        unfinished.iter().find(is_in_the_way).map(|job| job.uid)
    }

    fn job(&self, kind: JobKind, client: &Client, uid: JobUid) -> Job {
        let new = NewJob {
            uid,
            tenant: self.policy.tenant,
            kind,
            run: self.uid,
            launch: self.launch,
            launched_by: self.launched_by.to_owned(),
            now: self.now,
        };
        let mut job = new.queued().for_policy(Some(self.policy.uid), Some(client.uid), Some(self.repository));
        job.priority = self.policy.spec.priority;
        job.due = self.due;
        job.not_before = self.begins(client.uid);
        debug_assert_eq!(job.status, JobStatus::Queued);
        job
    }

    /// When the jobs of a client may begin: a run that was due, so much later as its jitter says; any other at once.
    fn begins(&self, client: ClientUid) -> Time {
        match (self.due, self.schedule) {
            (Some(due), Some(schedule)) => {
                let seed = uuid::Uuid::from(client).as_u128() ^ uuid::Uuid::from(self.policy.uid).as_u128();
                due.checked_add(schedule.spec.jitter_of(seed)).unwrap_or(self.now).max(self.now)
            }
            _ => self.now,
        }
    }
}

/// Whether a client need not be prepared: it was, by this release, and what it said of itself is not old.
fn is_prepared(client: &Client, now: Time) -> bool {
    let status = &client.status;
    // One that was said to be ready has said nothing of itself.
    let is_current = status.prepared_by.as_ref().is_none_or(|release| release == RELEASE);
    let found = status.facts.as_ref().and_then(|facts| facts.found);
    let is_fresh = found.is_none_or(|found| found.checked_add(FACTS_ARE_GOOD_FOR).is_ok_and(|until| now < until));
    status.ready_since.is_some() && is_current && is_fresh
}
