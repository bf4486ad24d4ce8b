//! A server of its own for one test: the program, a data folder, a clock, hosts.

use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use holdfast_testkit::process::{Signal, kill_tree, must_happen, signal, wait_until};
use holdfast_testkit::{Postgres, Restic, Sshd, TempDir, Tree, agents_dir, temp_dir};
use serde_json::{Value, json};

/// Which database the server has.
pub(crate) enum Databases {
    Sqlite,
    Postgres(Box<Postgres>),
}

impl Databases {
    /// A PostgreSQL of this test; none, where none can be started.
    pub(crate) fn postgres() -> Option<Self> {
        Postgres::start().map(|server| Self::Postgres(Box::new(server)))
    }

    /// Whether workers of their own can work for the server.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    fn address(&self, dir: &Path) -> String {
        match self {
            Self::Sqlite => format!("sqlite:{}", dir.join("holdfast.db").display()),
            Self::Postgres(server) => server.new_database("server"),
        }
    }
}

/// A server, running or not.
pub(crate) struct Scene {
    pub(crate) dir: TempDir,
    database: String,
    child: RefCell<Option<Child>>,
    url: RefCell<String>,
    /// Seconds that its clock is ahead.
    ahead: Cell<u64>,
    /// Jobs that it does at the same time.
    jobs: u32,
}

impl Scene {
    /// A server that runs, with a repository `main` in it. Its clock shows a morning: the first minute of an hour far ahead.
    pub(crate) fn new(databases: &Databases) -> Self {
        Self::with_jobs(databases, 6)
    }

    /// The same, with so many jobs at the same time.
    pub(crate) fn with_jobs(databases: &Databases, jobs: u32) -> Self {
        let dir = temp_dir();
        // Hosts whose users are others read what is backed up in it.
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let database = databases.address(dir.path());
        let (child, url) = (RefCell::default(), RefCell::default());
        let scene = Self { dir, database, child, url, ahead: Cell::new(0), jobs };
        scene.put_forward_to("05:00");
        scene.start();
        scene.send("PUT", "/api/v1/secrets/main", json!({"secret": "correct horse"}));
        let spec = json!({"name": "main", "uri": scene.path("repository"), "password": "sealed:main"});
        let repository = scene.make("repositories", spec);
        scene.job_of(scene.send("POST", &format!("{repository}/prepare"), json!({"create": true})), "succeeded");
        scene
    }

    /// A directory with a file in it, for who needs something to back up; gives its path.
    pub(crate) fn source(&self) -> String {
        Tree::create(self.dir.path().join("source")).file("file", "content");
        self.path("source")
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// Starts the program; it must not be running.
    pub(crate) fn start(&self) {
        let mut command = self.command("serve", "data", self.jobs);
        command.args(["--json", "--listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|_| {
            let mut errors = String::new();
            child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
            panic!("the server does not start: {line}{errors}")
        });
        *self.url.borrow_mut() = said["url"].as_str().unwrap().to_owned();
        *self.child.borrow_mut() = Some(child);
    }

    /// The program with a data folder, the database and the clock of this scene.
    pub(crate) fn command(&self, verb: &str, data: &str, jobs: u32) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
        command.args([verb, "--jobs", &jobs.to_string(), "--data"]).arg(self.path(data));
        command.env("HOLDFAST_DATABASE", &self.database).env("HOLDFAST_TEST_CLOCK", self.path("clock"));
        command.env("HOLDFAST_AGENTS", agents_dir()).env("HOLDFAST_CONFIG", self.path("server.toml"));
        std::fs::write(self.path("server.toml"), "").unwrap();
        command
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.borrow().as_ref().unwrap().id()
    }

    /// Interrupts it, and waits until it has ended.
    pub(crate) fn stop(&self) {
        signal(self.pid(), Signal::INT);
        let mut child = self.child.take().unwrap();
        assert!(wait_until(Duration::from_secs(60), || child.try_wait().unwrap().is_some()), "it does not end");
        assert!(child.wait().unwrap().success());
    }

