//! A server with one client behind a real sshd, a repository and a policy for it.

use std::path::Path;
use std::sync::Arc;

use holdfast_control::work::Workplace;
use holdfast_control::work::secrets::Secrets;
use holdfast_control::{Control, Worker, WorkerOptions};
use holdfast_db::{Database, JobFilter, JobPage, Options};
use holdfast_model::client::{Client, ClientSpec};
use holdfast_model::job::{Job, JobKind, JobStatus, Launch};
use holdfast_model::object::Spec;
use holdfast_model::policy::PolicySpec;
use holdfast_model::repository::RepositorySpec;
use holdfast_model::tenant::TenantSpec;
use holdfast_model::{ClientUid, Clock, PolicyUid, TenantUid, Timestamp};
use holdfast_pull::Agents;
use holdfast_repo::{InitOptions, OpenOptions, Repository};
use holdfast_store::{LocalStore, Store};
use holdfast_testkit::{FakeClock, Sshd, TempDir, Tree, agents_dir, holdfast_program, temp_dir};
use serde_json::{Value, json};

/// A server with one client behind a real sshd, a repository and a policy for it.
pub(crate) struct Scene {
    pub(crate) dir: TempDir,
    pub(crate) sshd: Sshd,
    pub(crate) db: Database,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) control: Control,
    pub(crate) worker: Arc<Worker>,
    pub(crate) source: Tree,
    pub(crate) client: Client,
    pub(crate) policy: PolicyUid,
}

impl Scene {
    pub(crate) async fn new(policy: Value) -> Option<Self> {
        let sshd = Sshd::start()?;
        let dir = temp_dir();
        let source = Tree::create(dir.path().join("source"));
        source.file("etc/hosts", "127.0.0.1 localhost\n");
        source.file("www/index.html", "hello".repeat(100));
        std::fs::write(dir.path().join("password"), "secret\n").unwrap();
        let store: Arc<dyn Store> = Arc::new(LocalStore::new(dir.path().join("repository")));
        Repository::init(store, b"secret", InitOptions::default(), OpenOptions::default()).unwrap();
        let address = format!("sqlite:{}", dir.path().join("holdfast.db").display());
        let db = Database::open(&Options { address, connections: 4 }).await.unwrap();
        let clock = Arc::new(FakeClock::at_seconds(1_800_000_000));
        let control = Control::new(db.clone(), clock.clone());
        let worker = worker(&control, "one", dir.path());
        let (client, policy) = furnish(&db, &clock, &sshd, dir.path(), policy).await;
        Some(Self { dir, sshd, db, clock, control, worker, source, client, policy })
    }

    /// Runs the policy, and all that comes of it, to its end.
    pub(crate) async fn run(&self) -> Vec<Job> {
        let jobs = self.control.launch_policy(self.policy, None, Launch::Manual, "ann").await.unwrap();
        work_off(&self.worker).await;
        let mut reader = self.db.read().await.unwrap();
        let filter = JobFilter { run: Some(jobs[0].run), ..JobFilter::default() };
        reader.jobs(&filter, &JobPage { oldest_first: true, ..JobPage::newest(100) }).await.unwrap()
    }

    pub(crate) async fn client(&self) -> Client {
        self.db.read().await.unwrap().object::<ClientSpec>(self.client.uid).await.unwrap()
    }

    /// Believes the key that the client has shown.
    pub(crate) async fn accept_host_key(&self) {
        let mut client = self.client().await;
        client.status.host_keys.accept();
        let mut writer = self.db.write().await.unwrap();
        writer.set_status::<ClientSpec>(client.uid, &client.status).await.unwrap();
        writer.commit().await.unwrap();
    }

    pub(crate) fn repository(&self) -> Repository {
        let store: Arc<dyn Store> = Arc::new(LocalStore::new(self.dir.path().join("repository")));
        Repository::open(store, b"secret", OpenOptions::default()).unwrap()
    }

