//! How fast the work goes and when it will be done, as far as that is known: a number that is only guessed is none.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Progress;

/// The rate is taken over so much time.
const WINDOW: Duration = Duration::from_secs(10);
/// Over less time it says nothing.
const LEAST: Duration = Duration::from_secs(1);
/// However often progress is told, no more than this is remembered of it.
const APART: Duration = Duration::from_millis(100);

/// How fast a piece of work goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pace {
    /// Since its phase began.
    pub elapsed: Duration,
    /// Bytes that are worked through in a second, without those that were skipped; `None` before it is known.
    pub bytes_per_second: Option<u64>,
    /// The time that is left at this rate; `None` while that, or how much there is, is not known.
    pub left: Option<Duration>,
}

/// Follows the bytes of one phase.
#[derive(Debug)]
pub struct Meter {
    began: Instant,
    samples: VecDeque<Sample>,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Instant,
    done: u64,
    skipped: u64,
}

impl Meter {
    /// Begins now.
    pub fn new(now: Instant) -> Self {
        Self { began: now, samples: VecDeque::from([Sample { at: now, done: 0, skipped: 0 }]) }
    }

    /// Notes how far the work is.
    pub fn note(&mut self, now: Instant, progress: &Progress) {
        let sample = Sample { at: now, done: progress.bytes_done, skipped: progress.bytes_skipped };
        let before = self.samples.len().checked_sub(2).map(|index| self.samples[index].at);
        if before.is_some_and(|before| now.duration_since(before) < APART) {
            self.samples.pop_back();
        }
        self.samples.push_back(sample);
        while self.samples.len() > 2 && now.duration_since(self.samples[1].at) > WINDOW {
            self.samples.pop_front();
        }
    }

    /// How fast it goes now, this far.
    pub fn pace(&self, now: Instant, progress: &Progress) -> Pace {
        let elapsed = now.duration_since(self.began);
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else {
            return Pace { elapsed, ..Pace::default() };
        };
        let time = last.at.duration_since(first.at);
        if time < LEAST {
            return Pace { elapsed, ..Pace::default() };
        }
        let skipped = last.skipped.saturating_sub(first.skipped);
        let worked = last.done.saturating_sub(first.done).saturating_sub(skipped);
        let rate = (worked as f64 / time.as_secs_f64()) as u64;
        // Where much is skipped, nobody knows how much of the rest is.
        let is_steady = skipped <= worked / 4;
        let left = progress.bytes_total.and_then(|total| total.checked_sub(progress.bytes_done));
        // What is still done when all bytes are has no bytes to be foretold by.
        let left = left.filter(|left| is_steady && rate > 0 && *left > 0);
        let left = left.map(|left| Duration::from_secs(left.div_ceil(rate)));
        Pace { elapsed, bytes_per_second: Some(rate), left }
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

    fn progress(bytes_done: u64, bytes_skipped: u64) -> Progress {
        Progress { bytes_done, bytes_skipped, bytes_total: Some(50_000), ..Progress::default() }
    }

    #[test]
    fn the_time_left_follows_the_rate_of_the_last_seconds() {
        let begin = Instant::now();
        let (mut meter, mut now) = (Meter::new(begin), begin);
        for second in 1..=60 {
            now = begin + Duration::from_secs(second);
            meter.note(now, &progress(if second <= 40 { 0 } else { (second - 40) * 1000 }, 0));
        }
        let pace = meter.pace(now, &progress(20_000, 0));
        assert_eq!((pace.elapsed.as_secs(), pace.bytes_per_second), (60, Some(1000)));
        assert_eq!(pace.left, Some(Duration::from_secs(30)));
        assert_eq!(meter.pace(now, &Progress::default()).left, None, "nobody knows how much there is");
        assert_eq!(meter.pace(now, &progress(50_000, 0)).left, None, "all bytes are done, and something else is left");
        assert_eq!(meter.pace(now, &progress(49_999, 0)).left, Some(Duration::from_secs(1)), "not 0 before it is");
    }

    #[test]
    fn what_was_skipped_at_once_says_nothing_of_how_fast_the_rest_goes() {
        let begin = Instant::now();
        let mut meter = Meter::new(begin);
        let at = |milliseconds| begin + Duration::from_millis(milliseconds);
        meter.note(at(1), &progress(30_000, 30_000));
        assert_eq!(
            meter.pace(at(1), &progress(30_000, 30_000)).bytes_per_second,
            None,
            "a moment is too short to tell"
        );
        for step in 1..=20u64 {
            meter.note(at(step * 500), &progress(30_000 + step * 500, 30_000));
        }
        let pace = meter.pace(at(10_000), &progress(40_000, 30_000));
        assert_eq!((pace.bytes_per_second, pace.left), (Some(1000), None));
        for step in 21..=25u64 {
            meter.note(at(step * 500), &progress(30_000 + step * 500, 30_000));
        }
        let pace = meter.pace(at(12_500), &progress(42_500, 30_000));
        assert_eq!((pace.bytes_per_second, pace.left), (Some(1000), Some(Duration::from_secs(8))));
    }

    #[test]
    fn however_often_progress_is_told_little_is_remembered() {
        let begin = Instant::now();
        let mut meter = Meter::new(begin);
        for step in 0..60_000u64 {
            meter.note(begin + Duration::from_millis(step), &progress(step, 0));
        }
        assert!(meter.samples.len() < 250, "{}", meter.samples.len());
        assert_eq!(meter.pace(begin + Duration::from_secs(60), &progress(0, 0)).bytes_per_second, Some(1000));
    }

    #[test]
    fn more_than_the_expected_total_is_not_more_than_all() {
        let progress = Progress { bytes_done: 30, bytes_total: Some(20), ..Progress::default() };
        assert_eq!(share(&progress), Some(1.0));
    }
}
