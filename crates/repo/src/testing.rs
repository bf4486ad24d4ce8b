//! What the tests of this crate share: cheap repositories in memory, a clock that stands still, waits that take no time.

mod source;

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_model::{Clock, Timestamp};
use holdfast_store::{MemoryStore, Pause, Store};
use parking_lot::Mutex;

pub(crate) use self::source::{Source, backup, begin, contents, put};
use crate::config::ChunkerKind;
use crate::key::KdfCost;
use crate::{InitOptions, OpenOptions, Repository};

pub(crate) const PASSWORD: &[u8] = b"a password";

/// A password that costs nothing to try.
pub(crate) const CHEAP: InitOptions =
    InitOptions { chunker: ChunkerKind::Gear, kdf_cost: KdfCost { log_n: 2, r: 1, p: 1 } };

const START: i64 = 1_700_000_000;

/// A clock that a test moves.
pub(crate) struct TestClock(Mutex<Timestamp>, Instant);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Timestamp { seconds: START, nanoseconds: 0 }), Instant::now()))
    }

    pub(crate) fn advance(&self, time: Duration) {
        self.0.lock().seconds += time.as_secs() as i64;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }

    fn instant(&self) -> Instant {
        let gone = self.0.lock().seconds - START;
        self.1 + Duration::from_secs(gone as u64)
    }
}

/// Waits that are over at once, or that somebody cancelled.
pub(crate) struct TestPause {
    pub(crate) cancelled: bool,
    pub(crate) waited: Mutex<Duration>,
}

impl TestPause {
    pub(crate) fn new() -> Self {
        Self { cancelled: false, waited: Mutex::new(Duration::ZERO) }
    }
}

impl Pause for TestPause {
    fn pause(&self, time: Duration) -> bool {
        *self.waited.lock() += time;
        !self.cancelled
    }
}

pub(crate) fn options(clock: &Arc<TestClock>) -> OpenOptions {
    OpenOptions { clock: Some(Arc::clone(clock) as Arc<dyn Clock>), ..OpenOptions::default() }
}

/// A new repository in memory.
pub(crate) fn repository() -> (Repository, Arc<MemoryStore>, Arc<TestClock>) {
    let (store, clock) = (Arc::new(MemoryStore::new()), TestClock::new());
    let repository = Repository::init(Arc::clone(&store) as Arc<dyn Store>, PASSWORD, CHEAP, options(&clock)).unwrap();
    (repository, store, clock)
}