    pub(crate) async fn job(&self, job: &Job) -> Job {
        self.db.read().await.unwrap().job(job.uid).await.unwrap()
    }

    pub(crate) async fn log(&self, job: &Job) -> Vec<String> {
        let log = self.db.read().await.unwrap().log(job.uid, 1, 10_000).await.unwrap();
        log.into_iter().map(|(_, line)| line.text).collect()
    }
}

pub(crate) fn worker(control: &Control, name: &str, dir: &Path) -> Arc<Worker> {
    worker_with(control, name, dir, 16 << 30)
}

/// A worker whose maintenance may take so much memory.
pub(crate) fn worker_with(control: &Control, name: &str, dir: &Path, maintenance_memory: u64) -> Arc<Worker> {
    let options = WorkerOptions {
        name: name.into(),
        places: 4,
        place: Workplace {
            state: dir.join("state"),
            restores: dir.join("restores"),
            identity: None,
            agents: Agents::load(&agents_dir()).unwrap(),
            program: holdfast_program(),
            hooks: dir.join("hooks"),
            public_url: "http://127.0.0.1:8420".into(),
            maintenance_memory,
        },
        secrets: Arc::new(Secrets::open(&dir.join("server"), |_| None).unwrap()),
    };
    Worker::new(control.clone(), options)
}

/// Lets a worker work until there is nothing to do.
pub(crate) async fn work_off(worker: &Arc<Worker>) {
    while worker.step().await.unwrap() > 0 || worker.at_work() > 0 {
        worker.job_ended().await;
    }
}

async fn furnish(db: &Database, clock: &FakeClock, sshd: &Sshd, dir: &Path, policy: Value) -> (Client, PolicyUid) {
    let now = clock.now();
    let mut writer = db.write().await.unwrap();
    let tenant = TenantUid::new(now, [1; 10]);
    writer.create(tenant, tenant, TenantSpec::new("default".parse().unwrap()), now.to_time()).await.unwrap();
    macro_rules! create {
        ($spec:ty, $json:expr) => {{
            let made: $spec = serde_json::from_value($json).unwrap();
            writer.create(<$spec as Spec>::Uid::new(now, [2; 10]), tenant, made, now.to_time()).await.unwrap()
        }};
    }
    let repository = dir.join("repository");
    let password = format!("file:{}", dir.join("password").display());
    create!(RepositorySpec, json!({"name": "main", "uri": repository, "password": password}));
    let later = Timestamp { seconds: now.seconds + 1, ..now };
    let client = ClientUid::new(later, [3; 10]);
    let client = writer.create(client, tenant, client_behind(sshd, "web1"), now.to_time()).await.unwrap();
    let mut spec = json!({"name": "web", "work": {"type": "folders", "paths": [dir.join("source")]},
        "repository": "main", "clients": ["web1"], "retries": {"count": 0}});
    spec.as_object_mut().unwrap().extend(policy.as_object().unwrap().clone());
    let made: PolicySpec = serde_json::from_value(spec).unwrap();
    let policy = writer.create(PolicyUid::new(later, [4; 10]), tenant, made, now.to_time()).await.unwrap().uid;
    writer.set_setting("catalog", Some(&json!(false))).await.unwrap();
    writer.commit().await.unwrap();
    (client, policy)
}

/// A client as it is enrolled.
pub(crate) fn client_behind(sshd: &Sshd, name: &str) -> ClientSpec {
    let connection = json!({"address": "127.0.0.1", "port": sshd.port(), "user": sshd.user(),
        "identity_file": sshd.client_key()});
    serde_json::from_value(json!({"hostname": name, "connection": connection})).unwrap()
}

/// What became of jobs.
pub(crate) fn shown(jobs: &[Job]) -> Vec<(JobKind, JobStatus)> {
    jobs.iter().map(|job| (job.kind, job.status)).collect()
}
