//! The ways in which results are held against goals.

use super::Verdict;
use crate::bench::measure::Run;
use crate::bench::results::{Book, Contestant};
use crate::bench::statistics::{Metric, Spread, ratios};
use crate::bench::table::{mebibytes, seconds};

/// What counts of a program's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    /// From start to end.
    All,
    /// Without what opening an empty repository takes: starting, and deriving the key.
    Open,
}

impl Count {
    /// The seconds to take off for a program; none where that was not measured.
    fn off(self, book: &Book, name: &str) -> Option<f64> {
        match self {
            Self::All => Some(0.0),
            Self::Open => book.works.get("open")?.of(name)?.median(|run| run.wall),
        }
    }
}

/// Our wall time, held against that of the fastest peer.
pub(super) fn fastest(book: &Book, work: &str, count: Count, limit: f64) -> Option<Verdict> {
    let work = book.works.get(work)?;
    let time = |peer: &Contestant| Some(peer.median(|run| run.wall)? - count.off(book, &peer.name)?);
    let timed = work.peers().filter_map(|peer| Some((peer, time(peer)?)));
    let (peer, _) = timed.min_by(|one, other| one.1.total_cmp(&other.1))?;
    let ours = work.ours()?;
    let ratio = ratios((ours, count.off(book, &ours.name)?), (peer, count.off(book, &peer.name)?), |run| run.wall);
    Some(ratio_verdict(ratio?, &peer.name, limit))
}

/// Some measure of ours, held against one peer's.
pub(super) fn against(book: &Book, work: &str, peer: &str, metric: Metric, limit: f64) -> Option<Verdict> {
    let work = book.works.get(work)?;
    let ratio = ratios((work.ours()?, 0.0), (work.of(peer)?, 0.0), metric)?;
    Some(ratio_verdict(ratio, peer, limit))
}

fn ratio_verdict(ratio: Spread, peer: &str, limit: f64) -> Verdict {
    let Spread { median, least, greatest } = ratio;
    Verdict { measured: format!("{median:.2} of {peer} ({least:.2}–{greatest:.2})"), met: median <= limit }
}

/// The most memory that processes of ours of these names had, in MiB; each must be within the limit.
pub(super) fn memory(book: &Book, work: &str, processes: &[(&str, &str)], limit: u64) -> Option<Verdict> {
    let ours = book.works.get(work)?.ours()?;
    let mut parts = Vec::new();
    let mut met = true;
    for (process, role) in processes {
        let peak = ours.peak_of(process)?;
        met &= peak <= limit << 20;
        parts.push(format!("{role} {} MiB", mebibytes(peak)));
    }
    Some(Verdict { measured: parts.join(", "), met })
}

/// Our median wall time, in seconds.
pub(super) fn our_wall(book: &Book, work: &str, count: Count) -> Option<f64> {
    let ours = book.works.get(work)?.ours()?;
    Some(ours.median(|run| run.wall)? - count.off(book, &ours.name)?)
}

/// A yardstick's median wall time, in seconds.
pub(super) fn yard(book: &Book, work: &str, name: &str) -> Option<f64> {
    book.works.get(work)?.of(name)?.median(|run| run.wall)
}

/// A time of ours, held against a limit in seconds.
pub(super) fn time(book: &Book, work: &str, count: Count, limit: f64) -> Option<Verdict> {
    let wall = our_wall(book, work, count)?.max(0.0);
    Some(Verdict { measured: format!("{} s", seconds(wall)), met: wall <= limit })
}

/// One time, held against another, both in seconds; `what` says which the other is.
pub(super) fn times(measured: f64, other: f64, what: &str, limit: f64) -> Verdict {
    let ratio = measured / other.max(0.001);
    let (measured, other) = (seconds(measured), seconds(other));
    Verdict { measured: format!("{ratio:.2} of {what} ({measured} s, {other} s)"), met: ratio <= limit }
}

/// Bytes that came over SSH.
pub(super) fn received(book: &Book, work: &str, limit: u64) -> Option<Verdict> {
    let runs = &book.works.get(work)?.ours()?.runs;
    let most = runs.iter().map(|run| run.received).max()??;
    Some(Verdict { measured: format!("{:.1} kB", most as f64 / 1e3), met: most < limit })
}

/// What a restore took on the disk, held against what the corpus takes there: holes must not have been filled.
pub(super) fn holes(book: &Book, work: &str, limit: f64) -> Option<Verdict> {
    let work = book.works.get(work)?;
    let most = work.ours()?.runs.iter().filter_map(|run| run.allocated).max()?;
    let ratio = most as f64 / work.extent.allocated.max(1) as f64;
    let measured = format!("{} MiB of {} MiB on disk", mebibytes(most), mebibytes(work.extent.allocated));
    Some(Verdict { measured, met: ratio <= limit })
}

/// The repository's size, in bytes.
pub(super) fn repository(run: &Run) -> f64 {
    run.repository.unwrap_or(0) as f64
}
