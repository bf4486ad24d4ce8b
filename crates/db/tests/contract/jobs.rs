//! Jobs and their logs.

use holdfast_db::{DbErrorKind, JobFilter, JobPage, Level, LogLine};
use holdfast_model::job::{Cause, Job, JobError, JobKind, JobStatus, Outcome, Waiting};
use holdfast_model::{ClientUid, JobUid, PolicyUid, SnapshotId, TenantUid, Timestamp};

use super::scene::{Scene, time};

pub(crate) async fn a_job_is_read_back_as_it_was_kept(scene: &Scene) {
    let first = scene.job(JobKind::Prepare);
    let mut job = scene.job(JobKind::Backup).after(first.uid).for_policy(
        Some(scene.policy_uid()),
        Some(scene.client_uid()),
        Some(scene.repository_uid()),
    );
    job.priority = -3;
    job.due = Some(time(-7));
    job.parameters = serde_json::json!({"target": "/srv/\u{0}x", "n": [1, null]});
    job.retry_of = Some(first.uid);
    scene.add_jobs(&[first.clone(), job.clone()]).await;
    let mut writer = scene.db.write().await.unwrap();
    assert_eq!(writer.job(job.uid).await.unwrap(), job);
    let mut locked = writer.lock_job(first.uid).await.unwrap();
    locked.begin("worker one", time(6), time(36)).unwrap();
    writer.save_job(&locked).await.unwrap();
    let outcome = Outcome {
        snapshot: Some(SnapshotId::new([9; 32])),
        files: 5,
        bytes: u64::MAX,
        error: Some(JobError { cause: Cause::Full, message: "no room".into() }),
        ..Outcome::default()
    };
    locked.end(JobStatus::Failed, outcome, time(8)).unwrap();
    writer.save_job(&locked).await.unwrap();
    writer.commit().await.unwrap();
    let mut reader = scene.db.read().await.unwrap();
    assert_eq!(reader.job(first.uid).await.unwrap(), locked);
    assert_eq!(reader.jobs_after(first.uid).await.unwrap(), [job.uid]);
    assert_eq!(reader.job(scene.job_uid()).await.unwrap_err().kind(), DbErrorKind::NotFound);
}

pub(crate) async fn the_queue_holds_what_can_go_on_and_hides_no_tenant(scene: &Scene) {
    let mut jobs: Vec<Job> = (0..6).map(|_| scene.job(JobKind::Backup)).collect();
    let other = TenantUid::new(Timestamp::from(time(200)), [2; 10]);
    jobs[4].tenant = other;
    jobs[2].priority = 5;
    jobs[3].begin("one", time(6), time(36)).unwrap();
    jobs[5].cancel(time(6)).unwrap();
    let client = ClientUid::new(Timestamp::from(time(200)), [3; 10]);
    let policy = PolicyUid::new(Timestamp::from(time(200)), [4; 10]);
    for job in &mut jobs[2..4] {
        (job.client, job.policy) = (Some(client), Some(policy));
    }
    let blocked = scene.job(JobKind::Forget).after(jobs[0].uid);
    jobs.push(blocked);
    scene.add_jobs(&jobs).await;
    let mut reader = scene.db.read().await.unwrap();
    let mut uids = async |per_tenant| -> Vec<JobUid> {
        reader.queue(per_tenant).await.unwrap().into_iter().map(|job| job.uid).collect()
    };
    assert_eq!(uids(10).await, [2, 0, 1, 3, 4].map(|nth: usize| jobs[nth].uid));
    assert_eq!(uids(1).await, [2, 3, 4].map(|nth: usize| jobs[nth].uid), "what runs is always there");
    assert_eq!(reader.running_backups().await.unwrap(), [(client, policy)].into());
    let first = reader.queue(1).await.unwrap().remove(0);
    assert_eq!((first.priority, first.status, first.not_before), (5, JobStatus::Queued, jobs[2].not_before));
}

pub(crate) async fn a_lease_that_ran_out_shows_an_abandoned_job(scene: &Scene) {
    let mut jobs: Vec<Job> = (0..3).map(|_| scene.job(JobKind::Backup)).collect();
    jobs[0].begin("one", time(6), time(36)).unwrap();
    jobs[1].begin("two", time(6), time(36)).unwrap();
    jobs[1].cancel_requested = true;
    scene.add_jobs(&jobs).await;
    let mut writer = scene.db.write().await.unwrap();
    assert_eq!(writer.abandoned_jobs(time(36)).await.unwrap(), []);
    assert_eq!(writer.abandoned_jobs(time(37)).await.unwrap(), [jobs[0].uid, jobs[1].uid]);
    let all: Vec<JobUid> = jobs.iter().map(|job| job.uid).collect();
    assert_eq!(writer.renew_leases("two", &[], time(66)).await.unwrap(), [], "what is not named runs out");
    assert_eq!(writer.renew_leases("two", &all, time(66)).await.unwrap(), [(jobs[1].uid, true)]);
    assert_eq!(writer.renew_leases("three", &all, time(66)).await.unwrap(), []);
    assert_eq!(writer.abandoned_jobs(time(37)).await.unwrap(), [jobs[0].uid]);
    writer.commit().await.unwrap();
}

