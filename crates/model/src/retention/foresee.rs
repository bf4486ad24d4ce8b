//! What becomes of snapshots as time goes by: why each stays now, and when it goes if backups go on as planned.

use std::collections::BTreeMap;

use jiff::Zoned;

use super::{Candidate, GroupKey, PlanError, Reason, Retention};
use crate::{SnapshotId, Time, Timestamp};

/// What becomes of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreseen {
    /// Its id.
    pub id: SnapshotId,
    /// When it was made.
    pub time: Zoned,
    /// Why it stays; it goes now, if there is no reason.
    pub reasons: Vec<Reason>,
    /// When it goes; `None` if it stays as long as one looked ahead.
    pub goes: Option<Time>,
}

/// Says what becomes of snapshots now, and after each of the runs that are to come. What is kept after each run is thinned out
/// again after the next, as forget jobs do it.
///
/// # Errors
/// As [`plan`](super::plan): if the retention says nothing, or would leave none.
pub fn foresee(
    retention: &Retention,
    mut candidates: Vec<Candidate>,
    now: Timestamp,
    runs: impl IntoIterator<Item = Zoned>,
) -> Result<Vec<Foreseen>, PlanError> {
    if retention.is_empty() {
        return Err(PlanError::Empty);
    }
    let decision = retention.apply(candidates.iter().collect(), now);
    if decision.keep.is_empty() && !candidates.is_empty() {
        return Err(PlanError::NothingKept { group: GroupKey::default() });
    }
    let mut foreseen: BTreeMap<SnapshotId, Foreseen> = BTreeMap::new();
    for kept in decision.keep {
        let Candidate { id, time, .. } = kept.snapshot;
        foreseen.insert(*id, Foreseen { id: *id, time: time.clone(), reasons: kept.reasons, goes: None });
    }
    for Candidate { id, time, .. } in decision.remove {
        let goes = Some(now.to_time());
        foreseen.insert(*id, Foreseen { id: *id, time: time.clone(), reasons: Vec::new(), goes });
    }
    candidates.retain(|one| foreseen[&one.id].goes.is_none());
    let mut staying = candidates.len();
    for run in runs {
        if staying == 0 {
            break;
        }
        let at = run.timestamp();
        candidates.push(Candidate {
            id: SnapshotId::default(),
            time: run,
            host: String::new(),
            paths: Vec::new(),
            tags: Vec::new(),
        });
        let gone: Vec<(SnapshotId, Zoned)> = retention
            .apply(candidates.iter().collect(), Timestamp::from(at))
            .remove
            .into_iter()
            .map(|one| (one.id, one.time.clone()))
            .collect();
        for (id, _) in &gone {
            if let Some(snapshot) = foreseen.get_mut(id) {
                snapshot.goes = Some(at);
                staying -= 1;
            }
        }
        candidates.retain(|one| !gone.contains(&(one.id, one.time.clone())));
    }
    let mut foreseen: Vec<Foreseen> = foreseen.into_values().collect();
    foreseen.sort_by(|one, other| other.time.cmp(&one.time).then(other.id.cmp(&one.id)));
    Ok(foreseen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::Count;

    fn at(text: &str) -> Zoned {
        format!("{text}[UTC]").parse().unwrap()
    }

    fn candidate(number: u8, time: &str) -> Candidate {
        let id = format!("{number:02x}").repeat(32).parse().unwrap();
        Candidate { id, time: at(time), host: String::new(), paths: Vec::new(), tags: Vec::new() }
    }

    fn nights(from: &str, count: i64) -> Vec<Zoned> {
        let first = at(from);
        (0..count).map(|day| first.checked_add(jiff::Span::new().days(day)).unwrap()).collect()
    }

    #[test]
    fn each_snapshot_goes_when_the_runs_to_come_have_pushed_it_out() {
        let retention = Retention { daily: Count::Limited(2), ..Retention::default() };
        let candidates =
            vec![candidate(1, "2026-11-22T02:00"), candidate(2, "2026-11-23T02:00"), candidate(3, "2026-11-24T02:00")];
        let now = Timestamp::from(at("2026-11-24T12:00").timestamp());
        let foreseen = foresee(&retention, candidates, now, nights("2026-11-25T02:00", 10)).unwrap();
        let goes: Vec<_> = foreseen.iter().map(|one| (one.reasons.len(), one.goes.map(|at| at.to_string()))).collect();
        assert_eq!(
            goes,
            [
                (1, Some("2026-11-26T02:00:00Z".into())),
                (1, Some("2026-11-25T02:00:00Z".into())),
                (0, Some("2026-11-24T12:00:00Z".into())),
            ]
        );
    }

    #[test]
    fn what_stays_longer_than_one_looks_ahead_has_no_end() {
        let retention = Retention { last: Count::Limited(1), yearly: Count::Unlimited, ..Retention::default() };
        let candidates = vec![candidate(1, "2024-12-31T02:00"), candidate(2, "2026-11-24T02:00")];
        let now = Timestamp::from(at("2026-11-24T12:00").timestamp());
        let foreseen = foresee(&retention, candidates.clone(), now, nights("2026-11-25T02:00", 30)).unwrap();
        assert_eq!(foreseen[0].goes.unwrap().to_string(), "2026-11-25T02:00:00Z", "a later one of this year");
        assert_eq!(foreseen[1].goes, None);
        let without = foresee(&retention, candidates, now, []).unwrap();
        assert!(without.iter().all(|one| one.goes.is_none()));
        assert_eq!(foresee(&Retention::default(), Vec::new(), now, []), Err(PlanError::Empty));
    }
}
