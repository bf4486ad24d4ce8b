//! What a run promises, as tests.

use holdfast_model::client::{ClientSpec, ClientStatus, Facts};
use holdfast_model::object::Object;
use holdfast_model::policy::{PolicySpec, PolicyStatus};
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::{PolicyUid, ScheduleUid, TenantUid, Timestamp};

use super::*;

fn time(second: i64) -> Time {
    Time::from_second(1_800_000_000 + second).unwrap()
}

macro_rules! uid {
    ($kind:ident, $number:expr) => {
        $kind::new(Timestamp { seconds: $number, nanoseconds: 0 }, [1; 10])
    };
}

fn object<S: holdfast_model::object::Spec>(uid: S::Uid, spec: S) -> Object<S> {
    let tenant = uid!(TenantUid, 1);
    Object { uid, tenant, revision: 1, created: time(0), modified: time(0), spec, status: S::Status::default() }
}

fn client(number: i64, is_ready: bool) -> Client {
    let mut client = object(uid!(ClientUid, number), ClientSpec::new(format!("web{number}").parse().unwrap()));
    client.status = ClientStatus { ready_since: is_ready.then(|| time(0)), ..ClientStatus::default() };
    client
}

struct Scene {
    policy: Policy,
    schedule: Schedule,
    settings: Settings,
    next: i64,
}

