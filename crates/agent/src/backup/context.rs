//! What every part of a backup needs: the job's rules, the clock, the way out, and how far the walk is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use holdfast_model::Clock;
use holdfast_wire::FromAgent;
use parking_lot::Mutex;
use rustix::io::Errno;

use super::announce::Announcer;
use super::digest::Digester;
use super::elsewhere::{self, Elsewhere, Names};
use super::filter::Filter;
use super::stat::{Kind, Stat};
use crate::outbox::Outbox;
use crate::stop::{Stop, Stopped};

/// How often the server hears how far the walk is.
const PROGRESS: Duration = Duration::from_millis(250);

/// Shared by all threads of a backup.
pub(crate) struct Context {
    pub(crate) filter: Filter,
    pub(crate) digester: Digester,
    /// What is no data of this machine's own, if that is left out.
    pub(crate) elsewhere: Option<Elsewhere>,
    pub(crate) atime: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) stop: Arc<Stop>,
    pub(crate) announcer: Announcer,
    pub(crate) walked: Walked,
}

/// How far the walk is.
pub(crate) struct Walked {
    files: AtomicU64,
    bytes: AtomicU64,
    told: Mutex<Instant>,
}

impl Walked {
    pub(crate) fn new(now: Instant) -> Self {
        Self { files: AtomicU64::new(0), bytes: AtomicU64::new(0), told: Mutex::new(now) }
    }

    pub(crate) fn add(&self, files: u64, bytes: u64) {
        self.files.fetch_add(files, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn message(&self) -> FromAgent {
        FromAgent::Walked { files: self.files.load(Ordering::Relaxed), bytes: self.bytes.load(Ordering::Relaxed) }
    }

    /// Whether it is time to tell; only one of those who ask at the same time is told yes.
    fn is_due(&self, now: Instant) -> bool {
        self.told.try_lock().is_some_and(|mut told| {
            let due = now.duration_since(*told) >= PROGRESS;
            if due {
                *told = now;
            }
            due
        })
    }
}

impl Context {
    /// Called by whoever works without waiting: hears of the end, and sends what has waited long enough.
    pub(crate) fn breathe(&self) -> Result<(), Stopped> {
        self.stop.check()?;
        let now = self.clock.instant();
        self.announcer.flush_if_due(&self.outbox, now)?;
        if self.walked.is_due(now) { self.outbox.send(self.walked.message()) } else { Ok(()) }
    }

    /// Metadata as the job wants them.
    pub(crate) fn seen(&self, mut stat: Stat) -> Stat {
        if !self.atime {
            stat.atime = stat.mtime;
        }
        if stat.kind != Kind::File {
            stat.size = 0;
        }
        stat
    }

    /// What is left out of a directory for being no data of this machine's own.
    pub(crate) fn elsewhere_in(&self, dir: &[u8]) -> Option<Arc<Names>> {
        self.elsewhere.as_ref()?.within(dir).cloned()
    }

    /// Says what is left out; not if the filter leaves out anyway what is in there.
    pub(crate) fn left_out(&self, path: Vec<u8>, why: &str) -> Result<(), Stopped> {
        if self.filter.excludes_path(&elsewhere::inside(path.clone())) {
            return Ok(());
        }
        self.outbox.send(FromAgent::LeftOut { path: path.into(), why: why.to_owned() })
    }

    /// Reports what could not be read.
    pub(crate) fn problem(&self, path: &[u8], during: &str, error: Errno) -> Result<(), Stopped> {
        self.outbox.problem(path, during, &explain(error))
    }
}

/// An error of the system in the words of this situation.
pub(crate) fn explain(error: Errno) -> String {
    match error {
        Errno::NOENT => holdfast_wire::NOT_THERE.into(),
        Errno::STALE => "its directory was moved or replaced while the backup ran".into(),
        Errno::LOOP => "it was replaced by a symbolic link while the backup ran".into(),
        Errno::NOTDIR => "it, or something on its path, is no directory".into(),
        Errno::NAMETOOLONG => "its name or path is longer than a backup can hold".into(),
        Errno::OVERFLOW => "it has more entries than a backup can hold".into(),
        other => {
            let text = std::io::Error::from(other).to_string();
            text.split(" (os error").next().unwrap_or_default().to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_a_few_times_a_second() {
        let start = Instant::now();
        let walked = Walked::new(start);
        walked.add(2, 10);
        assert!(!walked.is_due(start + PROGRESS / 2));
        assert!(walked.is_due(start + PROGRESS));
        assert!(!walked.is_due(start + PROGRESS));
        assert_eq!(walked.message(), FromAgent::Walked { files: 2, bytes: 10 });
    }

    #[test]
    fn errors_are_told_in_words() {
        assert_eq!(explain(Errno::ACCESS), "Permission denied");
        assert!(explain(Errno::NOENT).contains("vanished"));
    }
}
