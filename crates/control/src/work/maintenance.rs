//! Work on a whole repository, in a process of its own: a panic or a peak of memory there is a failed job, and the server goes
//! on.
//!
//! The process is this program again. It gets its task, with the passwords of the repositories, over a pipe, and tells what happens
//! line by line over another. When the first pipe closes, because somebody wants the work to end or the server is gone, it ends
//! in order.

mod child;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holdfast_model::job::{Cause, JobError, Outcome};
use holdfast_model::monitor::{ItemError, Phase, Progress};
use holdfast_model::repository::{Compression, FirstBytes};
use holdfast_model::{CancelToken, ClientUid, Monitor, Name};
use parking_lot::Mutex;
use rustix::process::{Pid, Resource, Rlimit, prlimit, setpriority_process};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::repositories::Access;
use super::{Failure, Workplace};

pub use child::serve;

/// The verb of this program that is such a process.
pub const VERB: &str = "maintenance";

/// How far it stands back where others want the processors too.
const NICE: i32 = 10;
/// So long it may take to end in order, once it was asked to.
const PATIENCE: Duration = Duration::from_secs(60);
/// What it tells in one line has no more bytes.
const LONGEST_LINE: u64 = 1 << 20;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Look whether all is in order, and read a part of the data.
    Check {
        /// Which part; none is read without it.
        read: Option<FirstBytes>,
    },
    /// Delete what no snapshot needs.
    Prune,
    /// Copy snapshots to another repository, but for those that are there already.
    Copy(Selected),
}

/// Which snapshots are copied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Selected {
    /// Those of this client alone.
    pub client: Option<ClientUid>,
    /// What it is called: by that, snapshots of other programs are known to be its own.
    pub hostname: Option<Name>,
    /// The newest alone, of each client, policy and set of paths.
    pub newest: bool,
}

/// A task, with all that the process needs.
#[derive(Serialize, Deserialize)]
struct Order {
    repository: Opened,
    /// Where is copied to.
    to: Option<Opened>,
    state: PathBuf,
    task: Task,
}

/// How a repository is opened.
#[derive(Serialize, Deserialize)]
struct Opened {
    uri: String,
    hot: Option<String>,
    password: String,
    credentials: BTreeMap<String, String>,
    compression: Compression,
}

/// What the process tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told {
    Phase(Phase),
    Progress(Progress),
    ItemError(ItemError),
    Warning(String),
    Note(String),
    /// A check has read all data that it was to read, whatever it has found.
    HasRead,
    Done(Outcome),
    Failed(JobError),
    Cancelled,
}

impl Opened {
    fn by(access: &Access) -> Self {
        let text = |secret: &super::secrets::Secret| STANDARD.encode(secret.as_bytes());
        Self {
            uri: access.uri.clone(),
            hot: access.hot.clone(),
            password: text(&access.password),
            credentials: access.credentials.iter().map(|(name, secret)| (name.clone(), text(secret))).collect(),
            compression: access.compression,
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.password.zeroize();
        self.credentials.values_mut().for_each(Zeroize::zeroize);
    }
}

/// Has a task done with a repository, and another one where it is copied to, and tells the monitor what happens. `has_read` is
/// set if a check has read all data that it was to read, whatever has come of it.
pub fn run(
    task: Task,
    (access, to): (&Access, Option<&Access>),
    place: &Workplace,
    monitor: &dyn Monitor,
    has_read: &mut bool,
    cancel: &CancelToken,
) -> Result<Outcome, Failure> {
    let order = Order { repository: Opened::by(access), to: to.map(Opened::by), state: place.state.clone(), task };
    let mut process = Process::start(place)
        .map_err(|error| broken(format!("cannot start the process that maintains repositories ({error})")))?;
    let stopper = process
        .give(&order)
        .map_err(|error| broken(format!("cannot tell the process that maintains repositories what to do ({error})")))?;
    // Whoever cancels closes the pipe. One that does not end then, because its storage hangs, is killed: it can be at any time.
    let (child, patience) = (process.0.clone(), PATIENCE);
    let (has_ended, ended) = mpsc::channel::<()>();
    cancel.on_cancel(move || {
        drop(stopper);
        thread::spawn(move || {
            if ended.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                let _ = child.lock().kill();
            }
        });
    });
    let listened = process.listen(monitor, has_read);
    drop(has_ended);
    listened
}

/// The process, of which one thread hears and another may end it.
struct Process(Arc<Mutex<Child>>);

impl Process {
    fn start(place: &Workplace) -> std::io::Result<Self> {
        let mut command = Command::new(&place.program);
        command.arg(VERB).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let child = command.spawn()?;
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            let limit = Rlimit { current: Some(place.maintenance_memory), maximum: Some(place.maintenance_memory) };
            // A system that does not allow it runs it without. Backups go before it.
            let _ = prlimit(Some(pid), Resource::As, limit);
            let _ = setpriority_process(Some(pid), NICE);
        }
        Ok(Self(Arc::new(Mutex::new(child))))
    }

    /// Hands the order over; gives back the pipe, whose closing ends the work.
    fn give(&mut self, order: &Order) -> std::io::Result<ChildStdin> {
        let mut line = Zeroizing::new(serde_json::to_vec(order)?);
        line.push(b'\n');
        let mut stdin = self.0.lock().stdin.take().ok_or(std::io::ErrorKind::BrokenPipe)?;
        match stdin.write_all(&line) {
            // It has ended already: how, is heard when it is listened to.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(stdin),
            result => result.map(|()| stdin),
        }
    }

    fn listen(&mut self, monitor: &dyn Monitor, has_read: &mut bool) -> Result<Outcome, Failure> {
        let stdout = self.0.lock().stdout.take().ok_or_else(|| broken("the process has no output".to_owned()))?;
        let mut lines = BufReader::new(stdout);
        let mut end = None;
        while let Some(told) = next(&mut lines) {
            match told {
                Told::Phase(phase) => monitor.phase(phase),
                Told::Progress(progress) => monitor.progress(&progress),
                Told::ItemError(error) => monitor.item_error(&error),
                Told::Warning(text) => monitor.warning(&text),
                Told::Note(text) => monitor.note(&text),
                Told::HasRead => *has_read = true,
                Told::Done(outcome) => end = Some(Ok(outcome)),
                Told::Failed(error) => end = Some(Err(Failure::Failed(error))),
                Told::Cancelled => end = Some(Err(Failure::Cancelled)),
            }
        }
        // One that goes on to tell what nobody understands must not wait for us.
        drop(lines);
        let status = self.0.lock().wait().map_err(|error| broken(error.to_string()))?;
        end.unwrap_or_else(|| {
            Err(broken(format!(
                "the process that maintains repositories ended before its work was done ({status}); the server's own log has what \
                 it said, and if that is of memory, maintenance-memory lets it have more"
            )))
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended, unless it could not be told what to do.
        let _ = self.0.lock().kill();
        let _ = self.0.lock().wait();
    }
}

/// What is told next; nothing more after what cannot be read.
fn next(lines: &mut impl BufRead) -> Option<Told> {
    let mut line = Vec::new();
    std::io::Read::take(&mut *lines, LONGEST_LINE).read_until(b'\n', &mut line).ok()?;
    serde_json::from_slice(&line).ok()
}

fn broken(message: String) -> Failure {
    Failure::Failed(JobError { cause: Cause::Internal, message })
}
