//! How fast the work goes and when it will be done.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Progress;

/// The rate is taken over so much time.
const WINDOW: Duration = Duration::from_secs(10);

/// Follows the bytes of one phase.
#[derive(Debug)]
pub struct Meter {
    began: Instant,
    samples: VecDeque<(Instant, u64)>,
}

impl Meter {
    /// Begins now.
    pub fn new(now: Instant) -> Self {
        Self { began: now, samples: VecDeque::from([(now, 0)]) }
    }

    /// Notes how far the work is.
    pub fn note(&mut self, now: Instant, bytes_done: u64) {
        self.samples.push_back((now, bytes_done));
        while self.samples.len() > 2 && now.duration_since(self.samples[1].0) > WINDOW {
            self.samples.pop_front();
        }
    }

    /// Since the phase began.
    pub fn elapsed(&self, now: Instant) -> Duration {
        now.duration_since(self.began)
    }

    /// Bytes a second over the last seconds; 0 before anything is known.
    pub fn rate(&self) -> u64 {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else { return 0 };
        let seconds = last.0.duration_since(first.0).as_secs_f64();
        if seconds > 0.0 { (last.1.saturating_sub(first.1) as f64 / seconds) as u64 } else { 0 }
    }

    /// The time that is left at this rate; `None` while the total or the rate is not known.
    pub fn left(&self, progress: &Progress) -> Option<Duration> {
        let left = progress.bytes_total?.checked_sub(progress.bytes_done)?;
        let rate = self.rate();
        (rate > 0).then(|| Duration::from_secs(left / rate))
    }
}

/// The share that is done, 0 to 1, never 1 before it is; `None` while the total is not known.
pub fn share(progress: &Progress) -> Option<f64> {
    let (done, total) = match progress.bytes_total {
        Some(total) if total > 0 => (progress.bytes_done, total),
        _ => (progress.files_done, progress.files_total?),
    };
    if total == 0 { None } else { Some((done as f64 / total as f64).min(1.0)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_the_rate_of_the_last_seconds() {
        let begin = Instant::now();
        let mut meter = Meter::new(begin);
        for second in 1..=60 {
            meter.note(begin + Duration::from_secs(second), if second <= 40 { 0 } else { (second - 40) * 1000 });
        }
        assert_eq!(meter.rate(), 1000);
        let progress = Progress { bytes_done: 20_000, bytes_total: Some(50_000), ..Progress::default() };
        assert_eq!(meter.left(&progress), Some(Duration::from_secs(30)));
        assert_eq!(meter.left(&Progress::default()), None);
    }

    #[test]
    fn more_than_the_expected_total_is_not_more_than_all() {
        let progress = Progress { bytes_done: 30, bytes_total: Some(20), ..Progress::default() };
        assert_eq!(share(&progress), Some(1.0));
    }
}
