//! Which of the jobs that wait begin, and what the others wait for: a function of the queue, the limits and the time.
//!
//! - With a client, one job at a time prepares or backs up; a restore runs beside it.
//! - In a repository, as many jobs work at the same time as it allows; one that needs it for itself works alone. A prune that
//!   has waited long lets no others in before it. Restores are not counted: whoever has lost a server waits for nobody but that.
//! - Tenants take turns: the next place is for whoever has the fewest jobs at work.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use holdfast_db::Unfinished;
use holdfast_model::job::{JobKind, JobStatus, Waiting};
use holdfast_model::{ClientUid, JobUid, PolicyUid, RepositoryUid, TenantUid, Time};

/// How much may be at work.
pub struct Limits<'a> {
    /// Jobs at the same time, in all.
    pub jobs_at_once: usize,
    /// Jobs that whoever asks can begin now.
    pub places: usize,
    /// Jobs at the same time in a repository; one, where nothing is said.
    pub repositories: &'a HashMap<RepositoryUid, usize>,
    /// What a job waits for that needs something that is disabled.
    pub disabled: &'a dyn Fn(&Unfinished) -> Option<Waiting>,
    /// What a job of a policy waits for that may not start at this time.
    pub window: &'a dyn Fn(PolicyUid, Time) -> Option<Waiting>,
}

/// What is to become of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// These begin, in this order.
    pub start: Vec<JobUid>,
    /// These wait.
    pub waiting: Vec<(JobUid, Waiting)>,
}

/// A prune lets no others into its repository before it once it has waited so long.
pub const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// A job that could begin so long ago, and still runs, takes long.
const LONG: Duration = Duration::from_secs(2 * 3600);

/// Decides about all jobs that are not finished.
pub fn dispatch(now: Time, jobs: &[Unfinished], limits: &Limits<'_>) -> Decision {
    let mut hall = Hall::new(now, jobs, limits);
    let mut decision = Decision::default();
    let mut queues = Queues::new(jobs);
    while let Some(job) = queues.next(&hall.at_work) {
        match hall.admit(job) {
            None => decision.start.push(job.uid),
            Some(waiting) => decision.waiting.push((job.uid, waiting)),
        }
    }
    decision
}

/// The queued jobs of each tenant, in their order.
struct Queues<'a>(BTreeMap<TenantUid, std::vec::IntoIter<&'a Unfinished>>);

impl<'a> Queues<'a> {
    fn new(jobs: &'a [Unfinished]) -> Self {
        let mut tenants: BTreeMap<TenantUid, Vec<&Unfinished>> = BTreeMap::new();
        for job in jobs.iter().filter(|job| job.status == JobStatus::Queued) {
            tenants.entry(job.tenant).or_default().push(job);
        }
        let order = |job: &&Unfinished| (job.kind != JobKind::Restore, std::cmp::Reverse(job.priority), job.uid);
        for jobs in tenants.values_mut() {
            jobs.sort_by_key(order);
        }
        Self(tenants.into_iter().map(|(tenant, jobs)| (tenant, jobs.into_iter())).collect())
    }

    /// The next job of the tenant that has the fewest at work.
    fn next(&mut self, at_work: &HashMap<TenantUid, usize>) -> Option<&'a Unfinished> {
        self.0.retain(|_, jobs| !jobs.as_slice().is_empty());
        let first = |jobs: &std::vec::IntoIter<&Unfinished>| jobs.as_slice().first().map(|job| job.uid);
        let turn = |(tenant, jobs): &(&TenantUid, &mut std::vec::IntoIter<&'a Unfinished>)| {
            (at_work.get(*tenant).copied().unwrap_or(0), first(jobs))
        };
        let (_, jobs) = self.0.iter_mut().min_by_key(turn)?;
        jobs.next()
    }
}

/// Who is at work, and who has been let in.
struct Hall<'a> {
    now: Time,
    limits: &'a Limits<'a>,
    places: usize,
    at_work: HashMap<TenantUid, usize>,
    clients: HashMap<ClientUid, JobUid>,
    repositories: HashMap<RepositoryUid, AtWork>,
    /// In which a prune has waited long.
    reserved: HashSet<RepositoryUid>,
}

/// Who is at work in a repository.
#[derive(Default)]
struct AtWork {
    counted: usize,
    restores: usize,
    is_taken: bool,
}

