//! Open repositories: one of each in a process, shared by all jobs that work with it.
//!
//! One that is opened stays open as long as it is used now and then: its index is read once. When its place, its password or its compression is another, it is
//! opened anew, and jobs that still have the old one end with it. Nothing is written to a place that does not hold it any more.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_model::repository::Compression;
use holdfast_model::{CancelToken, RepositoryUid};
use holdfast_repo::{EngineOptions, OpenOptions, Repository};
use holdfast_store::{Options, Place, Sleep, Store};
use parking_lot::Mutex;

use super::Failure;
use super::secrets::Secret;

/// So long a job waits for a lock that another program holds.
const LOCK_PATIENCE: Duration = Duration::from_secs(120);

/// Where a repository is and how it is opened.
#[derive(Clone, PartialEq, Eq)]
pub struct Access {
    /// Which.
    pub uid: RepositoryUid,
    /// Where.
    pub uri: String,
    /// Where its hot part is, if it has one.
    pub hot: Option<String>,
    /// Its password.
    pub password: Secret,
    /// What the storage's driver asks for beside it.
    pub credentials: BTreeMap<String, Secret>,
    /// The effort that compressing is worth.
    pub compression: Compression,
}

/// The open repositories of a process. Clones share them.
#[derive(Clone, Default)]
pub struct Repositories {
    open: Arc<Mutex<HashMap<RepositoryUid, Slot>>>,
}

/// Where one is, or is being opened.
type Slot = Arc<Mutex<Option<Opened>>>;

struct Opened {
    access: Access,
    repository: Repository,
    /// When it was asked for last.
    used: Instant,
}

impl Repositories {
    /// The repository, opened if it is not yet. Whoever opens one keeps only those waiting that want the same.
    pub fn get(&self, access: &Access, state: PathBuf) -> Result<Repository, Failure> {
        let slot = self.slot(access);
        let mut opened = slot.lock();
        if let Some(found) = opened.as_mut().filter(|found| found.is_for(access)) {
            found.used = Instant::now();
            return Ok(found.repository.clone());
        }
        let repository = open(access, state)?;
        *opened = Some(Opened::now(access, &repository));
        Ok(repository)
    }

    /// The repository for whoever changes or proves it: its place may have been emptied since it was opened, or hold another.
    pub fn in_place(&self, access: &Access, state: PathBuf) -> Result<Repository, Failure> {
        let repository = self.get(access, state.clone())?;
        if repository.is_in_place()? { Ok(repository) } else { self.anew(access, state) }
    }

    /// Opens the repository whether it is open or not, which shows that the next one can. Those who have it go on with it, unless
    /// it is another now.
    pub fn anew(&self, access: &Access, state: PathBuf) -> Result<Repository, Failure> {
        // Not while others wait: storage that does not answer is asked for long.
        let repository = open(access, state);
        let slot = self.slot(access);
        let known = slot.lock().as_ref().filter(|found| found.is_for(access)).map(|found| found.repository.clone());
        if let (Ok(_), Some(known)) = (&repository, known)
            && known.is_in_place()?
        {
            return Ok(known);
        }
        let opened = repository.as_ref().ok().map(|repository| Opened::now(access, repository));
        *slot.lock() = opened;
        repository
    }

    /// Closes those that nobody works with and nobody has asked for since so long: the disk that one is on can be taken out.
    pub fn close_idle(&self, since: Duration) {
        // Let go of when nobody waits for this any more: storage may be slow to part from.
        let mut closed = Vec::new();
        self.open.lock().retain(|_, slot| {
            // Who has the slot is opening it, or has just been given it.
            let Some(mut opened) = slot.try_lock() else { return true };
            let is_idle = |opened: &Opened| opened.used.elapsed() >= since && !opened.repository.is_shared();
            if opened.as_ref().is_some_and(is_idle) {
                closed.extend(opened.take());
            }
            opened.is_some() || Arc::strong_count(slot) > 1
        });
    }

    fn slot(&self, access: &Access) -> Slot {
        self.open.lock().entry(access.uid).or_default().clone()
    }
}

impl Opened {
    fn now(access: &Access, repository: &Repository) -> Self {
        Self { access: access.clone(), repository: repository.clone(), used: Instant::now() }
    }

    /// Whether it was opened so. A disk that was not mounted may have come back, or have gone.
    fn is_for(&self, access: &Access) -> bool {
        self.access == *access && !self.repository.has_hot_changed()
    }
}

