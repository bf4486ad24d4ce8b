//! A clock that stands still until a test moves it.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use holdfast_model::{Clock, Timestamp};

/// A [`Clock`] in a test's hands. Shared by reference or in an `Arc`; moving it is seen by all who hold it.
#[derive(Debug)]
pub struct FakeClock {
    start: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    now: Timestamp,
    elapsed: Duration,
}

impl FakeClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self { start: Instant::now(), state: Mutex::new(State { now, elapsed: Duration::ZERO }) }
    }

    /// A clock that shows this many seconds after 1970-01-01T00:00:00Z.
    pub fn at_seconds(seconds: i64) -> Self {
        Self::at(Timestamp { seconds, nanoseconds: 0 })
    }

    /// Time goes by: both the time of day and the monotonic time move on.
    pub fn advance(&self, by: Duration) {
        let mut state = self.lock();
        state.elapsed += by;
        let nanoseconds = state.now.nanoseconds + by.subsec_nanos();
        let seconds = i64::try_from(by.as_secs()).expect("no test lasts that long");
        state.now = Timestamp {
            seconds: state.now.seconds + seconds + i64::from(nanoseconds / 1_000_000_000),
            nanoseconds: nanoseconds % 1_000_000_000,
        };
    }

    /// Somebody sets the clock, forwards or back: monotonic time does not notice.
    pub fn set(&self, now: Timestamp) {
        self.lock().now = now;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the clock")
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    fn instant(&self) -> Instant {
        self.start + self.lock().elapsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_by_only_when_told() {
        let clock = FakeClock::at(Timestamp { seconds: -1, nanoseconds: 900_000_000 });
        let before = clock.instant();
        assert_eq!(clock.instant(), before);
        clock.advance(Duration::from_millis(1_200));
        assert_eq!(clock.now(), Timestamp { seconds: 1, nanoseconds: 100_000_000 });
        assert_eq!(clock.instant() - before, Duration::from_millis(1_200));
    }

    #[test]
    fn setting_the_time_of_day_leaves_durations_alone() {
        let clock = FakeClock::at_seconds(1_000);
        let before = clock.instant();
        clock.set(Timestamp { seconds: 10, nanoseconds: 0 });
        assert_eq!(clock.now().seconds, 10);
        assert_eq!(clock.instant(), before);
    }
}
