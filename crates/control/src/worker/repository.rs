//! Prepares repositories, and holds what is known of their snapshots against what is there: snapshots that others made or
//! removed, or that could not be noted when they were made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use holdfast_db::{KnownSnapshot, ObjectFilter, SnapshotDetails};
use holdfast_model::client::ClientSpec;
use holdfast_model::job::{Job, Outcome};
use holdfast_model::repository::{Repository, RepositorySize, RepositorySpec};
use holdfast_model::{ClientUid, JobUid, Monitor, Name, PolicyUid, RepositoryUid, SnapshotId};
use holdfast_repo::{ChunkerKind, SavedSnapshot};

use super::Worker;
use super::at_work::AtWork;
use super::carry_out::repository_of;
use super::missing::AT_ONCE;
use crate::ask::tell_object;
use crate::control::ControlError;
use crate::depot::in_thread;
use crate::work::Failure;
use crate::work::backup::{client_of_tags, policy_of_tags};
use crate::work::survey::{self, Survey};

/// What was new to us in a repository.
pub(super) struct Noted {
    /// Snapshots that were not known before.
    adopted: u64,
    pub(super) warnings: u64,
}

impl Worker {
    /// Opens a repository, or makes it, and takes note of what is in it.
    pub(super) async fn prepare_repository(self: &Arc<Self>, job: &Job, at_work: &AtWork) -> Result<Outcome, Failure> {
        let is_set = |name: &str| job.parameters[name].as_bool().unwrap_or(false);
        let chunker = if is_set("as_restic") { ChunkerKind::Rabin } else { ChunkerKind::default() };
        let create = is_set("create").then_some(chunker);
        let uid = repository_of(job)?;
        match self.look(uid, create, at_work).await {
            Ok((known, survey)) => {
                let Noted { adopted, warnings } = self.note_survey(uid, &known, &survey, at_work).await?;
                let warnings = warnings + self.catalog_adopted(job, uid, adopted, at_work).await;
                let warnings = warnings + survey.damaged.len() as u64 + u64::from(survey.lacks_hot);
                Ok(Outcome { files: adopted, warnings, ..Outcome::default() })
            }
            Err(failure) => {
                if let Failure::Failed(error) = &failure {
                    self.note_problem(uid, &error.message).await?;
                }
                Err(failure)
            }
        }
    }

    /// Opens a repository, or makes it, and looks what is in it. Gives back what was known before, too.
    async fn look(
        self: &Arc<Self>,
        uid: RepositoryUid,
        create: Option<ChunkerKind>,
        at_work: &AtWork,
    ) -> Result<(BTreeSet<SnapshotId>, Survey), Failure> {
        let access = self.depot.access(uid).await?;
        // First: what is made while one looks is not gone because it was not seen.
        let known = self.control.db.read().await?.snapshot_ids(uid).await?.into_iter().collect();
        let (worker, work) = (self.clone(), at_work.clone());
        let survey = in_thread(move || {
            let (place, monitor) = (&worker.options.place, &*work.notes);
            let repository =
                survey::open(&access, create, worker.depot.repositories(), place, (monitor, &work.cancel))?;
            survey::survey(&repository, &access, monitor, &work.cancel)
        });
        Ok((known, survey.await?))
    }

    /// Looks again what is in a repository, after work in it that is done whatever comes of this. Gives back how many warnings
    /// that was worth.
    pub(super) async fn survey_after(self: &Arc<Self>, job: &Job, uid: RepositoryUid, at_work: &AtWork) -> u64 {
        match self.survey_of(uid, at_work).await {
            Ok(noted) => noted.warnings + self.catalog_adopted(job, uid, noted.adopted, at_work).await,
            Err(Failure::Failed(error)) => {
                at_work.notes.warning(&format!("what is in the repository could not be noted: {}", error.message));
                1
            }
            Err(Failure::Cancelled) => 0,
        }
    }

    /// Has the names in snapshots that were adopted made searchable. Gives back how many warnings that was worth.
    async fn catalog_adopted(&self, job: &Job, uid: RepositoryUid, adopted: u64, at_work: &AtWork) -> u64 {
        if adopted == 0 {
            return 0;
        }
        match self.control.catalog_what_was_found(job, uid).await {
            Ok(()) => 0,
            Err(error) => {
                at_work.notes.warning(&format!("the names in what was found are not searchable yet: {error}"));
                1
            }
        }
    }

    /// Looks again what is in a repository.
    pub(super) async fn survey_of(self: &Arc<Self>, uid: RepositoryUid, at_work: &AtWork) -> Result<Noted, Failure> {
        let (known, survey) = self.look(uid, None, at_work).await?;
        Ok(self.note_survey(uid, &known, &survey, at_work).await?)
    }

