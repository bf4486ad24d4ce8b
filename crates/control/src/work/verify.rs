//! Proves that what is stored can be restored: of the newest snapshot of each client a random sample of files is restored
//! into a folder of this machine, held against what was recorded of them, and removed again.
//!
//! A file is proven when its content is, blob by blob, what its ids say. One that is not is looked for in the repository
//! once more, so that a full disk here is never taken for damage there. Where the client answers, it is asked which of the
//! files it still has as they were stored.

mod check;
mod client;
mod folder;
mod sample;

use holdfast_model::client::Proven;
use holdfast_model::job::{Cause, JobError, Outcome};
use holdfast_model::monitor::{ItemError, Phase};
use holdfast_model::{CancelToken, ClientUid, Clock, Monitor, SnapshotId};
use holdfast_pull::{LocalLink, Overwrite, RestoreError, RestoreRequest, greet, restore};
use holdfast_repo::{LockMode, RepoError, Repository, SavedSnapshot, Sleep, SnapshotFilter};

use super::client::Caller;
use super::{Failure, Workplace};
use check::Fault;
use folder::Folder;
use sample::{Random, Sample};

/// Files that are named in the error itself; all of them are in the log.
const NAMED: usize = 5;

/// With less room a sample would say little.
const LEAST_ROOM: u64 = 64 << 20;

/// What is to be proven.
#[derive(Debug, Clone)]
pub struct VerifyTask {
    /// The newest snapshot of each client by each policy.
    pub drills: Vec<Drill>,
    /// Files of each, at most.
    pub files: usize,
    /// Bytes of each, at most.
    pub bytes: u64,
    /// Which files are taken: the same seed takes the same.
    pub seed: u64,
}

/// A snapshot of which files are to be restored.
#[derive(Debug, Clone)]
pub struct Drill {
    /// The client.
    pub client: ClientUid,
    /// Its name.
    pub hostname: String,
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// How it is called; not if it is not to be.
    pub caller: Option<Box<Caller>>,
}

/// What was proven.
#[derive(Debug)]
pub struct Verified {
    /// What became of the job.
    pub result: Result<Outcome, Failure>,
    /// The clients of which everything that was tried was restored.
    pub proven: Vec<(ClientUid, Proven)>,
    /// Snapshots that are not there, and whose they are.
    pub missing: Vec<(String, SnapshotId)>,
}

/// Restores, compares and removes.
pub fn run(
    task: &VerifyTask,
    repository: &Repository,
    place: &Workplace,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
    cancel: &CancelToken,
) -> Result<Verified, Failure> {
    let _lock = repository.lock(LockMode::Shared, &Sleep::new(cancel.clone()))?;
    repository.engine().refresh()?;
    // What this process remembers of snapshots proves nothing of what is stored.
    repository.forget_snapshots();
    monitor.note(&format!("the sample is taken with the seed {}", task.seed));
    let mut verification = Verification {
        task,
        repository,
        place,
        monitor,
        cancel,
        random: Random(task.seed),
        tally: Tally::default(),
        missing: Vec::new(),
    };
    let mut proven = Vec::new();
    for drill in &task.drills {
        match verification.drill(drill) {
            Ok(Some(proof)) => proven.push((drill.client, Proven { at: clock.now().to_time(), ..proof })),
            Ok(None) => {}
            // What was proven of others before stays so.
            Err(failure) => return Ok(Verified { result: Err(failure), proven, missing: verification.missing }),
        }
    }
    Ok(Verified { result: verification.tally.into_result(), proven, missing: verification.missing })
}

struct Verification<'a> {
    task: &'a VerifyTask,
    repository: &'a Repository,
    place: &'a Workplace,
    monitor: &'a dyn Monitor,
    cancel: &'a CancelToken,
    random: Random,
    tally: Tally,
    missing: Vec<(String, SnapshotId)>,
}

