//! Prepares clients, and keeps what was found out about them.

use std::sync::Arc;
use std::time::Duration;

use holdfast_model::client::{Client, ClientSpec, ClientStatus, HostKey, ReadyToken};
use holdfast_model::job::{Job, JobKind, Outcome};
use holdfast_model::policy::{Policy, PolicySpec, RootPath};
use holdfast_model::{ClientUid, Monitor, Time};

use super::Worker;
use super::at_work::AtWork;
use crate::ask::tell_object;
use crate::control::ControlError;
use crate::depot::in_thread;
use crate::fingerprint::fingerprint;
use crate::run::RELEASE;
use crate::trust::digest;
use crate::work::prepare::{self, Preparation};
use crate::work::{Failure, prepare::prepare};

/// Keeps which keys a client shows, and says so. Gives back whether that was news.
fn note_shown(status: &mut ClientStatus, offered: &[HostKey], at_work: &AtWork) -> bool {
    if offered.is_empty() || !status.host_keys.show(offered.to_vec()) {
        return false;
    }
    for key in &status.host_keys.offered {
        let shown = fingerprint(key).unwrap_or_default();
        at_work.notes.note(&format!("the host shows the key {shown}, which is {key}"));
    }
    true
}

/// A token with which a client can say that it is ready is good for so many days.
const GOOD_DAYS: u64 = 7;

impl Worker {
    pub(super) async fn prepare(self: &Arc<Self>, job: &Job, at_work: &AtWork) -> Result<Outcome, Failure> {
        let client = self.client_of(job).await?;
        let roots = self.roots_of(job).await?;
        let (caller, work, worker) = (self.caller(&client, at_work).await?, at_work.clone(), self.clone());
        let now = self.control.clock.now();
        let done =
            in_thread(move || Ok(prepare(&caller, &roots, &worker.options.place, now, &*work.notes, &work.cancel)))
                .await?;
        for checked in &done.checklist {
            at_work.notes.note(&checked.to_string());
        }
        let token = if done.result.is_err() { Some(self.new_token()?) } else { None };
        self.keep_prepared(&client, &done, token.as_deref(), at_work, now.to_time()).await?;
        if let Some(token) = token {
            let url = &self.options.place.public_url;
            at_work.notes.note(&format!(
                "a client that was prepared by other means says so itself, once, within {GOOD_DAYS} days, with: curl -fsS -X POST \
                 {url}/api/v1/clients/{}/ready -H 'content-type: application/json' -d '{{\"token\": \"{token}\"}}'",
                client.uid
            ));
        }
        done.result.map(|_| Outcome::default())
    }

    /// Keeps what was found out. What somebody has decided meanwhile stays.
    async fn keep_prepared(
        &self,
        client: &Client,
        done: &Preparation,
        token: Option<&str>,
        at_work: &AtWork,
        now: Time,
    ) -> Result<(), ControlError> {
        let found: Option<&prepare::Prepared> = done.result.as_ref().ok();
        let mut writer = self.control.db.write().await?;
        writer.lock_queue().await?;
        let current = writer.object::<ClientSpec>(client.uid).await?;
        let before = current.status.clone();
        let mut status = ClientStatus {
            ready_since: found.map(|_| before.ready_since.unwrap_or(now)),
            agent_version: found.map(|found| found.agent_version.clone()),
            // A host that was too slow to say anything is as it was known to be.
            facts: found.map(|found| found.facts.clone()).filter(|facts| !facts.kernel.is_empty()).or(before.facts),
            prepared_by: found.map(|_| RELEASE.to_owned()).or(before.prepared_by),
            checklist: done.checklist.clone(),
            ready_by: token.map(|token| ReadyToken {
                sha256: digest(token),
                good_until: now.checked_add(Duration::from_secs(GOOD_DAYS * 24 * 3600)).unwrap_or(now),
            }),
            ..before
        };
        let mut change = if found.is_some() { "prepared" } else { "not ready" };
        if note_shown(&mut status, &done.offered, at_work) {
            change = if status.host_keys.is_changed() { "host key changed" } else { "host key shown" };
        }
        writer.set_status::<ClientSpec>(client.uid, &status).await?;
        tell_object(&mut writer, &current, change, "a prepare job", now).await?;
        Ok(writer.commit().await?)
    }

    /// A client that shows another key than the one that is believed is not ready any more. Which it shows is kept, for a
    /// person to decide about.
    pub(super) async fn block(
        self: &Arc<Self>,
        uid: ClientUid,
        kind: JobKind,
        at_work: &AtWork,
    ) -> Result<(), ControlError> {
        // A prepare job has asked already.
        let offered = if kind == JobKind::Prepare { Vec::new() } else { self.shown_now(uid, at_work).await? };
        let now = self.control.now();
        let mut writer = self.control.db.write().await?;
        writer.lock_queue().await?;
        let mut client = writer.object::<ClientSpec>(uid).await?;
        let is_shown = note_shown(&mut client.status, &offered, at_work);
        if client.status.ready_since.take().is_some() || is_shown {
            writer.set_status::<ClientSpec>(uid, &client.status).await?;
            tell_object(&mut writer, &client, "host key changed", "a job", now).await?;
        }
        Ok(writer.commit().await?)
    }

    /// The keys that a client shows now; none, if it does not answer.
    async fn shown_now(self: &Arc<Self>, uid: ClientUid, at_work: &AtWork) -> Result<Vec<HostKey>, ControlError> {
        let client = self.control.db.read().await?.object::<ClientSpec>(uid).await?;
        let Ok(caller) = self.caller(&client, at_work).await else { return Ok(Vec::new()) };
        let worker = self.clone();
        let asked = in_thread(move || Ok(caller.offered_keys(&worker.options.place).unwrap_or_default()));
        Ok(asked.await.unwrap_or_default())
    }

    /// What is to be backed up of a client: by its policy, or by all that name it.
    async fn roots_of(&self, job: &Job) -> Result<Vec<RootPath>, Failure> {
        if let Some(uid) = job.policy {
            return Ok(self.control.db.read().await?.object::<PolicySpec>(uid).await?.spec.work.roots());
        }
        let plans = self.control.plans(&mut self.control.db.read_at_one_time().await?).await?;
        let names_it = |policy: &&Policy| plans.clients_of(policy).any(|client| Some(client.uid) == job.client);
        let mut roots: Vec<RootPath> =
            plans.policies().iter().filter(names_it).flat_map(|of| of.spec.work.roots()).collect();
        roots.sort();
        roots.dedup();
        Ok(roots)
    }

    fn new_token(&self) -> Result<String, ControlError> {
        let (one, other) = (crate::control::random()?, crate::control::random()?);
        Ok(one.iter().chain(&other).map(|byte| format!("{byte:02x}")).collect())
    }
}
