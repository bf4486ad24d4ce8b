//! The process that maintains a repository: reads its order, does it, and tells.

mod copy;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holdfast_model::job::{Cause, JobError, Outcome};
use holdfast_model::monitor::{ItemError, Phase, Progress};
use holdfast_model::{CancelToken, Monitor, RepositoryUid, Timestamp};
use holdfast_pull::state::Interrupted;
use holdfast_repo::check::{CheckReport, ReadData, check};
use holdfast_repo::prune::{PruneOptions, PrunePlan};
use holdfast_repo::{LockMode, Repository, Sleep};
use parking_lot::Mutex;

use super::super::Failure;
use super::super::repositories::{Access, Repositories};
use super::super::secrets::Secret;
use super::{Opened, Order, Task, Told};

/// Progress is not told more often.
const TOLD_EVERY: Duration = Duration::from_millis(200);
/// An order has no more bytes.
const LONGEST_ORDER: u64 = 1 << 20;

/// Does what is ordered over `input`, and tells of it over `output`. Gives back whether it was done.
pub fn serve(input: impl BufRead + Send + 'static, output: impl Write + Send + 'static) -> bool {
    let cancel = CancelToken::new();
    let told = Arc::new(Teller { output: Mutex::new(Box::new(output)), progress: Mutex::new(Instant::now()) });
    let end = match receive(input, &cancel) {
        Ok(order) => match carry_out(&order, &told, &cancel) {
            Ok(outcome) => Told::Done(outcome),
            Err(Failure::Cancelled) => Told::Cancelled,
            Err(Failure::Failed(_)) if cancel.is_cancelled() => Told::Cancelled,
            Err(Failure::Failed(error)) => Told::Failed(error),
        },
        Err(error) => {
            let message = format!("this is started by a server, which tells it what to do ({error})");
            Told::Failed(JobError { cause: Cause::Internal, message })
        }
    };
    told.tell(&end);
    matches!(end, Told::Done(_))
}

/// Reads the order. From then on the end of the input ends the work.
fn receive(mut input: impl BufRead + Send + 'static, cancel: &CancelToken) -> io::Result<Order> {
    let mut line = Vec::new();
    Read::take(&mut input, LONGEST_ORDER).read_until(b'\n', &mut line)?;
    let order = serde_json::from_slice(&line)?;
    zeroize::Zeroize::zeroize(&mut line);
    let cancel = cancel.clone();
    thread::Builder::new().name("orders".into()).spawn(move || {
        let _ = io::copy(&mut input, &mut io::sink());
        cancel.cancel();
    })?;
    Ok(order)
}

fn carry_out(order: &Order, monitor: &Teller, cancel: &CancelToken) -> Result<Outcome, Failure> {
    monitor.phase(Phase::Opening);
    let open = |opened: &Opened, number: u8| Repositories::default().get(&access(opened, number)?, order.state.clone());
    let repository = open(&order.repository, 0)?;
    match &order.task {
        Task::Copy(selected) => {
            let to = order.to.as_ref().ok_or_else(|| Failure::configuration("the order is not one"))?;
            copy::copy(&repository, &open(to, 1)?, selected, monitor, cancel)
        }
        Task::Check { read } => {
            let _lock = repository.lock(LockMode::Shared, &Sleep::new(cancel.clone()))?;
            let read = read.map_or(ReadData::Nothing, ReadData::FirstBytes);
            let report = check(&repository, read, monitor, cancel)?;
            if report.has_read {
                monitor.tell(&Told::HasRead);
            }
            checked(report, monitor)
        }
        Task::Prune => prune(&repository, order, monitor, cancel),
    }
}

fn access(opened: &Opened, number: u8) -> Result<Access, Failure> {
    let secret = |text: &String| -> Result<Secret, Failure> {
        let bytes = STANDARD.decode(text).map_err(|_| Failure::configuration("the order is not one"))?;
        Ok(Secret::new(bytes))
    };
    let credentials: BTreeMap<String, Secret> = opened
        .credentials
        .iter()
        .map(|(name, text)| Ok((name.clone(), secret(text)?)))
        .collect::<Result<_, Failure>>()?;
    // There are no more than two repositories in this process.
    let uid = RepositoryUid::new(Timestamp::default(), [number; 10]);
    Ok(Access {
        uid,
        uri: opened.uri.clone(),
        hot: opened.hot.clone(),
        password: secret(&opened.password)?,
        credentials,
        compression: opened.compression,
    })
}

fn checked(report: CheckReport, monitor: &dyn Monitor) -> Result<Outcome, Failure> {
    let errors = report.errors().count();
    for finding in &report.findings {
        let text = super::super::causes::sentence(finding);
        if finding.is_error() { monitor.warning(&format!("damaged: {text}")) } else { monitor.warning(&text) }
    }
    monitor.note(&format!(
        "checked {} snapshots, {} trees and {} packs; read {} packs with {} bytes",
        report.snapshots, report.trees, report.packs, report.packs_read, report.bytes_read
    ));
    if errors > 0 {
        let message = match errors {
            1 => "the repository is damaged: one error was found, which is in the log".to_owned(),
            _ => format!("the repository is damaged: {errors} errors were found, all of them in the log"),
        };
        return Err(Failure::Failed(JobError { cause: Cause::Damaged, message }));
    }
    Ok(Outcome { bytes: report.bytes_read, warnings: report.findings.len() as u64, ..Outcome::default() })
}

fn prune(
    repository: &Repository,
    order: &Order,
    monitor: &dyn Monitor,
    cancel: &CancelToken,
) -> Result<Outcome, Failure> {
    let lock = repository.lock(LockMode::Exclusive, &Sleep::new(cancel.clone()))?;
    let pins = Interrupted::of(repository, &order.state);
    let plan = PrunePlan::new(repository, PruneOptions::default(), &pins, &[], monitor, cancel)?;
    let bytes = &plan.stats().bytes;
    let freed = bytes.remove_total + bytes.unref;
    monitor.note(&format!("{} bytes are in use, {} can be given back", bytes.used, freed));
    let report = plan.execute(&lock, monitor, cancel)?;
    monitor.note(&format!("{} packs written, {} deleted", report.packs_written, report.packs_deleted));
    Ok(Outcome { bytes_freed: freed, warnings: report.packs_left, ..Outcome::default() })
}

/// Tells the server, line by line. If nobody listens, the input ends too.
struct Teller {
    output: Mutex<Box<dyn Write + Send>>,
    progress: Mutex<Instant>,
}

impl Teller {
    fn tell(&self, told: &Told) {
        let Ok(mut line) = serde_json::to_vec(told) else { return };
        line.push(b'\n');
        let mut output = self.output.lock();
        let _ = output.write_all(&line).and_then(|()| output.flush());
    }
}

impl Monitor for Teller {
    fn phase(&self, phase: Phase) {
        self.tell(&Told::Phase(phase));
    }

    fn progress(&self, progress: &Progress) {
        let mut last = self.progress.lock();
        if last.elapsed() >= TOLD_EVERY {
            *last = Instant::now();
            self.tell(&Told::Progress(progress.clone()));
        }
    }

    fn item_error(&self, error: &ItemError) {
        self.tell(&Told::ItemError(error.clone()));
    }

    fn warning(&self, text: &str) {
        self.tell(&Told::Warning(text.to_owned()));
    }

    fn note(&self, text: &str) {
        self.tell(&Told::Note(text.to_owned()));
    }
}