impl Scene {
    fn new() -> Self {
        let json =
            r#"{"name": "web", "work": {"type": "config"}, "repository": "main", "schedule": "s", "priority": 3}"#;
        let policy: PolicySpec = serde_json::from_str(json).unwrap();
        let schedule: ScheduleSpec =
            serde_json::from_str(r#"{"name": "s", "cron": "@daily", "jitter_seconds": 600}"#).unwrap();
        let policy = Object { status: PolicyStatus::default(), ..object(uid!(PolicyUid, 7), policy) };
        Self { policy, schedule: object(uid!(ScheduleUid, 8), schedule), settings: Settings::default(), next: 100 }
    }

    fn run(&mut self, overlap: Overlap, clients: &[Client], unfinished: &[Unfinished]) -> Vec<Job> {
        let run = Run {
            uid: uid!(RunUid, 50),
            policy: &self.policy,
            repository: uid!(RepositoryUid, 9),
            schedule: Some(&self.schedule),
            launch: Launch::Scheduled,
            launched_by: "scheduler",
            due: Some(time(0)),
            overlap,
            settings: &self.settings,
            now: time(5),
        };
        let next = &mut self.next;
        run.jobs(clients, unfinished, &mut || {
            *next += 1;
            uid!(JobUid, *next)
        })
    }
}

fn kinds(jobs: &[Job]) -> Vec<JobKind> {
    jobs.iter().map(|job| job.kind).collect()
}

fn unfinished(job: &Job) -> Unfinished {
    Unfinished {
        uid: job.uid,
        tenant: job.tenant,
        kind: job.kind,
        run: uid!(RunUid, 1),
        policy: job.policy,
        client: job.client,
        repository: job.repository,
        copies_to: None,
        priority: job.priority,
        not_before: job.not_before,
        status: JobStatus::Running,
        waiting: None,
    }
}

use JobKind::{Backup, Catalog, Forget, Prepare};

#[test]
fn what_another_release_has_prepared_or_what_is_known_for_long_is_prepared_again() {
    let mut scene = Scene::new();
    let mut known = client(1, true);
    let mut first = |client: &Client| kinds(&scene.run(Overlap::Client, std::slice::from_ref(client), &[]))[0];
    known.status.prepared_by = Some(RELEASE.to_owned());
    assert_eq!(first(&known), Backup);
    known.status.facts = Some(Facts { found: Some(Time::from_second(0).unwrap()), ..Facts::default() });
    assert_eq!(first(&known), Prepare);
    known.status.facts = None;
    known.status.prepared_by = Some("0.0.1".to_owned());
    assert_eq!(first(&known), Prepare);
}

#[test]
fn each_client_has_a_chain_of_its_own() {
    let mut scene = Scene::new();
    let jobs = scene.run(Overlap::Client, &[client(1, false), client(2, true)], &[]);
    assert_eq!(kinds(&jobs), [Prepare, Backup, Catalog, Forget, Backup, Catalog, Forget]);
    let after: Vec<_> = jobs.iter().map(|job| job.after).collect();
    let uid = |nth: usize| Some(jobs[nth].uid);
    assert_eq!(after, [None, uid(0), uid(1), uid(1), None, uid(4), uid(4)]);
    assert!(jobs.iter().all(|job| (job.status == JobStatus::Blocked) == job.after.is_some()));
    assert!(
        jobs.iter().all(|job| job.priority == 3 && job.due == Some(time(0)) && job.policy == Some(scene.policy.uid))
    );
}

#[test]
fn what_follows_a_backup_is_as_the_settings_say() {
    let mut scene = Scene::new();
    scene.settings.catalog = false;
    assert_eq!(kinds(&scene.run(Overlap::Client, &[client(1, true)], &[])), [Backup, Forget]);
    scene.settings.forget_after_backup = false;
    assert_eq!(kinds(&scene.run(Overlap::Client, &[client(1, true)], &[])), [Backup]);
    let mut off = client(1, true);
    off.spec.enabled = false;
    assert!(scene.run(Overlap::Client, &[off], &[]).is_empty());
}

#[test]
fn a_client_whose_last_run_has_not_ended_is_skipped_and_no_other() {
    let mut scene = Scene::new();
    let clients = [client(1, true), client(2, true)];
    let before = scene.run(Overlap::Client, &clients, &[]);
    let at_work = unfinished(&before[0]);
    let jobs = scene.run(Overlap::Client, &clients, std::slice::from_ref(&at_work));
    assert_eq!(kinds(&jobs), [Backup, Backup, Catalog, Forget]);
    assert_eq!(jobs[0].status, JobStatus::Skipped);
    assert_eq!(jobs[0].waiting, Some(Waiting::Overlap { job: at_work.uid }));
    assert_eq!(jobs[0].finished, Some(time(5)));
    let of_another_policy = Unfinished { policy: Some(uid!(PolicyUid, 70)), ..at_work.clone() };
    assert_eq!(scene.run(Overlap::Client, &clients, &[of_another_policy]).len(), 6, "it waits in the queue");
    let only_forgets = Unfinished { kind: Forget, ..at_work };
    assert_eq!(scene.run(Overlap::Client, &clients, &[only_forgets]).len(), 6);
}

#[test]
fn a_tenant_can_ask_for_one_run_at_a_time() {
    let mut scene = Scene::new();
    let before = scene.run(Overlap::Tenant, &[client(1, true)], &[]);
    let of_another_policy = Unfinished { policy: Some(uid!(PolicyUid, 70)), ..unfinished(&before[0]) };
    let jobs = scene.run(Overlap::Tenant, &[client(2, true), client(3, true)], &[of_another_policy]);
    assert_eq!(jobs.len(), 2);
    assert!(jobs.iter().all(|job| job.status == JobStatus::Skipped));
}

#[test]
fn clients_begin_within_the_jitter_each_at_its_own_time() {
    let mut scene = Scene::new();
    let clients: Vec<Client> = (0..50).map(|number| client(number, true)).collect();
    let first = scene.run(Overlap::Client, &clients, &[]);
    let times = |jobs: &[Job]| jobs.iter().map(|job| job.not_before).collect::<Vec<_>>();
    assert!(times(&first).iter().all(|at| (time(5)..=time(600)).contains(at)));
    assert!(times(&first).iter().collect::<std::collections::BTreeSet<_>>().len() > 30);
    assert_eq!(times(&scene.run(Overlap::Client, &clients, &[])), times(&first), "the same each time");
}
