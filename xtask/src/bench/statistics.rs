//! Medians, spreads and the ratios of pairs.

use super::measure::Run;
use super::results::Contestant;

/// A median with the least and the greatest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) greatest: f64,
}

impl Spread {
    /// None of nothing.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (least, greatest) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median =
            if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) };
        Some(Self { median, least, greatest })
    }
}

/// What of a run is looked at.
pub(super) type Metric = fn(&Run) -> f64;

impl Contestant {
    pub(super) fn spread(&self, metric: Metric) -> Option<Spread> {
        Spread::of(self.runs.iter().map(metric))
    }

    pub(super) fn median(&self, metric: Metric) -> Option<f64> {
        self.spread(metric).map(|spread| spread.median)
    }
}

/// Ours divided by theirs, round by round. From each side something fixed is taken off first (opening the repository);
/// of what is left never less than a millisecond counts.
pub(super) fn ratios(ours: (&Contestant, f64), theirs: (&Contestant, f64), metric: Metric) -> Option<Spread> {
    let net = |run: &Run, off: f64| (metric(run) - off).max(0.001);
    let pairs = ours.0.runs.iter().zip(&theirs.0.runs);
    Spread::of(pairs.map(|(our, their)| net(our, ours.1) / net(their, theirs.1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contestant(walls: &[f64]) -> Contestant {
        let runs = walls.iter().map(|wall| Run { wall: *wall, ..Run::default() }).collect();
        Contestant { name: "x".to_owned(), version: String::new(), runs }
    }

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middle_ones() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, least: 1.0, greatest: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn the_ratio_is_the_median_of_pairs_and_no_ratio_of_medians() {
        // A neighbour slowed the second round threefold, for both.
        let (ours, theirs) = (contestant(&[1.0, 3.0, 1.2]), contestant(&[2.0, 6.0, 2.0]));
        let ratio = ratios((&ours, 0.0), (&theirs, 0.0), |run| run.wall).unwrap();
        assert_eq!((ratio.median, ratio.least, ratio.greatest), (0.5, 0.5, 0.6));
    }

    #[test]
    fn what_opening_takes_is_taken_off_each_side() {
        let (ours, theirs) = (contestant(&[0.9]), contestant(&[2.4]));
        let ratio = ratios((&ours, 0.5), (&theirs, 0.4), |run| run.wall).unwrap();
        assert!((ratio.median - 0.2).abs() < 1e-9, "{ratio:?}");
        let nothing_left = ratios((&ours, 1.0), (&theirs, 0.4), |run| run.wall).unwrap();
        assert!((nothing_left.median - 0.0005).abs() < 1e-9);
    }

    #[test]
    fn a_round_that_only_one_has_is_left_out() {
        let ratio = ratios((&contestant(&[1.0, 9.0]), 0.0), (&contestant(&[2.0]), 0.0), |run| run.wall);
        assert_eq!(ratio.unwrap().greatest, 0.5);
    }
}