    /// Keeps what was found.
    async fn note_survey(
        &self,
        uid: RepositoryUid,
        known: &BTreeSet<SnapshotId>,
        survey: &Survey,
        at_work: &AtWork,
    ) -> Result<Noted, ControlError> {
        let repository = self.control.db.read().await?.object::<RepositorySpec>(uid).await?;
        let owners = Owners::read(self, &repository).await?;
        let seen = survey.snapshots.iter().map(|snapshot| snapshot.id);
        // What cannot be read is there all the same.
        let found: BTreeSet<SnapshotId> = seen.chain(survey.damaged.iter().copied()).collect();
        let new = survey.snapshots.iter().filter(|one| !known.contains(&one.id));
        let new: Vec<KnownSnapshot> = new.map(|snapshot| owners.known(&repository, snapshot)).collect();
        // Each locks how several clients stand, in any order: of two surveys at once the second waits here.
        for some in new.chunks(AT_ONCE) {
            let mut writer = self.control.db.write().await?;
            writer.lock_queue().await?;
            for snapshot in some {
                writer.add_seen_snapshot(snapshot).await?;
            }
            writer.commit().await?;
        }
        let gone: Vec<SnapshotId> = known.difference(&found).copied().collect();
        let warnings = self.note_gone(uid, &gone, survey, at_work).await?;
        let now = self.control.now();
        let mut writer = self.control.db.write().await?;
        writer.lock_queue().await?;
        let mut current = writer.object::<RepositorySpec>(uid).await?;
        let status = &mut current.status;
        status.ready_since = status.ready_since.or(Some(now));
        status.problem = None;
        let other = status.id.replace(survey.id).filter(|id| *id != survey.id);
        let size = RepositorySize {
            measured: now,
            stored_bytes: survey.stored_bytes,
            snapshots: survey.snapshots.len() as u64,
        };
        status.size = Some(size);
        writer.note_size(uid, &size).await?;
        writer.set_status::<RepositorySpec>(uid, &current.status).await?;
        tell_object(&mut writer, &current, "looked into", "a job", now).await?;
        writer.commit().await?;
        if let Some(other) = other {
            at_work.notes.warning(&format!(
                "this is another repository than before: its id is {}, and was {other}; see whether it is the right place",
                survey.id
            ));
        }
        Ok(Noted { adopted: new.len() as u64, warnings: warnings + u64::from(other.is_some()) })
    }

    async fn note_problem(&self, uid: RepositoryUid, problem: &str) -> Result<(), ControlError> {
        let now = self.control.now();
        let mut writer = self.control.db.write().await?;
        writer.lock_queue().await?;
        let mut current = writer.object::<RepositorySpec>(uid).await?;
        (current.status.ready_since, current.status.problem) = (None, Some(problem.to_owned()));
        writer.set_status::<RepositorySpec>(uid, &current.status).await?;
        tell_object(&mut writer, &current, "does not open", "a job", now).await?;
        Ok(writer.commit().await?)
    }
}

/// Whose snapshots may be: the clients of a tenant, by id and by name.
struct Owners {
    clients: BTreeSet<ClientUid>,
    by_name: BTreeMap<Name, ClientUid>,
}

impl Owners {
    async fn read(worker: &Worker, repository: &Repository) -> Result<Self, ControlError> {
        let filter = ObjectFilter { tenant: Some(repository.tenant), ..ObjectFilter::default() };
        let clients = worker.control.db.read().await?.all_objects::<ClientSpec>(&filter).await?.objects;
        Ok(Self {
            clients: clients.iter().map(|client| client.uid).collect(),
            by_name: clients.into_iter().map(|client| (client.spec.hostname, client.uid)).collect(),
        })
    }

    /// What is known of a snapshot by its own words: a tag of ours says whose it is; one that another program made belongs to
    /// the client of its hostname, if there is one. No policy has made that.
    fn known(&self, repository: &Repository, snapshot: &SavedSnapshot) -> KnownSnapshot {
        let tagged = client_of_tags(&snapshot.tags).filter(|uid| self.clients.contains(uid));
        let policy: Option<PolicyUid> = tagged.and_then(|_| policy_of_tags(&snapshot.tags));
        let named = || self.by_name.get(&snapshot.hostname.parse::<Name>().ok()?).copied();
        KnownSnapshot {
            repository: repository.uid,
            id: snapshot.id,
            tenant: repository.tenant,
            client: tagged.or_else(named),
            policy,
            job: tagged.and_then(|_| JobUid::of_tags(&snapshot.tags)),
            at: snapshot.time.at.to_time(),
            complete: true,
            hostname: snapshot.hostname.clone(),
            details: details_of(snapshot),
        }
    }
}

/// What a snapshot says of itself, beside whose it is.
pub(super) fn details_of(snapshot: &SavedSnapshot) -> SnapshotDetails {
    let summary = snapshot.summary.as_ref();
    SnapshotDetails {
        paths: snapshot.paths.clone(),
        tags: snapshot.tags.clone(),
        files: summary.map(|summary| summary.total_files_processed),
        bytes: summary.map(|summary| summary.total_bytes_processed),
        added: summary.map(|summary| summary.data_added_packed),
    }
}
