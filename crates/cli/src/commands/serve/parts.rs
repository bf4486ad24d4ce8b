//! What a server or a worker is made of, and where each part is kept.

use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use holdfast_control::drive::Journal;
use holdfast_control::work::Workplace;
use holdfast_control::work::identity::Identity;
use holdfast_control::work::secrets::Secrets;
use holdfast_control::{Control, DatabaseClock, Worker, WorkerOptions};
use holdfast_db::{Database, Options};
use holdfast_model::{Clock, Monitor};
use holdfast_pull::Agents;
use holdfast_server::{Failures, RandomBytes, SystemRandom};
use rustix::fs::{FlockOperation, flock};

use super::clock;
use crate::Context;
use crate::commands::remote::agent_folders;
use crate::environment;
use crate::server_config::ServerPlace;

/// Connections to the database, beside the one that writes to SQLite.
const CONNECTIONS: u32 = 8;

/// The parts.
pub struct Parts {
    pub control: Control,
    pub secrets: Arc<Secrets>,
    /// The name of this process, which no other has.
    pub name: String,
    /// What clients let in.
    pub public_key: String,
    identity: PathBuf,
    /// What several processes over one database go by.
    shared_clock: Option<Arc<DatabaseClock>>,
    /// Nobody else works in the data folder as long as this is there.
    _lock: File,
}

impl Parts {
    /// Opens them all, and makes what is not there yet.
    pub async fn open(place: &ServerPlace) -> Result<Self> {
        let lock = lock(place)?;
        let identity = Identity::open(&place.data.join("ssh"))?;
        let secrets = Secrets::open(&place.data.join("server"), environment::variable)?;
        let options = Options { address: place.database.clone(), connections: CONNECTIONS };
        let database = Database::open(&options).await?;
        // Of several processes none goes by a clock of its own; but for one that a test moves.
        let own = clock::clock();
        let shared = match database.is_shared() && !clock::is_moved() {
            true => Some(DatabaseClock::over(own.clone(), &database).await?),
            false => None,
        };
        let clock = shared.clone().map_or(own, |clock| clock as Arc<dyn Clock>);
        let [a, b, c, ..] = SystemRandom.ten();
        Ok(Self {
            control: Control::new(database, clock),
            shared_clock: shared,
            secrets: Arc::new(secrets),
            name: format!("{}-{a:02x}{b:02x}{c:02x}", place.name),
            public_key: identity.public,
            identity: identity.file,
            _lock: lock,
        })
    }

    /// Goes by the database's clock until `stop`, where others do.
    pub async fn follow_clock(&self, log: &Log, stop: impl Future<Output = ()>) {
        match &self.shared_clock {
            Some(clock) => clock.follow(self.control.database(), log, stop).await,
            None => stop.await,
        }
    }

    /// A worker of this process.
    pub fn worker(&self, place: &ServerPlace) -> Result<Arc<Worker>> {
        let file = std::env::current_exe().context("cannot find this program's own file")?;
        let options = WorkerOptions {
            name: self.name.clone(),
            places: place.jobs,
            place: Workplace {
                state: place.data.join("state"),
                restores: place.data.join("restores"),
                identity: Some(self.identity.clone()),
                agents: Agents::find(&agent_folders(place.agents.clone(), &file))?,
                // Not by its path: there may be a newer release by then.
                program: PathBuf::from("/proc/self/exe"),
                hooks: place.hooks.clone(),
                public_url: place.public_url.clone(),
                maintenance_memory: place.maintenance_memory,
            },
            secrets: self.secrets.clone(),
        };
        Ok(Worker::new(self.control.clone(), options))
    }
}

/// Two servers that worked in one folder would not know of each other's sessions.
fn lock(place: &ServerPlace) -> Result<File> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    let data = &place.data;
    let cannot = || format!("cannot keep anything in {}: say --data", data.display());
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data).with_context(cannot)?;
    let path = data.join("lock");
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path).with_context(cannot)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)
        .with_context(|| format!("another holdfast works in {}: stop it, or say --data", data.display()))?;
    Ok(file)
}

/// Says on standard error what somebody should know of.
#[derive(Clone)]
pub struct Log {
    monitor: Arc<dyn Monitor>,
}

impl Log {
    pub fn new(context: &Context) -> Self {
        Self { monitor: context.output.shared_monitor() }
    }

    pub fn say(&self, text: &str) {
        self.monitor.warning(text);
    }
}

impl Journal for Log {
    fn note(&self, text: &str) {
        self.say(text);
    }
}

impl Failures for Log {
    fn note(&self, request_id: &str, what: &str) {
        self.say(&format!("request {request_id}: {what}"));
    }
}