    /// Kills it, and what it has started too if that is wanted.
    pub(crate) fn kill(&self, with_all: bool) {
        kill(self.child.take().unwrap(), with_all);
    }

    /// Puts the clock forward to the next time of day, in UTC.
    pub(crate) fn put_forward_to(&self, time: &str) {
        let now = jiff::Timestamp::now().as_second() as u64 + self.ahead.get();
        let (hours, minutes) = time.split_once(':').unwrap();
        let of_day = hours.parse::<u64>().unwrap() * 3600 + minutes.parse::<u64>().unwrap() * 60;
        let ahead = (of_day + 86_400 - now % 86_400) % 86_400;
        self.put_forward(ahead);
    }

    /// The hour that its clock shows, in UTC.
    pub(crate) fn hour(&self) -> String {
        let now = jiff::Timestamp::now().as_second() + self.ahead.get() as i64;
        jiff::Timestamp::from_second(now - now.rem_euclid(3600)).unwrap().to_string()
    }

    pub(crate) fn put_forward(&self, seconds: u64) {
        self.ahead.set(self.ahead.get() + seconds);
        let (unfinished, file) = (self.path("clock.new"), self.path("clock"));
        std::fs::write(&unfinished, self.ahead.get().to_string()).unwrap();
        std::fs::rename(unfinished, file).unwrap();
    }

    /// Asks for something, and gives back what is answered; anything but success is a failure of the test.
    pub(crate) fn send(&self, method: &str, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.url.borrow());
        let request = ureq::http::Request::builder().method(method).uri(&url).header("if-match", "*");
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut answer = match body {
            Value::Null => agent.run(request.body(()).unwrap()).unwrap(),
            body => {
                let request = request.header("content-type", "application/json").body(body.to_string()).unwrap();
                agent.run(request).unwrap()
            }
        };
        let (status, text) = (answer.status(), answer.body_mut().read_to_string().unwrap());
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Runs a verb that talks to the server, demands success, and gives what it printed.
    pub(crate) fn say(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
        command.args(arguments).env("HOLDFAST_SERVER", self.url(""));
        for name in ["HOLDFAST_REPOSITORY", "RESTIC_REPOSITORY", "HOLDFAST_REPOSITORY_FILE", "RESTIC_REPOSITORY_FILE"] {
            command.env_remove(name);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url.borrow())
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        self.send("GET", path, Value::Null)
    }