impl<'a> Hall<'a> {
    fn new(now: Time, jobs: &[Unfinished], limits: &'a Limits<'a>) -> Self {
        let running = || jobs.iter().filter(|job| job.status == JobStatus::Running);
        let counted = running().filter(|job| job.kind != JobKind::Restore).count();
        // What takes long lets others in meanwhile: they need not wait for its end and the prune's. No client keeps all others
        // waiting by being slow.
        let is_long = |job: &&Unfinished| {
            let takes_long = matches!(
                job.kind,
                JobKind::Restore | JobKind::Check | JobKind::Verify | JobKind::Catalog | JobKind::Copy
            );
            takes_long || job.not_before.checked_add(LONG).is_ok_and(|until| until <= now)
        };
        let busy: HashSet<RepositoryUid> = running().filter(is_long).flat_map(repositories).collect();
        let has_waited = |job: &&Unfinished| {
            // A forget waits for the next pause: it follows every backup, and would stop all others again and again.
            let is_waiting = job.status == JobStatus::Queued && job.kind == JobKind::Prune;
            is_waiting && job.not_before.checked_add(PATIENCE).is_ok_and(|until| until <= now)
        };
        let mut hall = Self {
            now,
            limits,
            places: limits.places.min(limits.jobs_at_once.saturating_sub(counted)),
            at_work: HashMap::new(),
            clients: HashMap::new(),
            repositories: HashMap::new(),
            reserved: jobs
                .iter()
                .filter(has_waited)
                .filter_map(|job| job.repository)
                .filter(|repository| !busy.contains(repository))
                .collect(),
        };
        running().for_each(|job| hall.count(job));
        hall
    }

    /// Lets a job in, or says what it waits for.
    fn admit(&mut self, job: &Unfinished) -> Option<Waiting> {
        if job.not_before > self.now {
            return Some(Waiting::Time { at: job.not_before });
        }
        let is_restore = job.kind == JobKind::Restore;
        let waiting = (self.limits.disabled)(job)
            .or_else(|| self.window(job))
            .or_else(|| self.client(job))
            .or_else(|| self.repository(job))
            .or_else(|| (self.places == 0 && !is_restore).then_some(Waiting::Slot));
        if waiting.is_none() {
            self.places = self.places.saturating_sub(usize::from(!is_restore));
            self.count(job);
        }
        waiting
    }

    fn count(&mut self, job: &Unfinished) {
        *self.at_work.entry(job.tenant).or_default() += 1;
        if let Some(client) = job.client.filter(|_| job.kind.occupies_client()) {
            self.clients.entry(client).or_insert(job.uid);
        }
        for repository in repositories(job).filter(|_| occupies_repository(job)) {
            let at_work = self.repositories.entry(repository).or_default();
            match job.kind {
                JobKind::Restore => at_work.restores += 1,
                _ => at_work.counted += 1,
            }
            at_work.is_taken |= job.kind.is_exclusive();
        }
    }

    fn window(&self, job: &Unfinished) -> Option<Waiting> {
        let policy = job.policy.filter(|_| job.kind == JobKind::Backup)?;
        (self.limits.window)(policy, self.now)
    }

    fn client(&self, job: &Unfinished) -> Option<Waiting> {
        let client = job.client.filter(|_| job.kind.occupies_client())?;
        self.clients.get(&client).map(|other| Waiting::Client { job: *other })
    }

    fn repository(&self, job: &Unfinished) -> Option<Waiting> {
        let is_full = |repository| occupies_repository(job) && !self.has_room(job, repository);
        repositories(job).any(is_full).then_some(Waiting::Repository)
    }

    fn has_room(&self, job: &Unfinished, repository: RepositoryUid) -> bool {
        let nobody = AtWork::default();
        let at_work = self.repositories.get(&repository).unwrap_or(&nobody);
        if job.kind.is_exclusive() {
            at_work.counted + at_work.restores == 0
        } else if job.kind == JobKind::Restore {
            !at_work.is_taken
        } else {
            let limit = self.limits.repositories.get(&repository).copied().unwrap_or(1);
            !at_work.is_taken && !self.reserved.contains(&repository) && at_work.counted < limit
        }
    }
}

/// Whether it counts as work on its repository: to prepare one may mean to fill its hot part.
fn occupies_repository(job: &Unfinished) -> bool {
    job.kind.occupies_repository() || job.kind == JobKind::Prepare && job.client.is_none()
}

/// Those that a job works in.
fn repositories(job: &Unfinished) -> impl Iterator<Item = RepositoryUid> {
    job.repository.into_iter().chain(job.copies_to)
}
