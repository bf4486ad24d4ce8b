//! How fast a client may send. What is not taken waits at its side.
//!
//! The limit can be set anew while the session runs, by whoever looks at the clock: sleeping is done in short naps, so that
//! nobody waits by a limit of yesterday.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// So long a limited rate may be made up for.
const SAVED: Duration = Duration::from_secs(1);
/// Who waits looks again after so long whether the limit is still the same.
const NAP: Duration = Duration::from_millis(500);

/// How many bytes a second may come. Clones are the same limit.
#[derive(Debug, Clone, Default)]
pub struct Rate(Arc<AtomicU64>);

impl Rate {
    /// As fast as can be.
    pub fn unlimited() -> Self {
        Self::default()
    }

    /// Sets another limit from now on, or none.
    pub fn set(&self, bytes_per_second: Option<u64>) {
        // 0 stands for none: at 0 bytes a second nothing would ever end.
        self.0.store(bytes_per_second.map_or(0, |bytes| bytes.max(1)), Ordering::Relaxed);
    }

    /// The limit.
    pub fn get(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0)
    }
}

impl From<Option<u64>> for Rate {
    fn from(bytes_per_second: Option<u64>) -> Self {
        let rate = Self::unlimited();
        rate.set(bytes_per_second);
        rate
    }
}

/// Holds one session to a rate.
pub(super) struct Throttle {
    rate: Rate,
    /// By this limit it is counted.
    bytes_per_second: Option<u64>,
    began: Instant,
    taken: u64,
}

impl Throttle {
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        let bytes_per_second = rate.get();
        Self { rate, bytes_per_second, began: now, taken: 0 }
    }

    /// Counts bytes that were taken.
    pub(super) fn count(&mut self, bytes: usize, now: Instant) {
        self.look(now);
        self.taken = self.taken.saturating_add(bytes as u64);
    }

    /// How long to wait before more is taken; at most a nap, after which to ask again.
    pub(super) fn early(&mut self, now: Instant) -> Option<Duration> {
        self.look(now);
        let due = self.taken as f64 / self.bytes_per_second? as f64;
        let due = Duration::try_from_secs_f64(due).unwrap_or(Duration::MAX);
        let elapsed = now.saturating_duration_since(self.began);
        // What was left unused is not saved up, but for a moment.
        self.began += elapsed.saturating_sub(due.saturating_add(SAVED));
        Some(due.saturating_sub(elapsed).min(NAP)).filter(|early| !early.is_zero())
    }

    /// With another limit the counting begins anew: what came under the old one is settled.
    fn look(&mut self, now: Instant) {
        let bytes_per_second = self.rate.get();
        if bytes_per_second != self.bytes_per_second {
            (self.bytes_per_second, self.began, self.taken) = (bytes_per_second, now, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long the session waits in all, if nobody changes the limit.
    fn waits(throttle: &mut Throttle, bytes: usize, mut now: Instant) -> Duration {
        let began = now;
        throttle.count(bytes, now);
        while let Some(early) = throttle.early(now) {
            now += early;
        }
        now - began
    }

    #[test]
    fn a_limited_rate_is_not_saved_up() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut throttle = Throttle::new(Rate::from(Some(1000)), began);
        assert_eq!(waits(&mut throttle, 5000, at(0)), Duration::from_secs(5));
        assert_eq!(waits(&mut throttle, 1000, at(6)), Duration::ZERO);
        // Ten minutes without a byte, then as many as can be: one second's worth comes at once.
        assert_eq!(waits(&mut throttle, 0, at(600)), Duration::ZERO);
        assert_eq!(waits(&mut throttle, 10_000, at(600)), Duration::from_secs(9));
    }

    #[test]
    fn a_limit_that_is_set_anew_counts_at_once_and_from_then_on() {
        let began = Instant::now();
        let rate = Rate::from(Some(1));
        let mut throttle = Throttle::new(rate.clone(), began);
        throttle.count(1_000_000, began);
        assert_eq!(throttle.early(began), Some(NAP), "days are to wait");
        rate.set(Some(1000));
        assert_eq!(throttle.early(began + NAP), None, "and are forgotten");
        assert_eq!(waits(&mut throttle, 3000, began + NAP), Duration::from_secs(3));
        rate.set(None);
        assert_eq!(waits(&mut throttle, usize::MAX, began + NAP), Duration::ZERO);
        rate.set(Some(10));
        assert_eq!(
            waits(&mut throttle, 20, began + NAP),
            Duration::from_secs(2),
            "what came before is not made up for"
        );
    }
}