    /// What is answered, byte by byte.
    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        ureq::get(self.url(path)).call().unwrap().body_mut().read_to_vec().unwrap()
    }

    /// Makes an object of the default tenant, and gives back its address.
    pub(crate) fn make(&self, kind: &str, spec: Value) -> String {
        let made = self.send("POST", &format!("/api/v1/{kind}"), json!({"spec": spec}));
        format!("/api/v1/{kind}/{}", made["id"].as_str().unwrap())
    }

    /// The same of another tenant.
    pub(crate) fn make_for(&self, tenant: &str, kind: &str, spec: Value) -> String {
        let tenant = tenant.rsplit('/').next().unwrap();
        let made = self.send("POST", &format!("/api/v1/{kind}"), json!({"tenant": tenant, "spec": spec}));
        format!("/api/v1/{kind}/{}", made["id"].as_str().unwrap())
    }

    /// Enrols a host, believes its key and prepares it.
    pub(crate) fn enrol(&self, sshd: &Sshd, hostname: &str) -> String {
        let client = self.make("clients", client(sshd, hostname));
        self.believe(&client);
        client
    }

    /// Believes the key that a client shows, and prepares it.
    pub(crate) fn believe(&self, client: &str) {
        self.job_of(self.send("POST", &format!("{client}/prepare"), json!({})), "failed");
        let offered = self.get(client)["status"]["host_keys"]["offered"].clone();
        assert!(!offered.as_array().unwrap().is_empty());
        self.send("POST", &format!("{client}/accept-host-keys"), json!({"keys": offered}));
        self.job_of(self.send("POST", &format!("{client}/prepare"), json!({})), "succeeded");
    }

    /// The jobs of a kind, the oldest first.
    pub(crate) fn jobs(&self, kind: &str) -> Vec<Value> {
        let mut jobs = self.get(&format!("/api/v1/jobs?kind={kind}&limit=500"))["items"].as_array().unwrap().clone();
        jobs.reverse();
        jobs
    }

    /// What became of the jobs of a kind, the oldest first.
    pub(crate) fn statuses(&self, kind: &str) -> Vec<String> {
        self.jobs(kind).iter().map(|job| job["status"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until the jobs of a kind have come to this.
    pub(crate) fn comes_to(&self, kind: &str, statuses: &[&str]) {
        let what = format!("the {kind} jobs are {statuses:?}");
        if !wait_until(Duration::from_secs(60), || self.statuses(kind) == statuses) {
            panic!("{what}: {:#}", json!(self.jobs(kind)));
        }
    }

    /// Waits for the end of a job, which must be this.
    pub(crate) fn job_of(&self, job: Value, status: &str) -> Value {
        let path = format!("/api/v1/jobs/{}", job["id"].as_str().unwrap());
        must_happen("the job ends", || !self.get(&path)["finished"].is_null());
        let ended = self.get(&path);
        assert_eq!(ended["status"], status, "{ended:#}");
        ended
    }

    /// Waits until nothing is left to do.
    pub(crate) fn comes_to_rest(&self) {
        must_happen("all jobs end", || self.is_at_rest());
    }

    /// Whether nothing is left to do.
    pub(crate) fn is_at_rest(&self) -> bool {
        let open = self.get("/api/v1/jobs?status=queued&status=blocked&status=running&limit=1");
        open["items"].as_array().unwrap().is_empty()
    }

    /// A file that holds up whoever backs up as long as it is there.
    pub(crate) fn gate(&self) -> Gate {
        Gate(self.dir.path().join("gate"))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
            if std::thread::panicking() {
                let mut errors = String::new();
                let _ = child.stderr.take().map(|mut stderr| stderr.read_to_string(&mut errors));
                println!("the server said: {errors}");
            }
        }
    }
}

/// Kills a process, and what it has started too if that is wanted.
pub(crate) fn kill(mut child: Child, with_all: bool) {
    if with_all {
        kill_tree(child.id());
    } else {
        signal(child.id(), Signal::KILL);
    }
    child.wait().unwrap();
}

/// Holds up a hook as long as it is closed.
pub(crate) struct Gate(PathBuf);

impl Gate {
    pub(crate) fn close(&self) {
        std::fs::write(&self.0, "").unwrap();
    }

    pub(crate) fn open(&self) {
        std::fs::remove_file(&self.0).unwrap();
    }

    /// A hook that waits until it is open.
    pub(crate) fn hook(&self) -> Value {
        json!({"command": ["sh", "-c", format!("while [ -e '{}' ]; do sleep 0.05; done", self.0.display())]})
    }
}

/// Three hosts: each with a port and keys of its own and, where the machine lets the test, a user of its own.
pub(crate) fn hosts() -> Option<[Sshd; 3]> {
    let of = |name, id| Sshd::builder().user(name, id).start().or_else(Sshd::start);
    Some([Sshd::start()?, of("web", 61_735)?, of("files", 61_736)?])
}

/// A client as it is enrolled.
pub(crate) fn client(sshd: &Sshd, hostname: &str) -> Value {
    json!({"hostname": hostname, "connection": {"address": "127.0.0.1", "port": sshd.port(), "user": sshd.user(),
        "identity_file": sshd.client_key()}})
}

/// How many snapshots restic finds.
pub(crate) fn snapshots(restic: &Restic) -> usize {
    let list: Vec<Value> = serde_json::from_str(&restic.ok(["snapshots", "--json"])).unwrap();
    list.len()
}
