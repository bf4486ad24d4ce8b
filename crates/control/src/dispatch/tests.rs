//! What the dispatcher promises, as tests.

use holdfast_model::{RunUid, Timestamp};
use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_800_000_000;

fn time(second: i64) -> Time {
    Time::from_second(NOW + second).unwrap()
}

macro_rules! uid {
    ($kind:ident, $number:expr) => {
        $kind::new(Timestamp { seconds: i64::from($number), nanoseconds: 0 }, [1; 10])
    };
}

fn job(number: u32, kind: JobKind, tenant: u32, client: u32, repository: u32) -> Unfinished {
    Unfinished {
        uid: uid!(JobUid, number),
        tenant: uid!(TenantUid, tenant),
        kind,
        run: uid!(RunUid, number),
        policy: Some(uid!(PolicyUid, 1u32)),
        client: Some(uid!(ClientUid, client)),
        repository: Some(uid!(RepositoryUid, repository)),
        copies_to: None,
        priority: 0,
        not_before: time(-1),
        status: JobStatus::Queued,
        waiting: None,
    }
}

fn running(job: Unfinished) -> Unfinished {
    Unfinished { status: JobStatus::Running, ..job }
}

fn decide(jobs: &[Unfinished], places: usize, per_repository: usize) -> Decision {
    let repositories = (0..20u32).map(|number| (uid!(RepositoryUid, number), per_repository)).collect();
    let limits =
        Limits { jobs_at_once: 100, places, repositories: &repositories, disabled: &|_| None, window: &|_, _| None };
    dispatch(time(0), jobs, &limits)
}

/// The numbers of the jobs that begin.
fn begun(jobs: &[Unfinished], places: usize, per_repository: usize) -> Vec<usize> {
    let decision = decide(jobs, places, per_repository);
    let number = |uid: &JobUid| jobs.iter().position(|job| job.uid == *uid).unwrap();
    decision.start.iter().map(number).collect()
}

use JobKind::{Backup, Check, Prepare, Prune, Restore};

#[test]
fn one_backup_a_client_and_a_restore_beside_it() {
    let jobs = [
        running(job(1, Backup, 1, 1, 1)),
        job(2, Backup, 1, 1, 2),
        job(3, Prepare, 1, 1, 1),
        job(4, Restore, 1, 1, 1),
        job(5, Backup, 1, 2, 1),
    ];
    assert_eq!(begun(&jobs, 9, 9), [3, 4]);
    let waiting = decide(&jobs, 9, 9).waiting;
    assert_eq!(waiting[0], (jobs[1].uid, Waiting::Client { job: jobs[0].uid }));
}

#[test]
fn an_emergency_waits_for_no_place() {
    let mut jobs = vec![running(job(1, Backup, 1, 1, 1)), job(2, Backup, 1, 2, 1), job(3, Restore, 1, 3, 1)];
    assert_eq!(begun(&jobs, 0, 1), [2]);
    jobs.push(running(job(4, Prune, 1, 9, 1)));
    assert_eq!(begun(&jobs, 9, 9), [0usize; 0], "but for whoever has the repository for itself");
}

#[test]
fn who_needs_the_repository_for_itself_works_alone_and_is_let_in_after_a_while() {
    let mut jobs = vec![running(job(1, Backup, 1, 1, 1)), job(2, Prune, 1, 9, 1), job(3, Backup, 1, 2, 1)];
    assert_eq!(begun(&jobs, 9, 9), [2], "others go before it at first");
    jobs[1].not_before = time(-(PATIENCE.as_secs() as i64));
    assert_eq!(begun(&jobs, 9, 9), [0usize; 0], "and do not once it has waited long");
    jobs.remove(0);
    assert_eq!(begun(&jobs, 9, 9), [0]);
    assert_eq!(begun(&[running(job(1, Prune, 1, 9, 1)), job(2, Check, 1, 9, 1)], 9, 9), [0usize; 0]);
}

#[test]
fn a_slow_client_does_not_keep_others_waiting_for_a_prune() {
    let hours = |count: i64| time(-count * 3600);
    let slow = |began| Unfinished { not_before: began, ..running(job(1, Backup, 1, 1, 1)) };
    let prune = Unfinished { not_before: hours(1), ..job(2, Prune, 1, 9, 1) };
    let other = job(3, Backup, 1, 2, 1);
    assert_eq!(begun(&[slow(hours(1)), prune.clone(), other.clone()], 9, 9), [0usize; 0], "it may end soon");
    assert_eq!(begun(&[slow(hours(3)), prune, other], 9, 9), [2]);
}

#[test]
fn a_copy_works_in_both_repositories() {
    let to = Some(uid!(RepositoryUid, 2u32));
    let copy = Unfinished { copies_to: to, ..job(2, JobKind::Copy, 1, 9, 1) };
    for repository in [1, 2] {
        let prune = running(job(1, Prune, 1, 9, repository));
        assert_eq!(decide(&[prune, copy.clone()], 9, 9).waiting, [(copy.uid, Waiting::Repository)]);
        let full = running(job(1, Backup, 1, 1, repository));
        assert_eq!(begun(&[full, copy.clone()], 9, 1), [0usize; 0]);
        let copying = running(copy.clone());
        assert_eq!(begun(&[copying.clone(), job(3, Prune, 1, 9, repository)], 9, 9), [0usize; 0]);
        assert_eq!(begun(&[copying, job(3, Backup, 1, 1, repository)], 9, 1), [0usize; 0]);
    }
}

