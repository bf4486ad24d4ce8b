//! A server with two hosts behind real sshds, of one tenant, and a client of another; a repository, and a policy that backs
//! the first host up.

use std::path::PathBuf;
use std::sync::Arc;

use holdfast_control::work::Workplace;
use holdfast_control::work::secrets::Secrets;
use holdfast_control::{Asker, Control, RestoreAsked, RestoreRefused, RestoreSource, Worker, WorkerOptions};
use holdfast_db::{Database, Options};
use holdfast_model::client::{Client, ClientSpec, ClientStatus};
use holdfast_model::job::restore::{Manner, RestoreTally, RestoreTarget, Select};
use holdfast_model::job::{Job, JobKind, JobStatus, Launch, NewJob};
use holdfast_model::object::Spec;
use holdfast_model::policy::PolicySpec;
use holdfast_model::repository::RepositorySpec;
use holdfast_model::tenant::TenantSpec;
use holdfast_model::{ClientUid, Clock, JobUid, PolicyUid, RepositoryUid, RunUid, SnapshotId, TenantUid, Timestamp};
use holdfast_pull::Agents;
use holdfast_repo::{InitOptions, OpenOptions, Repository};
use holdfast_store::{LocalStore, Store};
use holdfast_testkit::{FakeClock, Sshd, TempDir, Tree, agents_dir, holdfast_program, temp_dir};
use serde_json::{Value, json};

pub(crate) struct Scene {
    pub(crate) dir: TempDir,
    pub(crate) db: Database,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) control: Control,
    pub(crate) worker: Arc<Worker>,
    pub(crate) source: Tree,
    pub(crate) repository: RepositoryUid,
    pub(crate) web1: ClientUid,
    pub(crate) web2: ClientUid,
    pub(crate) foreigner: ClientUid,
    policy: PolicyUid,
    _hosts: [Sshd; 2],
}

impl Scene {
    pub(crate) async fn new() -> Option<Self> {
        let hosts = [Sshd::start()?, Sshd::start()?];
        let dir = temp_dir();
        let source = Tree::create(dir.path().join("source"));
        source.file("etc/hosts", "127.0.0.1 localhost\n").file("etc/motd", "welcome\n");
        source.file("www/index.html", "hello".repeat(100));
        std::fs::write(dir.path().join("password"), "secret\n").unwrap();
        let store: Arc<dyn Store> = Arc::new(LocalStore::new(dir.path().join("repository")));
        Repository::init(store, b"secret", InitOptions::default(), OpenOptions::default()).unwrap();
        let address = format!("sqlite:{}", dir.path().join("holdfast.db").display());
        let db = Database::open(&Options { address, connections: 4 }).await.unwrap();
        let clock = Arc::new(FakeClock::at_seconds(1_800_000_000));
        let control = Control::new(db.clone(), clock.clone());
        let options = WorkerOptions {
            name: "one".into(),
            places: 4,
            place: Workplace {
                state: dir.path().join("state"),
                restores: dir.path().join("restores"),
                identity: None,
                agents: Agents::load(&agents_dir()).unwrap(),
                program: holdfast_program(),
                hooks: dir.path().join("hooks"),
                public_url: "http://127.0.0.1:8420".into(),
            },
            secrets: Arc::new(Secrets::open(&dir.path().join("server"), |_| None).unwrap()),
        };
        let worker = Worker::new(control.clone(), options);
        let mut furniture = Furniture { db: &db, at: clock.now(), count: 0 };
        let ours = furniture.tenant("default").await;
        let theirs = furniture.tenant("another").await;
        let password = format!("file:{}", dir.path().join("password").display());
        let repository: RepositorySpec =
            serde_json::from_value(json!({"name": "main", "uri": dir.path().join("repository"), "password": password}))
                .unwrap();
        let repository = furniture.add(ours, RepositoryUid::new, repository).await;
        let web1 = furniture.client(ours, "web1", &hosts[0]).await;
        let web2 = furniture.client(ours, "web2", &hosts[1]).await;
        let foreigner = furniture.client(theirs, "db1", &hosts[1]).await;
        let policy: PolicySpec = serde_json::from_value(json!({
            "name": "web", "work": {"type": "folders", "paths": [source.root()]}, "repository": "main",
            "clients": ["web1"], "retries": {"count": 0},
        }))
        .unwrap();
        let policy = furniture.add(ours, PolicyUid::new, policy).await;
        let mut writer = db.write().await.unwrap();
        writer.set_setting("catalog", Some(&json!(false))).await.unwrap();
        writer.commit().await.unwrap();
        let _hosts = hosts;
        Some(Self { dir, db, clock, control, worker, source, repository, web1, web2, foreigner, policy, _hosts })
    }

