//! Makes the names in snapshots searchable: walks through the directories that are not as they were, and keeps what is in them.
//!
//! A thread reads the repository, and here the database is asked which directories are worth reading. A snapshot that is older
//! than the job's own and was missed is made up for first.

mod path;
mod walk;

use std::sync::Arc;

use holdfast_db::catalog::Begun;
use holdfast_db::{DbErrorKind, KnownSnapshot};
use holdfast_model::job::{Cause, Job, JobError, Outcome};
use holdfast_model::monitor::{Phase, Progress};
use holdfast_model::{Monitor, Time};
use tokio::sync::mpsc::channel;

use super::{AtWork, Worker};
use crate::work::Failure;
use crate::work::catalog::answer;
use walk::{DIRECTORIES_AT_ONCE, Feed, Walk};

/// So long a job is believed to be at work on a chain since it was heard of last.
const LEASE_SECONDS: i64 = 300;
impl Worker {
    /// Catalogs the snapshot of the backup before this job, or all of the repository.
    pub(super) async fn catalog(self: &Arc<Self>, job: &Job, at_work: &AtWork) -> Result<Outcome, Failure> {
        let access = self.access_of(job).await?;
        let repository = access.uid;
        let is_rebuild = job.parameters["rebuild"] == true;
        let up_to = match job.after.filter(|_| !is_rebuild) {
            Some(backup) => {
                let snapshot = self.control.db.read().await?.snapshot_of(backup).await?;
                let missing = || Failure::configuration("of the backup before it no snapshot is known");
                Some(snapshot.ok_or_else(missing)?)
            }
            None => None,
        };
        let warnings = if is_rebuild { self.survey_of(repository, at_work).await?.warnings } else { 0 };
        let (ask, asked) = channel(DIRECTORIES_AT_ONCE);
        let (give, parts) = channel(4);
        let (worker, cancel) = (self.clone(), at_work.cancel.clone());
        let reading = tokio::spawn(async move {
            worker.with_repository(access, move |repository| answer(repository, asked, &give, &cancel)).await
        });
        at_work.notes.phase(Phase::Cataloging);
        let mut outcome = Outcome { warnings, ..Outcome::default() };
        let mut feed = Feed { ask, parts };
        let mut result = Ok(());
        let mut skipped = 0;
        // Those that cannot be read stay in the list: behind them it goes on.
        while result.is_ok() {
            let most = skipped + 1;
            let found = self.control.db.read().await?.uncataloged_snapshots(repository, up_to.as_ref(), most).await?;
            let Some(snapshot) = found.into_iter().nth(skipped as usize) else { break };
            match self.catalog_one(job, &snapshot, &mut feed, at_work, &mut outcome).await {
                Ok(true) => {}
                Ok(false) => skipped += 1,
                Err(failure) => result = Err(failure),
            }
        }
        drop(feed);
        // If the thread has failed, that is why.
        match reading.await {
            Ok(Err(failure)) => result = Err(failure),
            Ok(Ok(())) => {}
            Err(_) => result = Err(defect()),
        }
        result?;
        outcome.warnings += self.tidy_catalog(job, at_work).await;
        Ok(outcome)
    }

    /// Takes out what the snapshots that are gone have left behind. That it does not work harms nobody now. Gives back the
    /// count of warnings.
    pub(super) async fn tidy_catalog(&self, job: &Job, at_work: &AtWork) -> u64 {
        let holder = job.uid.to_string();
        let mut progress = Progress::default();
        loop {
            if at_work.cancel.check().is_err() {
                return 0;
            }
            match self.control.db.tidy_catalog(&holder, self.lease_times()).await {
                Ok(tidied) if tidied.goes_on => {
                    progress.files_done += tidied.rows;
                    at_work.notes.progress(&progress);
                }
                Ok(_) => return 0,
                Err(error) => {
                    at_work.notes.warning(&format!("the catalog could not be tidied up: {error}"));
                    return 1;
                }
            }
        }
    }

    /// Gives back whether the snapshot is cataloged now; not if it cannot be read.
    async fn catalog_one(
        &self,
        job: &Job,
        snapshot: &KnownSnapshot,
        feed: &mut Feed,
        at_work: &AtWork,
        outcome: &mut Outcome,
    ) -> Result<bool, Failure> {
        let root = match feed.root(snapshot).await? {
            Ok(root) => root,
            Err(why) => {
                outcome.warnings += 1;
                at_work.notes.warning(&format!("snapshot {} is left out: {why}", snapshot.id.short()));
                return Ok(false);
            }
        };
        let begun = self.control.db.begin_catalog(snapshot, &job.uid.to_string(), self.lease_times()).await?;
        let mut cataloging = match begun {
            Begun::Done => return Ok(true),
            Begun::Busy => return Err(busy()),
            Begun::Ready(cataloging) => *cataloging,
        };
        let times = || self.lease_times();
        let done = match Walk::new(&mut cataloging, feed, at_work, &times, outcome.files).run(root).await {
            Ok(done) => done,
            Err(failure) => {
                // If that does not work, its time runs out.
                let _ = cataloging.give_up().await;
                return Err(failure);
            }
        };
        cataloging.finish(self.lease_times()).await.map_err(lost)?;
        at_work.notes.note(&format!(
            "snapshot {}: {} names in {} directories that were not as before",
            snapshot.id.short(),
            done.names,
            done.directories
        ));
        outcome.files += done.names;
        outcome.warnings += done.warnings;
        outcome.snapshot = Some(snapshot.id);
        Ok(true)
    }

    fn lease_times(&self) -> (Time, Time) {
        let now = self.control.now();
        (now, now.checked_add(jiff::SignedDuration::from_secs(LEASE_SECONDS)).unwrap_or(now))
    }
}

fn defect() -> Failure {
    let message = "a part of the program failed; this is a defect, please report it".to_owned();
    Failure::Failed(JobError { cause: Cause::Internal, message })
}

fn busy() -> Failure {
    let message = "another job makes names of the same client and policy searchable now".to_owned();
    Failure::Failed(JobError { cause: Cause::Locked, message })
}

/// That another job has taken the chain passes.
fn lost(error: holdfast_db::DbError) -> Failure {
    if error.kind() == DbErrorKind::Changed { busy() } else { error.into() }
}
