//! A server on a port of its own, whose time stands still and whose jobs the test carries out, and the program to talk to it.

use std::ffi::OsStr;
use std::future::Future;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Instant;

use holdfast_control::Control;
use holdfast_control::work::secrets::Secrets;
use holdfast_db::{Database, JobFilter, JobPage, Level, LogLine, Options, Writer};
use holdfast_model::job::{Job, JobStatus, Outcome};
use holdfast_model::{Clock, Time, Timestamp};
use holdfast_server::{Failures, Server, SystemRandom, ensure_default_tenant, router, serve};
use holdfast_testkit::process::must_happen;
use holdfast_testkit::{TempDir, temp_dir};
use serde_json::Value;
use tokio::runtime::Runtime;

pub(crate) struct Scene {
    runtime: Runtime,
    database: Database,
    address: String,
    dir: TempDir,
}

/// Shows one time for ever: 2026-11-24T12:00:00Z.
struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp { seconds: 1_795_521_600, nanoseconds: 0 }
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }
}

/// So many seconds after the time that the clock shows.
pub(crate) fn time(second: i64) -> Time {
    Time::from_second(1_795_521_600 + second).unwrap()
}

/// What goes wrong in the server fails the test that sees it.
struct Loud;

impl Failures for Loud {
    fn note(&self, request_id: &str, what: &str) {
        panic!("{request_id}: {what}");
    }
}

impl Scene {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let dir = temp_dir();
        let (database, address) = runtime.block_on(async {
            let address = format!("sqlite:{}", dir.path().join("holdfast.db").display());
            let database = Database::open(&Options { address, connections: 4 }).await.unwrap();
            let control = Control::new(database.clone(), Arc::new(StandingClock));
            let secrets = Arc::new(Secrets::open(&dir.path().join("server"), |_| None).unwrap());
            let server = Server::new(control, secrets, SystemRandom, Loud);
            ensure_default_tenant(&server).await.unwrap();
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = format!("http://{}", listener.local_addr().unwrap());
            tokio::spawn(serve(listener, router(server), std::future::pending()));
            (database, address)
        });
        Self { runtime, database, address, dir }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).into_os_string().into_string().unwrap()
    }

    /// The program, without anything of this machine's.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("HOLDFAST_") || name.starts_with("RESTIC_") {
                command.env_remove(name);
            }
        }
        command.env_remove("VISUAL").env_remove("EDITOR").stdin(Stdio::null());
        command.current_dir(self.dir.path()).env("HOLDFAST_STATE", self.path("state")).env("TZ", "UTC");
        command.env("XDG_CONFIG_HOME", self.path("config")).env("HOLDFAST_SERVER", &self.address);
        command
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// Runs it, demands success and gives what it printed.
    pub(crate) fn ok<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        printed(0, &self.run(arguments))
    }

    /// The same of arguments that have no blanks in them.
    pub(crate) fn say(&self, line: &str) -> String {
        self.ok(line.split_whitespace())
    }

    /// Runs it with `--json` and reads each line.
    pub(crate) fn json(&self, line: &str) -> Vec<Value> {
        lines(&self.say(&format!("{line} --json")))
    }

    /// Demands that it fails with one sentence, which it gives.
    pub(crate) fn fails(&self, line: &str) -> String {
        sentence(1, &self.run(line.split_whitespace()))
    }

    /// Starts it beside the test.
    pub(crate) fn start(&self, line: &str) -> Child {
        let mut command = self.command();
        command.args(line.split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Does something in the database.
    pub(crate) fn change<T>(&self, work: impl AsyncFnOnce(&mut Writer) -> T) -> T {
        self.wait(async {
            let mut writer = self.database.write().await.unwrap();
            let done = work(&mut writer).await;
            writer.commit().await.unwrap();
            done
        })
    }

    fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// All jobs, the oldest first.
    pub(crate) fn jobs(&self) -> Vec<Job> {
        let page = JobPage { oldest_first: true, ..JobPage::newest(100) };
        self.wait(async {
            let mut reader = self.database.read().await.unwrap();
            reader.jobs(&JobFilter::default(), &page).await.unwrap()
        })
    }

    /// Waits until somebody has asked for a job, and begins with it.
    pub(crate) fn begin_next(&self) -> Job {
        let mut found = None;
        must_happen("a job is asked for", || {
            found = self.jobs().into_iter().find(|job| job.status == JobStatus::Queued);
            found.is_some()
        });
        let mut job = found.unwrap();
        job.begin("worker", time(1), time(60)).unwrap();
        self.change(async |writer| writer.save_job(&job).await.unwrap());
        job
    }

    /// Writes into the log of a job.
    pub(crate) fn log(&self, job: &Job, first: u64, lines: &[(Level, &str)]) {
        let line = |(level, text): &(Level, &str)| LogLine { at: time(2), level: *level, text: (*text).to_owned() };
        let lines: Vec<_> = lines.iter().map(line).collect();
        self.change(async |writer| writer.add_log(job.uid, first, &lines).await.unwrap());
    }

    /// Says how far a job is, as whoever works on it does.
    pub(crate) fn tell_progress(&self, job: &Job, progress: &Value) {
        let words =
            serde_json::json!({"topic": "progress", "tenant": job.tenant, "job": job.uid, "progress": progress});
        self.wait(async { self.database.say(words.to_string()).await.unwrap() });
    }

    /// Ends a job, 12 seconds after it began.
    pub(crate) fn end(&self, job: Job, status: JobStatus, outcome: Outcome) {
        let mut job = job;
        job.end(status, outcome, time(13)).unwrap();
        self.change(async |writer| writer.save_job(&job).await.unwrap());
    }
}

/// What it printed, if it ended like this.
pub(crate) fn printed(code: i32, output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    out.into_owned()
}

/// JSON documents, one a line.
pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// The one sentence of a run that failed with this code.
pub(crate) fn sentence(code: i32, output: &Output) -> String {
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    err.trim().strip_prefix("holdfast: ").unwrap_or_else(|| panic!("{err}")).to_owned()
}
