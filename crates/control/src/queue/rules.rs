//! What the queue is held to by objects and settings, as they stood at one time.

use std::collections::HashMap;

use holdfast_db::Unfinished;
use holdfast_model::client::ClientSpec;
use holdfast_model::job::Waiting;
use holdfast_model::object::{Kind, Spec};
use holdfast_model::policy::{Policy, Windows};
use holdfast_model::schedule::Zone;
use holdfast_model::{ClientUid, Name, PolicyUid, RepositoryUid, Time, WeekSpan};

use crate::plans::Plans;

/// What the queue is held to.
pub(super) struct Rules {
    pub(super) jobs_at_once: usize,
    /// Jobs at the same time in each.
    pub(super) repositories: HashMap<RepositoryUid, usize>,
    windows: HashMap<PolicyUid, (Windows, Zone)>,
    /// Policies of which no job begins, and why.
    policies: HashMap<PolicyUid, Waiting>,
    /// Clients of which no job begins that is a policy's, and why.
    clients: HashMap<ClientUid, Waiting>,
}

impl Rules {
    pub(super) fn of(plans: &Plans) -> Self {
        let settings = plans.settings();
        let windows = plans.policies().iter().filter(|policy| policy.spec.windows != Windows::default());
        let windows = windows.map(|policy| {
            let zone = plans.schedule_of(policy).map_or(&settings.time_zone, |schedule| &schedule.spec.time_zone);
            (policy.uid, (policy.spec.windows.clone(), zone.clone()))
        });
        let waiting = |(kind, name): (Kind, &Name)| Waiting::Disabled { kind, name: name.clone() };
        let disabled = |policy: &Policy| Some((policy.uid, waiting(plans.disabled(policy)?)));
        let clients = plans.clients().filter(|client| !client.spec.enabled);
        Self {
            jobs_at_once: settings.jobs_at_once.get() as usize,
            repositories: plans.repositories().map(|one| (one.uid, one.spec.concurrency.get() as usize)).collect(),
            windows: windows.collect(),
            policies: plans.policies().iter().filter_map(disabled).collect(),
            clients: clients.map(|one| (one.uid, waiting((ClientSpec::KIND, &one.spec.hostname)))).collect(),
        }
    }

    /// What a job of a policy waits for while something that it needs is disabled. Whatever is asked for by itself, as a
    /// restore, waits for nothing of it.
    pub(super) fn disabled(&self, job: &Unfinished) -> Option<Waiting> {
        let policy = self.policies.get(&job.policy?);
        policy.or_else(|| self.clients.get(&job.client?)).cloned()
    }

    /// What a job of a policy waits for that may not start at this time.
    pub(super) fn window(&self, policy: PolicyUid, now: Time) -> Option<Waiting> {
        let (windows, zone) = self.windows.get(&policy)?;
        let mut at = now.to_zoned(zone.time_zone().clone());
        // Whichever keeps it, its end may fall where the other does.
        for _ in 0..2 * (windows.start.len() + windows.pause.len()) + 1 {
            let is_in = |spans: &[WeekSpan]| spans.iter().any(|span| span.contains(at.datetime()));
            let keeps = if is_in(&windows.pause) {
                &windows.pause
            } else if windows.start.is_empty() || is_in(&windows.start) {
                let begins = at.timestamp();
                return (begins > now).then_some(Waiting::Window { at: Some(begins) });
            } else {
                &windows.start
            };
            match WeekSpan::next_change(keeps, &at) {
                Some(next) => at = next,
                None => break,
            }
        }
        Some(Waiting::Window { at: None })
    }
}
