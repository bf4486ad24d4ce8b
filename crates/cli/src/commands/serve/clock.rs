//! The clock of the server. In a build for tests it can be moved, so that none has to wait for a night to come.

use std::sync::Arc;

use holdfast_model::Clock;
#[cfg(not(debug_assertions))]
use holdfast_model::SystemClock;

#[cfg(debug_assertions)]
pub use moved::{clock, is_moved};

/// The machine's own.
#[cfg(not(debug_assertions))]
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// Never.
#[cfg(not(debug_assertions))]
pub fn is_moved() -> bool {
    false
}

#[cfg(debug_assertions)]
mod moved {
    use std::path::PathBuf;
    use std::time::{Duration, Instant};

    use holdfast_model::{SystemClock, Timestamp};

    use super::{Arc, Clock};
    use crate::environment;

    /// Ahead of the machine's clock by the seconds that stand in a file.
    struct MovedClock(PathBuf);

    impl Clock for MovedClock {
        fn now(&self) -> Timestamp {
            let now = SystemClock.now();
            Timestamp { seconds: now.seconds + self.ahead().as_secs() as i64, ..now }
        }

        fn instant(&self) -> Instant {
            SystemClock.instant()
        }
    }

    impl MovedClock {
        fn ahead(&self) -> Duration {
            let text = std::fs::read_to_string(&self.0).unwrap_or_default();
            Duration::from_secs(text.trim().parse().unwrap_or(0))
        }
    }

    /// The machine's own, or one that is ahead of it.
    pub fn clock() -> Arc<dyn Clock> {
        match environment::own("TEST_CLOCK") {
            Some(path) => Arc::new(MovedClock(path.into())),
            None => Arc::new(SystemClock),
        }
    }

    /// Whether it may be ahead.
    pub fn is_moved() -> bool {
        environment::own("TEST_CLOCK").is_some()
    }
}
