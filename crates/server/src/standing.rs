//! How far the jobs are that somebody works on, as it was told last: whoever asks for a job is told too.
//!
//! It is kept in memory alone, and heard of as everybody else hears of it. A server that has just started knows it as soon as
//! it is told the next time.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use holdfast_db::Database;
use holdfast_model::JobUid;
use holdfast_model::job::{JobProgress, JobStatus};
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;

/// More jobs are not worked on at once; of those that were told longest ago nothing is remembered.
const MOST: usize = 1000;

/// What was heard of each job.
#[derive(Debug, Default)]
pub(crate) struct Standings(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    jobs: HashMap<JobUid, (u64, JobProgress)>,
    /// Of what was heard.
    count: u64,
}

/// Words that pass.
#[derive(Deserialize)]
struct Passing {
    topic: String,
    job: JobUid,
    #[serde(default)]
    progress: JobProgress,
}

impl Standings {
    /// Hears how far jobs are for as long as anybody else holds this.
    pub(crate) fn hearing(database: &Database) -> Arc<Self> {
        let standings = Arc::new(Self::default());
        let (heard, mut words) = (Arc::downgrade(&standings), database.listen());
        tokio::spawn(async move {
            loop {
                match words.recv().await {
                    Ok(words) if !take_note(&heard, &words) => return,
                    // What was missed is told again in a moment.
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        });
        standings
    }

    fn note(&self, job: JobUid, progress: JobProgress) {
        let mut state = self.0.lock();
        state.count += 1;
        let count = state.count;
        state.jobs.insert(job, (count, progress));
        if state.jobs.len() > MOST {
            let oldest = state.jobs.iter().min_by_key(|(_, (count, _))| *count).map(|(job, _)| *job);
            oldest.and_then(|job| state.jobs.remove(&job));
        }
    }

    /// A job, with how far it is.
    pub(crate) fn shown(&self, job: holdfast_model::job::Job) -> holdfast_api::Job {
        let mut job = holdfast_api::Job::from(job);
        if job.status == JobStatus::Running {
            job.progress = self.0.lock().jobs.get(&job.id).map(|(_, progress)| progress.clone());
        }
        job
    }
}

/// Notes what is said of how far a job is. Whether anybody still wants to know.
fn take_note(standings: &Weak<Standings>, words: &str) -> bool {
    let Some(standings) = standings.upgrade() else { return false };
    if let Ok(Passing { topic, job, progress }) = serde_json::from_str(words)
        && topic == "progress"
    {
        standings.note(job, progress);
    }
    true
}

#[cfg(test)]
mod tests {
    use holdfast_model::Timestamp;

    use super::*;

    #[test]
    fn of_more_jobs_than_are_worked_on_at_once_the_oldest_are_forgotten() {
        let standings = Standings::default();
        let uid = |number: u64| {
            let mut random = [0; 10];
            random[..8].copy_from_slice(&number.to_be_bytes());
            JobUid::new(Timestamp { seconds: 1_800_000_000, nanoseconds: 0 }, random)
        };
        for number in 0..MOST as u64 + 5 {
            standings.note(uid(0), JobProgress::default());
            standings.note(uid(number), JobProgress { files_done: number, ..JobProgress::default() });
        }
        let state = standings.0.lock();
        assert_eq!(state.jobs.len(), MOST);
        assert!(state.jobs.contains_key(&uid(0)), "it was heard of a moment ago");
        assert!(!state.jobs.contains_key(&uid(1)));
        assert!(state.jobs.contains_key(&uid(MOST as u64)));
    }
}