#[test]
fn tenants_take_turns_and_none_waits_for_anothers_queue() {
    let mut jobs: Vec<Unfinished> = (0..20).map(|number| job(number, Backup, 1, number, 1)).collect();
    jobs.extend((20..24).map(|number| job(number, Backup, 2, number, 2)));
    let begun = begun(&jobs, 6, 9);
    assert_eq!(begun, [0, 20, 1, 21, 2, 22]);
}

#[test]
fn priority_goes_before_age_and_time_before_both() {
    let mut jobs = vec![job(1, Backup, 1, 1, 1), job(2, Backup, 1, 2, 1), job(3, Backup, 1, 3, 1)];
    jobs[2].priority = 1;
    jobs[0].not_before = time(60);
    assert_eq!(begun(&jobs, 1, 9), [2]);
    let waiting: Vec<Waiting> = decide(&jobs, 1, 9).waiting.into_iter().map(|(_, waiting)| waiting).collect();
    assert_eq!(waiting, [Waiting::Time { at: time(60) }, Waiting::Slot]);
}

#[test]
fn a_window_holds_back_backups_alone() {
    let jobs = [job(1, Backup, 1, 1, 1), job(2, Prepare, 1, 2, 1)];
    let limits = Limits {
        jobs_at_once: 9,
        places: 9,
        repositories: &HashMap::new(),
        disabled: &|_| None,
        window: &|_, _| Some(Waiting::Window { at: Some(time(3600)) }),
    };
    let decision = dispatch(time(0), &jobs, &limits);
    assert_eq!(decision.start, [jobs[1].uid]);
    assert_eq!(decision.waiting, [(jobs[0].uid, Waiting::Window { at: Some(time(3600)) })]);
}

fn any_job() -> impl Strategy<Value = Unfinished> {
    let kind = prop::sample::select(&JobKind::ALL[..]);
    let status = prop_oneof![3 => Just(JobStatus::Queued), 1 => Just(JobStatus::Blocked)];
    (kind, status, 1u32..4, 1u32..8, 1u32..4, -2i8..3, -2000i64..100).prop_map(
        |(kind, status, tenant, client, repository, priority, at)| {
            let job = job(0, kind, tenant, client, repository);
            Unfinished { status, priority, not_before: time(at), ..job }
        },
    )
}

proptest! {
    /// Jobs come, begin and end at random: no limit is ever broken, and what waits begins once all others have ended.
    #[test]
    fn no_limit_is_broken_and_nobody_is_left_waiting(
        jobs in prop::collection::vec(any_job(), 1..60),
        at_once in 1usize..8,
        per_repository in 1usize..4,
        ends in prop::collection::vec(any::<prop::sample::Index>(), 400),
    ) {
        let mut jobs: Vec<Unfinished> =
            jobs.into_iter().zip(1u32..).map(|(job, number)| Unfinished { uid: uid!(JobUid, number), ..job }).collect();
        let repositories = (0..20u32).map(|number| (uid!(RepositoryUid, number), per_repository)).collect();
        let limits = Limits { jobs_at_once: at_once, places: at_once, repositories: &repositories, disabled: &|_| None, window: &|_, _| None };
        let now = time(10_000);
        for end in ends {
            let decision = dispatch(now, &jobs, &limits);
            let queued = jobs.iter().filter(|job| job.status == JobStatus::Queued).count();
            prop_assert_eq!(decision.start.len() + decision.waiting.len(), queued, "about each, once");
            for job in jobs.iter_mut().filter(|job| decision.start.contains(&job.uid)) {
                prop_assert_eq!(job.status, JobStatus::Queued);
                job.status = JobStatus::Running;
            }
            let at_work: Vec<&Unfinished> = jobs.iter().filter(|job| job.status == JobStatus::Running).collect();
            prop_assert!(at_work.iter().filter(|job| job.kind != Restore).count() <= at_once);
            for one in &at_work {
                let beside = |job: &&&Unfinished| job.uid != one.uid;
                let with_client = at_work.iter().filter(beside).any(|job| job.kind.occupies_client() && job.client == one.client);
                prop_assert!(!(one.kind.occupies_client() && with_client), "two with one client");
                let in_repository = at_work.iter().filter(|job| job.kind.occupies_repository() && job.repository == one.repository);
                let counted = in_repository.clone().filter(|job| job.kind != Restore).count();
                prop_assert!(counted <= per_repository.max(1));
                prop_assert!(!one.kind.is_exclusive() || in_repository.count() == 1, "not alone");
            }
            if at_work.is_empty() {
                prop_assert!(jobs.iter().all(|job| job.status == JobStatus::Blocked), "somebody waits for nobody");
                return Ok(());
            }
            let ended = at_work[end.index(at_work.len())].uid;
            jobs.retain(|job| job.uid != ended);
        }
        prop_assert!(false, "it never came to an end");
    }
}
