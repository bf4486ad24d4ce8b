//! Verifications: from a repository to the newest snapshots of its clients, and back to what is known of those.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdfast_model::ClientUid;
use holdfast_model::Monitor;
use holdfast_model::client::{ClientSpec, Proven};
use holdfast_model::job::{Cause, Job, JobError, Outcome};
use holdfast_model::repository::RepositorySpec;

use super::{AtWork, Worker};
use crate::ask::tell_object;
use crate::control::ControlError;
use crate::work::Failure;
use crate::work::verify::{self, Drill, VerifyTask};

impl Worker {
    pub(super) async fn verify(self: &Arc<Self>, job: &Job, at_work: &AtWork) -> Result<Outcome, Failure> {
        let access = self.access_of(job).await?;
        let maintenance = self.control.db.read().await?.object::<RepositorySpec>(access.uid).await?.spec.maintenance;
        let newest = self.control.db.read().await?.newest_of_clients(access.uid).await?;
        let mut drills = Vec::with_capacity(newest.len());
        for (client, snapshot) in newest {
            // One that was removed meanwhile needs no proof.
            let Ok(client) = self.control.db.read().await?.object::<ClientSpec>(client).await else { continue };
            let caller = if client.spec.enabled { Some(Box::new(self.caller(&client, at_work).await?)) } else { None };
            drills.push(Drill { client: client.uid, hostname: client.spec.hostname.to_string(), snapshot, caller });
        }
        let seed = job.parameters["seed"].as_u64().unwrap_or_else(|| seed_of(job));
        let (files, bytes) = (maintenance.verify_files.get() as usize, maintenance.verify_bytes.get());
        let task = VerifyTask { drills, files, bytes, seed };
        let (worker, work, repository) = (self.clone(), at_work.clone(), access.uid);
        let done = self
            .with_repository(access, move |repository| {
                let (place, clock) = (&worker.options.place, &*worker.control.clock);
                verify::run(&task, repository, place, clock, &*work.notes, &work.cancel)
            })
            .await?;
        for (client, proven) in together(done.proven) {
            self.note_proven(client, proven).await?;
        }
        let mut result = done.result;
        let known = self.control.db.read().await?.snapshot_ids(repository).await?;
        for (name, snapshot) in done.missing {
            let id = snapshot.short();
            if known.contains(&snapshot) {
                let message = format!("the newest snapshot of {name}, {id}, is not in the repository any more");
                at_work.notes.warning(&message);
                result = Err(Failure::Failed(JobError { cause: Cause::Damaged, message }));
            } else {
                at_work.notes.note(&format!("{name}: its snapshot {id} was removed meanwhile"));
            }
        }
        if result.as_ref().is_ok_and(|outcome| outcome.files > 0) {
            let mut writer = self.control.db.write().await?;
            writer.lock_queue().await?;
            let mut status = writer.object::<RepositorySpec>(repository).await?.status;
            status.verified = Some(self.control.now());
            writer.set_status::<RepositorySpec>(repository, &status).await?;
            writer.commit().await?;
        }
        result
    }

    async fn note_proven(&self, uid: ClientUid, proven: Proven) -> Result<(), ControlError> {
        let now = self.control.now();
        let mut writer = self.control.db.write().await?;
        writer.lock_queue().await?;
        // One that was removed meanwhile needs no proof.
        let Ok(mut client) = writer.object::<ClientSpec>(uid).await else { return Ok(()) };
        client.status.proven = Some(proven);
        writer.set_status::<ClientSpec>(uid, &client.status).await?;
        tell_object(&mut writer, &client, "proven", "a verify job", now).await?;
        Ok(writer.commit().await?)
    }
}

/// Of a client with several policies, what was proven by all of them.
fn together(all: Vec<(ClientUid, Proven)>) -> BTreeMap<ClientUid, Proven> {
    let mut clients: BTreeMap<ClientUid, Proven> = BTreeMap::new();
    for (client, proven) in all {
        match clients.get_mut(&client) {
            Some(before) => {
                before.files += proven.files;
                before.bytes += proven.bytes;
                before.as_on_client += proven.as_on_client;
            }
            None => drop(clients.insert(client, proven)),
        }
    }
    clients
}

/// The random part of a job's id.
fn seed_of(job: &Job) -> u64 {
    let digits: String = job.uid.to_string().chars().filter(char::is_ascii_hexdigit).collect();
    // Eight bytes of sixteen; a seed that every reader of JSON takes for the same number.
    u64::from_str_radix(&digits[digits.len() - 13..], 16).unwrap_or_default()
}