impl Verification<'_> {
    /// One client; `None` if there was nothing to prove, or it failed.
    fn drill(&mut self, drill: &Drill) -> Result<Option<Proven>, Failure> {
        self.check_cancelled()?;
        let name = &drill.hostname;
        let snapshot = match self.repository.find_snapshot(&drill.snapshot.to_string(), &SnapshotFilter::default()) {
            Ok(snapshot) => snapshot,
            Err(RepoError::NotFound { .. }) => {
                self.missing.push((name.clone(), drill.snapshot));
                return Ok(None);
            }
            Err(error @ RepoError::Damaged { .. }) => {
                self.fault(name, &drill.snapshot.to_string(), &Fault::Damaged(super::sentence(&error)));
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        self.monitor.phase(Phase::Planning);
        let (sample, faults) = self.sample(&snapshot)?;
        for (path, fault) in &faults {
            self.fault(name, path, fault);
        }
        if sample.files.is_empty() {
            self.monitor.note(&format!("{name}: there is no file in snapshot {} to restore", snapshot.id.short()));
            return Ok(None);
        }
        let folder = Folder::make(&self.place.state).map_err(|error| {
            let message = format!("cannot restore to {}: {error}", self.place.state.display());
            Failure::Failed(JobError { cause: Cause::Internal, message })
        })?;
        let broken = self.restore_and_check(&snapshot, &sample, &folder, name)?;
        drop(folder);
        let (files, bytes) = (sample.files.len() as u64 - broken, sample.bytes());
        self.tally.files += files;
        self.tally.bytes += bytes;
        if broken > 0 || !faults.is_empty() {
            return Ok(None);
        }
        let as_on_client = self.compare_with_client(drill, &snapshot, &sample)?;
        let id = snapshot.id.short();
        self.monitor.note(&format!(
            "{name}: {files} files with {bytes} bytes of snapshot {id} were restored as they are recorded"
        ));
        Ok(Some(Proven { at: Default::default(), snapshot: snapshot.id, files, bytes, as_on_client }))
    }

    /// Files of a snapshot, and what cannot even be listed.
    fn sample(&mut self, snapshot: &SavedSnapshot) -> Result<(Sample, Vec<(String, Fault)>), Failure> {
        let room = folder::room(&self.place.state);
        if room < self.task.bytes.min(LEAST_ROOM) {
            let message = format!("there is no room in {} to restore a sample", self.place.state.display());
            return Err(Failure::Failed(JobError { cause: Cause::Full, message }));
        }
        let bytes = room.min(self.task.bytes);
        sample::take(self.repository, snapshot.tree, (self.task.files, bytes), &mut self.random, self.cancel)
    }

    /// Gives back how many files are not as recorded.
    fn restore_and_check(
        &mut self,
        snapshot: &SavedSnapshot,
        sample: &Sample,
        folder: &Folder,
        name: &str,
    ) -> Result<u64, Failure> {
        let request = RestoreRequest {
            tree: snapshot.tree,
            target: folder.path_bytes(),
            overwrite: Overwrite::Always,
            delete: false,
            verify: false,
            dry_run: false,
            owners_by_name: false,
            selection: sample,
            whole_beneath: &[],
            expected: Some((sample.files.len() as u64, sample.bytes())),
        };
        let internal = |message: String| Failure::Failed(JobError { cause: Cause::Internal, message });
        let mut link =
            LocalLink::start(self.cancel).map_err(|error| internal(format!("cannot start a thread ({error})")))?;
        greet(&mut link).map_err(|error| internal(error.to_string()))?;
        match restore(self.repository, &mut link, &request, self.monitor, self.cancel) {
            // Each file is looked at in any case.
            Ok(_) | Err(RestoreError::NothingLeft { .. }) => drop(link),
            Err(error) => return Err(error.into()),
        }
        self.monitor.phase(Phase::Verifying);
        let mut broken = 0;
        for file in &sample.files {
            self.check_cancelled()?;
            match check::content(self.repository, folder.path(), file)? {
                Some(fault) => {
                    broken += 1;
                    self.fault(name, &file.path(), &fault);
                }
                None => {
                    for difference in check::metadata(folder.path(), file) {
                        self.tally.warnings += 1;
                        self.monitor.warning(&format!("{name}: {}: {difference}", file.path()));
                    }
                }
            }
        }
        Ok(broken)
    }

    /// How many of the files the client has as they are stored.
    fn compare_with_client(
        &mut self,
        drill: &Drill,
        snapshot: &SavedSnapshot,
        sample: &Sample,
    ) -> Result<u64, Failure> {
        let Some(caller) = &drill.caller else { return Ok(0) };
        if !snapshot.tags.contains(&super::backup::client_tag(drill.client)) {
            // It is not the server's own word that the snapshot is of this client: then it hears nothing of it.
            return Ok(0);
        }
        let way = client::Way { caller, place: self.place, cancel: self.cancel };
        let compared = match client::compare(&way, self.repository, snapshot, sample) {
            Ok(compared) => compared,
            Err(Failure::Cancelled) => return Err(Failure::Cancelled),
            Err(Failure::Failed(error)) => {
                let name = &drill.hostname;
                self.monitor
                    .note(&format!("{name}: its files are not compared with those of the host: {}", error.message));
                return Ok(0);
            }
        };
        for path in &compared.suspicious {
            self.tally.warnings += 1;
            self.monitor.warning(&format!(
                "{}: {path}: the host has another content of the same size and time than was stored",
                drill.hostname
            ));
        }
        Ok(compared.same)
    }

    fn fault(&mut self, name: &str, path: &str, fault: &Fault) {
        let message = fault.to_string();
        self.monitor.item_error(&ItemError { path: format!("{name}:{path}"), during: "restore".into(), message });
        self.tally.faults.push((format!("{path} of {name}"), fault.cause()));
    }

    fn check_cancelled(&self) -> Result<(), Failure> {
        self.cancel.check().map_err(|_| Failure::Cancelled)
    }
}

/// What was done.
#[derive(Default)]
struct Tally {
    files: u64,
    bytes: u64,
    warnings: u64,
    faults: Vec<(String, Cause)>,
}

impl Tally {
    fn into_result(self) -> Result<Outcome, Failure> {
        let Self { files, bytes, warnings, faults } = self;
        if faults.is_empty() {
            return Ok(Outcome { files, bytes, warnings, ..Outcome::default() });
        }
        // Damage is what matters most.
        let is_damaged = faults.iter().any(|(_, cause)| *cause == Cause::Damaged);
        let cause = if is_damaged { Cause::Damaged } else { faults[0].1 };
        let named: Vec<&str> = faults.iter().take(NAMED).map(|(path, _)| path.as_str()).collect();
        let more = faults.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let message = format!("cannot be restored as recorded: {}{more}", named.join(", "));
        Err(Failure::Failed(JobError { cause, message }))
    }
}
