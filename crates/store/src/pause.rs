//! Waiting as a port, so that no test waits and a cancelled run does not either.

use std::thread;
use std::time::Duration;

use holdfast_model::CancelToken;

/// Waits.
pub trait Pause: Send + Sync {
    /// Waits that long, and says whether to go on: `false` once the work was cancelled.
    fn pause(&self, time: Duration) -> bool;
}

/// Waits by sleeping, and wakes within a tenth of a second of a cancellation.
#[derive(Debug, Clone, Default)]
pub struct Sleep(CancelToken);

impl Sleep {
    const STEP: Duration = Duration::from_millis(100);

    /// Sleeps until the time is over or `cancel` is cancelled.
    pub fn new(cancel: CancelToken) -> Self {
        Self(cancel)
    }
}

impl Pause for Sleep {
    fn pause(&self, time: Duration) -> bool {
        let mut left = time;
        while !left.is_zero() && !self.0.is_cancelled() {
            let step = left.min(Self::STEP);
            thread::sleep(step);
            left -= step;
        }
        !self.0.is_cancelled()
    }
}

#[cfg(test)]
pub(crate) mod fake {
    //! A clock that only moves when somebody waits for it.

    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use holdfast_model::{Clock, SystemClock, Timestamp};
    use parking_lot::Mutex;

    use super::Pause;

    #[derive(Debug, Clone)]
    pub(crate) struct FakeTime {
        start: Instant,
        pub(crate) pauses: Arc<Mutex<Vec<Duration>>>,
    }

    impl FakeTime {
        pub(crate) fn new() -> Self {
            Self { start: Instant::now(), pauses: Arc::default() }
        }

        pub(crate) fn gone(&self) -> Duration {
            self.pauses.lock().iter().sum()
        }
    }

    impl Clock for FakeTime {
        fn now(&self) -> Timestamp {
            SystemClock.now()
        }

        fn instant(&self) -> Instant {
            self.start + self.gone()
        }
    }

    impl Pause for FakeTime {
        fn pause(&self, time: Duration) -> bool {
            self.pauses.lock().push(time);
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_wait_ends_at_once() {
        let cancel = CancelToken::new();
        cancel.cancel();
        assert!(!Sleep::new(cancel).pause(Duration::from_secs(3600)));
        assert!(Sleep::default().pause(Duration::from_nanos(1)));
    }
}