/// The store of a repository.
pub fn store(access: &Access) -> Result<Arc<dyn Store>, Failure> {
    store_at(access, &access.uri, "")
}

/// What the names of credentials begin with that are for the storage of the hot part.
const HOT: &str = "HOT_";

/// The store at an address. Credentials whose names begin with `prefix` come first.
fn store_at(access: &Access, uri: &str, prefix: &'static str) -> Result<Arc<dyn Store>, Failure> {
    let place: Place = uri.parse()?;
    let credentials = access.credentials.clone();
    let mut options = Options::new(move |name| {
        let secret = credential(&credentials, prefix, name);
        secret.map(|secret| String::from_utf8_lossy(secret.as_bytes()).into_owned())
    });
    // The store is shared by many jobs: none of them ends its waiting.
    options.pause = Arc::new(Sleep::new(CancelToken::new()));
    Ok(holdfast_store::open(&place, &options)?)
}

fn credential<'a>(credentials: &'a BTreeMap<String, Secret>, prefix: &str, name: &str) -> Option<&'a Secret> {
    credentials.get(&format!("{prefix}{name}")).or_else(|| credentials.get(name))
}

fn open(access: &Access, state: PathBuf) -> Result<Repository, Failure> {
    Ok(Repository::open(store(access)?, access.password.as_bytes(), options(access, state)?)?)
}

/// How a repository is opened.
pub(super) fn options(access: &Access, state: PathBuf) -> Result<OpenOptions, Failure> {
    let hot = access.hot.as_ref().map(|uri| store_at(access, uri, HOT)).transpose()?;
    let engine = EngineOptions {
        compression: match access.compression {
            Compression::Auto => holdfast_repo::Compression::Auto,
            Compression::Off => holdfast_repo::Compression::Off,
            Compression::Fast => holdfast_repo::Compression::Fast,
            Compression::Best => holdfast_repo::Compression::Best,
        },
        ..EngineOptions::default()
    };
    Ok(OpenOptions { state_dir: Some(state), engine, lock_patience: LOCK_PATIENCE, hot, ..OpenOptions::default() })
}

#[cfg(test)]
mod tests {
    use holdfast_repo::InitOptions;
    use holdfast_repo::key::KdfCost;

    use super::*;

    #[test]
    fn the_hot_part_has_credentials_of_its_own_or_shares_those_of_the_repository() {
        let secret = |text: &str| Secret::new(text.as_bytes().to_vec());
        let credentials = [("KEY", "of both"), ("SECRET", "of both"), ("HOT_SECRET", "of the hot part")]
            .map(|(name, text)| (name.to_owned(), secret(text)))
            .into();
        let of = |prefix, name| credential(&credentials, prefix, name).map(|secret| secret.as_bytes().to_vec());
        assert_eq!(of(HOT, "SECRET").unwrap(), b"of the hot part");
        assert_eq!(of(HOT, "KEY").unwrap(), b"of both");
        assert_eq!(of("", "SECRET").unwrap(), b"of both");
        assert_eq!(of(HOT, "TOKEN"), None);
    }

    #[test]
    fn what_nobody_uses_is_closed_so_that_its_disk_can_be_taken_out() {
        let dir = holdfast_testkit::temp_dir();
        let (place, state) = (dir.path().join("repository"), dir.path().join("state"));
        let access = Access {
            uid: RepositoryUid::new(holdfast_model::Timestamp::default(), [1; 10]),
            uri: place.display().to_string(),
            hot: None,
            password: Secret::new(b"secret".to_vec()),
            credentials: BTreeMap::new(),
            compression: Compression::Auto,
        };
        let cheap = KdfCost { log_n: 2, r: 1, p: 1 };
        let init = InitOptions { kdf_cost: cheap, ..InitOptions::default() };
        Repository::init(store(&access).unwrap(), b"secret", init, OpenOptions::default()).unwrap();
        let is_held = || {
            let open = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|fd| fd.unwrap().path().read_link().ok());
            open.into_iter().any(|path| path.starts_with(&place))
        };
        let repositories = Repositories::default();
        let repository = repositories.get(&access, state.clone()).unwrap();
        repositories.close_idle(Duration::ZERO);
        let again = repositories.get(&access, state).unwrap();
        drop(repository);
        assert!(is_held() && again.is_shared(), "somebody works with it");
        drop(again);
        repositories.close_idle(Duration::from_secs(60));
        assert!(is_held(), "somebody did a moment ago");
        repositories.close_idle(Duration::ZERO);
        assert!(!is_held() && repositories.open.lock().is_empty());
    }
}
