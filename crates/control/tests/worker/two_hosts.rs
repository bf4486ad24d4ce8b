//! The scene with a second host: whose client is of the same tenant, and which a client of another tenant lies behind too.

use std::ops::Deref;
use std::path::PathBuf;

use holdfast_control::{Asker, RestoreAsked, RestoreRefused, RestoreSource};
use holdfast_model::client::{Client, ClientSpec};
use holdfast_model::job::restore::{Manner, RestoreTally, RestoreTarget, Select};
use holdfast_model::job::{Job, JobKind, JobStatus, Launch, NewJob};
use holdfast_model::repository::RepositorySpec;
use holdfast_model::tenant::TenantSpec;
use holdfast_model::{ClientUid, Clock, JobUid, RepositoryUid, RunUid, SnapshotId, TenantUid};
use holdfast_testkit::Sshd;
use serde_json::{Value, json};

use super::scene::{Scene, client_behind, work_off};

/// The first host is backed up by the policy. The keys of both are believed.
pub(crate) struct TwoHosts {
    scene: Scene,
    pub(crate) repository: RepositoryUid,
    pub(crate) web1: ClientUid,
    pub(crate) web2: ClientUid,
    pub(crate) foreigner: ClientUid,
    _second: Sshd,
}

impl Deref for TwoHosts {
    type Target = Scene;

    fn deref(&self) -> &Scene {
        &self.scene
    }
}

impl TwoHosts {
    pub(crate) async fn new() -> Option<Self> {
        let (scene, second) = (Scene::new(json!({})).await?, Sshd::start()?);
        scene.source.file("etc/motd", "welcome\n");
        let now = scene.clock.now();
        let mut writer = scene.db.write().await.unwrap();
        let repositories = writer.all_objects::<RepositorySpec>(&Default::default()).await.unwrap().objects;
        let (repository, ours) = (repositories[0].uid, repositories[0].tenant);
        let theirs = TenantUid::new(now, [11; 10]);
        let another = TenantSpec::new("another".parse().unwrap());
        writer.create(theirs, theirs, another, now.to_time()).await.unwrap();
        let (web2, foreigner) = (ClientUid::new(now, [12; 10]), ClientUid::new(now, [13; 10]));
        writer.create(web2, ours, client_behind(&second, "web2"), now.to_time()).await.unwrap();
        writer.create(foreigner, theirs, client_behind(&second, "db1"), now.to_time()).await.unwrap();
        let web1 = scene.client.uid;
        for (client, sshd) in [(web1, &scene.sshd), (web2, &second), (foreigner, &second)] {
            let known = std::fs::read_to_string(sshd.known_hosts()).unwrap();
            let key = known.lines().next().unwrap().split_once(' ').unwrap().1;
            let mut status = writer.object::<ClientSpec>(client).await.unwrap().status;
            status.host_keys.accepted = vec![key.parse().unwrap()];
            writer.set_status::<ClientSpec>(client, &status).await.unwrap();
        }
        writer.commit().await.unwrap();
        Some(Self { scene, repository, web1, web2, foreigner, _second: second })
    }

    /// Backs the first host up.
    pub(crate) async fn back_up(&self) -> SnapshotId {
        let jobs = self.run().await;
        let backup = jobs.iter().find(|job| job.kind == JobKind::Backup).unwrap();
        assert_eq!(backup.status, JobStatus::Succeeded, "{:?} {:?}", backup.outcome, self.log(backup).await);
        backup.outcome.snapshot.unwrap()
    }

    /// Lets the worker work until there is nothing to do.
    pub(crate) async fn work_off(&self) {
        work_off(&self.worker).await;
    }

    pub(crate) async fn ask(&self, asked: RestoreAsked) -> Result<Job, RestoreRefused> {
        self.control.launch_restore(asked, Asker { launch: Launch::Api, name: "ann" }).await
    }

    /// Has a restore done, and gives back the job when it has ended.
    pub(crate) async fn done(&self, asked: RestoreAsked) -> Job {
        let job = self.ask(asked).await.unwrap();
        self.work_off().await;
        self.job(&job).await
    }

    /// Has the repository verified.
    pub(crate) async fn verify(&self, number: u8, parameters: Value) -> Job {
        let repository = self.db.read().await.unwrap().object::<RepositorySpec>(self.repository).await.unwrap();
        let new = NewJob {
            uid: JobUid::new(self.clock.now(), [number; 10]),
            tenant: repository.tenant,
            kind: JobKind::Verify,
            run: RunUid::new(self.clock.now(), [number; 10]),
            launch: Launch::Manual,
            launched_by: "ann".into(),
            now: self.clock.now().to_time(),
        };
        let mut job = new.queued().for_policy(None, None, Some(self.repository));
        job.parameters = parameters;
        let mut writer = self.db.write().await.unwrap();
        writer.add_job(&job).await.unwrap();
        writer.commit().await.unwrap();
        self.work_off().await;
        self.job(&job).await
    }

    pub(crate) async fn client(&self, uid: ClientUid) -> Client {
        self.db.read().await.unwrap().object::<ClientSpec>(uid).await.unwrap()
    }

    /// Of the newest snapshot of the first host, to a directory of a client.
    pub(crate) fn to_client(&self, client: ClientUid, path: impl Into<PathBuf>) -> RestoreAsked {
        let path = path.into().to_str().unwrap().parse().unwrap();
        self.to(RestoreTarget::Client { client, path })
    }

    /// The same, to a directory of the server.
    pub(crate) fn to_directory(&self, path: Option<&str>) -> RestoreAsked {
        self.to(RestoreTarget::Directory { path: path.map(|path| path.parse().unwrap()) })
    }

    fn to(&self, target: RestoreTarget) -> RestoreAsked {
        RestoreAsked {
            source: RestoreSource { client: Some(self.web1), ..RestoreSource::default() },
            select: Select::default(),
            target,
            manner: Manner::default(),
            in_place: false,
            dry_run: false,
            plan: None,
        }
    }

    /// Where the source lies beneath a target.
    pub(crate) fn source_in(&self, target: impl Into<PathBuf>) -> PathBuf {
        target.into().join(self.source.root().strip_prefix("/").unwrap())
    }
}

pub(crate) fn tally(job: &Job) -> RestoreTally {
    job.outcome.restore.unwrap_or_else(|| panic!("{:?}", job.outcome))
}
