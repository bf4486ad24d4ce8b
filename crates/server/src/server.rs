//! What every handler has at hand: the use cases, the database, the time, random bytes for ids, what seals secrets, and
//! somewhere to report defects.

use std::sync::Arc;

use holdfast_control::work::secrets::Secrets;
use holdfast_control::{Control, Depot};
use holdfast_db::Database;
use holdfast_model::{Time, Timestamp};
use tokio::sync::Semaphore;

use crate::standing::Standings;

/// So many downloads are under way at a time.
const DOWNLOADS: usize = 8;

/// What every handler has at hand. Clones share it.
#[derive(Clone)]
pub struct Server {
    parts: Arc<Parts>,
    depot: Option<Depot>,
    downloads: Arc<Semaphore>,
    standings: Arc<Standings>,
}

struct Parts {
    control: Control,
    secrets: Arc<Secrets>,
    random: Box<dyn RandomBytes>,
    failures: Box<dyn Failures>,
}

/// Random bytes as a port: with others, a test knows the ids that are made.
pub trait RandomBytes: Send + Sync {
    /// Ten of them, never the same twice.
    fn ten(&self) -> [u8; 10];
}

/// Where it is noted that a request met a defect, or a database that is away. The answer names the request alone.
pub trait Failures: Send + Sync {
    /// Takes note of one.
    fn note(&self, request_id: &str, what: &str);
}

/// The random bytes of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl RandomBytes for SystemRandom {
    fn ten(&self) -> [u8; 10] {
        let mut bytes = [0; 10];
        getrandom::fill(&mut bytes).expect("Linux has random bytes for every process once it is up");
        bytes
    }
}

impl Server {
    /// A server that asks for what these use cases do. From now on it hears how far jobs are: within a runtime, therefore.
    pub fn new(
        control: Control,
        secrets: Arc<Secrets>,
        random: impl RandomBytes + 'static,
        failures: impl Failures + 'static,
    ) -> Self {
        let (random, failures) = (Box::new(random), Box::new(failures));
        let standings = Standings::hearing(control.database());
        let parts = Arc::new(Parts { control, secrets, random, failures });
        Self { parts, depot: None, downloads: Arc::new(Semaphore::new(DOWNLOADS)), standings }
    }

    /// The same, which opens repositories: only then can one look into snapshots.
    #[must_use]
    pub fn with_depot(self, depot: Depot) -> Self {
        Self { depot: Some(depot), ..self }
    }

    pub(crate) fn depot(&self) -> Option<&Depot> {
        self.depot.as_ref()
    }

    /// The places of downloads: each holds some MiB, and a lock on a repository.
    pub(crate) fn downloads(&self) -> Arc<Semaphore> {
        self.downloads.clone()
    }

    /// How far jobs are.
    pub(crate) fn standings(&self) -> &Standings {
        &self.standings
    }

    pub(crate) fn control(&self) -> &Control {
        &self.parts.control
    }

    pub(crate) fn database(&self) -> &Database {
        self.parts.control.database()
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.parts.secrets
    }

    pub(crate) fn timestamp(&self) -> Timestamp {
        self.parts.control.clock().now()
    }

    pub(crate) fn now(&self) -> Time {
        self.timestamp().to_time()
    }

    pub(crate) fn random(&self) -> [u8; 10] {
        self.parts.random.ten()
    }

    pub(crate) fn note_failure(&self, request_id: &str, what: &str) {
        self.parts.failures.note(request_id, what);
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("database", self.database()).finish_non_exhaustive()
    }
}