    /// Backs the first host up.
    pub(crate) async fn back_up(&self) -> SnapshotId {
        let jobs = self.control.launch_policy(self.policy, None, Launch::Manual, "ann").await.unwrap();
        self.work_off().await;
        let backup = jobs.iter().find(|job| job.kind == JobKind::Backup).unwrap();
        let backup = self.job(backup).await;
        assert_eq!(backup.status, JobStatus::Succeeded, "{:?} {:?}", backup.outcome, self.log(&backup).await);
        backup.outcome.snapshot.unwrap()
    }

    /// Lets the worker work until there is nothing to do.
    pub(crate) async fn work_off(&self) {
        while self.worker.step().await.unwrap() > 0 || self.worker.at_work() > 0 {
            self.worker.job_ended().await;
        }
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

    pub(crate) async fn job(&self, job: &Job) -> Job {
        self.db.read().await.unwrap().job(job.uid).await.unwrap()
    }

    pub(crate) async fn log(&self, job: &Job) -> Vec<String> {
        let log = self.db.read().await.unwrap().log(job.uid, 1, 10_000).await.unwrap();
        log.into_iter().map(|(_, line)| line.text).collect()
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

/// Makes what a server knows.
struct Furniture<'a> {
    db: &'a Database,
    at: Timestamp,
    count: u8,
}

impl Furniture<'_> {
    async fn tenant(&mut self, name: &str) -> TenantUid {
        self.count += 1;
        let uid = TenantUid::new(self.at, [self.count; 10]);
        let mut writer = self.db.write().await.unwrap();
        writer.create(uid, uid, TenantSpec::new(name.parse().unwrap()), self.at.to_time()).await.unwrap();
        writer.commit().await.unwrap();
        uid
    }

    async fn add<S: Spec>(&mut self, tenant: TenantUid, uid: fn(Timestamp, [u8; 10]) -> S::Uid, spec: S) -> S::Uid {
        self.count += 1;
        let mut writer = self.db.write().await.unwrap();
        let uid = uid(self.at, [self.count; 10]);
        let made = writer.create(uid, tenant, spec, self.at.to_time()).await.unwrap();
        writer.commit().await.unwrap();
        made.uid
    }

    /// A client whose key is believed.
    async fn client(&mut self, tenant: TenantUid, name: &str, sshd: &Sshd) -> ClientUid {
        let connection: Value = json!({"address": "127.0.0.1", "port": sshd.port(), "user": sshd.user(),
            "identity_file": sshd.client_key()});
        let spec: ClientSpec = serde_json::from_value(json!({"hostname": name, "connection": connection})).unwrap();
        let uid = self.add(tenant, ClientUid::new, spec).await;
        let known = std::fs::read_to_string(sshd.known_hosts()).unwrap();
        let key = known.lines().next().unwrap().split_once(' ').unwrap().1;
        let mut status = ClientStatus::default();
        status.host_keys.accepted = vec![key.parse().unwrap()];
        let mut writer = self.db.write().await.unwrap();
        writer.set_status::<ClientSpec>(uid, &status).await.unwrap();
        writer.commit().await.unwrap();
        uid
    }
}