pub(crate) async fn jobs_are_listed_by_what_they_are_and_where_they_stand(scene: &Scene) {
    let (client, policy) = (scene.client_uid(), scene.policy_uid());
    let mut jobs: Vec<Job> =
        (0..5).map(|_| scene.job(JobKind::Backup).for_policy(Some(policy), Some(client), None)).collect();
    let at_work = jobs[0].uid;
    jobs[1].skip(Waiting::Overlap { job: at_work }, time(7)).unwrap();
    jobs[4].kind = JobKind::Check;
    jobs[4].client = None;
    scene.add_jobs(&jobs).await;
    let mut reader = scene.db.read().await.unwrap();
    let mut list = async |filter: JobFilter, mut page: JobPage| -> Vec<JobUid> {
        let mut uids = Vec::new();
        loop {
            let part = reader.jobs(&filter, &page).await.unwrap();
            let Some(last) = part.last() else { return uids };
            page.after = Some(last.uid);
            uids.extend(part.iter().map(|job| job.uid));
        }
    };
    let uids = |nth: &[usize]| nth.iter().map(|nth| jobs[*nth].uid).collect::<Vec<_>>();
    let all = JobFilter::default();
    assert_eq!(list(all.clone(), JobPage::newest(2)).await, uids(&[4, 3, 2, 1, 0]));
    let oldest = JobPage { oldest_first: true, ..JobPage::newest(3) };
    assert_eq!(list(all.clone(), oldest).await, uids(&[0, 1, 2, 3, 4]));
    let of_client = JobFilter { client: Some(client), ..all.clone() };
    assert_eq!(list(of_client, JobPage::newest(9)).await, uids(&[3, 2, 1, 0]));
    let skipped = JobFilter { statuses: vec![JobStatus::Skipped, JobStatus::Lost], ..all.clone() };
    assert_eq!(list(skipped, JobPage::newest(9)).await, uids(&[1]));
    let checks = JobFilter { kinds: vec![JobKind::Check], policy: Some(policy), ..all.clone() };
    assert_eq!(list(checks, JobPage::newest(9)).await, uids(&[4]));
    let of_run = JobFilter { run: Some(jobs[2].run), ..all.clone() };
    assert_eq!(list(of_run, JobPage::newest(9)).await, uids(&[2]));
    let later = JobFilter { since: Some(time(6)), ..all };
    assert!(list(later, JobPage::newest(9)).await.is_empty());
}

pub(crate) async fn two_that_lock_the_same_job_take_turns(scene: &Scene) {
    let job = scene.job(JobKind::Backup);
    scene.add_jobs(std::slice::from_ref(&job)).await;
    let begin = async |worker: &'static str| {
        let mut writer = scene.db.write().await.unwrap();
        writer.lock_queue().await.unwrap();
        let mut job = writer.lock_job(job.uid).await.unwrap();
        // Whoever is second sees what the first has done.
        let begun = job.begin(worker, time(6), time(36)).is_ok();
        writer.save_job(&job).await.unwrap();
        writer.commit().await.unwrap();
        begun
    };
    let (one, two) = tokio::join!(begin("one"), begin("two"));
    assert!(one != two, "one of them, and not both");
}

pub(crate) async fn old_jobs_are_forgotten_with_their_logs(scene: &Scene) {
    let mut jobs: Vec<Job> = (0..4).map(|_| scene.job(JobKind::Backup)).collect();
    for (job, at) in jobs.iter_mut().zip([10, 20, 30]) {
        job.cancel(time(at)).unwrap();
    }
    scene.add_jobs(&jobs).await;
    let line = LogLine { at: time(9), level: Level::Info, text: "begins".into() };
    let mut writer = scene.db.write().await.unwrap();
    writer.add_log(jobs[0].uid, 1, std::slice::from_ref(&line)).await.unwrap();
    assert_eq!(writer.forget_jobs(time(30), 1).await.unwrap(), 1);
    assert!(writer.job(jobs[0].uid).await.is_err(), "the oldest first");
    assert_eq!(writer.log(jobs[0].uid, 0, 10).await.unwrap(), []);
    assert_eq!(writer.forget_jobs(time(30), 10).await.unwrap(), 1);
    assert_eq!(writer.forget_jobs(time(1000), 10).await.unwrap(), 1, "what is not finished stays");
    writer.commit().await.unwrap();
}

pub(crate) async fn log_lines_are_kept_once_and_in_order(scene: &Scene) {
    let job = scene.job(JobKind::Backup);
    scene.add_jobs(std::slice::from_ref(&job)).await;
    let line = |number: i64| LogLine { at: time(number), level: Level::Warning, text: format!("line {number}\u{0}") };
    let lines: Vec<LogLine> = (1..=2500).map(line).collect();
    let mut writer = scene.db.write().await.unwrap();
    assert_eq!(writer.last_log_line(job.uid).await.unwrap(), 0);
    writer.add_log(job.uid, 1, &lines).await.unwrap();
    writer.add_log(job.uid, 2400, &lines[..200]).await.unwrap();
    writer.commit().await.unwrap();
    let mut reader = scene.db.read().await.unwrap();
    assert_eq!(reader.last_log_line(job.uid).await.unwrap(), 2599);
    let part = reader.log(job.uid, 2399, 3).await.unwrap();
    let shown: Vec<_> = part.iter().map(|(number, line)| (*number, line.text.as_str())).collect();
    assert_eq!(shown, [(2399, "line 2399\u{fffd}"), (2400, "line 2400\u{fffd}"), (2401, "line 2401\u{fffd}")]);
    assert_eq!(reader.log(job.uid, 2501, 1).await.unwrap()[0].1.text, "line 102\u{fffd}");
}
