//! From a place and options to a store that is ready to use: the right driver, tried again and limited as asked.
//!
//! Nothing is sent before the first call, except that rclone is started and a bucket's address may be looked up.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crate::{
    ErrorKind, LimitStore, Limits, LocalStore, Options, Place, RcloneProgram, RcloneStore, RestStore, RetryStore,
    SftpStore, SshProgram, Store, StoreError,
};

/// A store could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// An option is not known for this kind of storage.
    #[error("there is no option {name}; {kind} knows {known}")]
    UnknownOption {
        /// The option.
        name: String,
        /// The kind of storage.
        kind: &'static str,
        /// The options that it knows.
        known: String,
    },
    /// An option's value makes no sense.
    #[error("{value:?} is no value for the option {name}: {problem}")]
    Value {
        /// The option.
        name: String,
        /// Its value.
        value: String,
        /// What it should be.
        problem: &'static str,
    },
    /// A credential is missing.
    #[error("credentials for {place} are missing: set {variables}")]
    Credentials {
        /// The place.
        place: String,
        /// The variables that would give them.
        variables: &'static str,
    },
    /// The kind of storage is known but this program was built without it, or it was never there.
    #[error("{place} cannot be reached by this program: {advice}")]
    Unsupported {
        /// The place.
        place: String,
        /// What to do.
        advice: &'static str,
    },
    /// The driver could not be made.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OpenError {
    /// What the failure means for the caller.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Credentials { .. } => ErrorKind::Denied,
            _ => ErrorKind::Permanent,
        }
    }
}

/// Idle connections kept when no limit is given.
const CONNECTIONS: usize = 16;

/// The kinds of storage, as options name them, with the options that each knows.
const KNOWN: [(&str, &[&str]); 9] = [
    ("local", &["connections"]),
    ("sftp", &["command", "args", "connections"]),
    ("rest", &["connections"]),
    ("rclone", &["program", "args", "timeout", "connections"]),
    ("s3", &["region", "bucket-lookup", "storage-class", "list-objects-v1", "unsafe-anonymous-auth", "connections"]),
    ("b2", &["connections"]),
    ("azure", &["connections"]),
    ("gs", &["connections"]),
    ("swift", &["connections"]),
];

/// Makes a store.
pub fn open(place: &Place, options: &Options) -> Result<Arc<dyn Store>, OpenError> {
    let scheme = scheme(place);
    check_names(scheme, options)?;
    let mut limits = options.limits;
    if let Some(connections) = number(options, &format!("{scheme}.connections"))? {
        limits.connections = Some(connections);
    }
    let connections = limits.connections.unwrap_or(CONNECTIONS);
    let driver: Arc<dyn Store> = match place {
        // A disk's failures are final: nothing is tried again.
        Place::Local(path) => return Ok(limited(Arc::new(LocalStore::new(path)), limits, options)),
        Place::Rest(place) => {
            let user = options.variable("RESTIC_REST_USERNAME");
            let login = user.map(|user| (user, options.secret("RESTIC_REST_PASSWORD").unwrap_or_default()));
            Arc::new(RestStore::new(place, login, &options.tls, connections)?)
        }
        Place::Rclone(remote) => Arc::new(RcloneStore::start(remote, &rclone_program(options)?, connections)?),
        Place::Sftp(place) => {
            let owned = |name| options.setting(name).map(str::to_owned);
            let how = SshProgram { command: owned("sftp.command"), arguments: owned("sftp.args") };
            Arc::new(SftpStore::new(place, &how))
        }
        #[cfg(feature = "opendal")]
        _ => Arc::new(crate::OpenDalStore::open(place, options, connections)?),
        #[cfg(not(feature = "opendal"))]
        _ => {
            let advice = "it was built without object storage; rclone: reaches it through rclone";
            return Err(OpenError::Unsupported { place: place.to_string(), advice });
        }
    };
    let mut patient = RetryStore::new(limited(driver, limits, options))
        .patience(options.patience)
        .time(Arc::clone(&options.clock), Arc::clone(&options.pause));
    if let Some(listener) = options.listener.clone() {
        patient = patient.telling(move |error, wait| listener(error, wait));
    }
    Ok(Arc::new(patient))
}

fn limited(store: Arc<dyn Store>, limits: Limits, options: &Options) -> Arc<dyn Store> {
    if limits == Limits::default() {
        return store;
    }
    Arc::new(LimitStore::new(store, limits).time(Arc::clone(&options.clock), Arc::clone(&options.pause)))
}

/// The kind of storage as its options name it.
fn scheme(place: &Place) -> &'static str {
    match place {
        Place::Local(_) => "local",
        Place::Rest(_) => "rest",
        Place::Rclone(_) => "rclone",
        Place::Sftp(_) => "sftp",
        Place::S3(_) => "s3",
        Place::B2(_) => "b2",
        Place::Azure(_) => "azure",
        Place::Gcs(_) => "gs",
        Place::Swift(_) => "swift",
        Place::OpenDal(_) => "opendal",
    }
}

/// Refuses options that nobody would read. Those of other kinds of storage are for another repository.
fn check_names(scheme: &'static str, options: &Options) -> Result<(), OpenError> {
    for name in options.settings.keys() {
        let Some((kind, rest)) = name.split_once('.') else {
            if scheme == "opendal" {
                continue;
            }
            let known = KNOWN.iter().find(|(kind, _)| *kind == scheme).map(|(_, names)| names.join(", "));
            return Err(OpenError::UnknownOption {
                name: name.clone(),
                kind: scheme,
                known: known.unwrap_or_default(),
            });
        };
        match KNOWN.iter().find(|(known, _)| *known == kind) {
            Some((_, names)) if names.contains(&rest) => {}
            Some((kind, names)) => {
                return Err(OpenError::UnknownOption { name: name.clone(), kind, known: names.join(", ") });
            }
            None => {
                let known = KNOWN.map(|(kind, _)| format!("{kind}.…")).join(", ");
                return Err(OpenError::UnknownOption { name: name.clone(), kind: "storage", known });
            }
        }
    }
    Ok(())
}

/// An option that is a number of at least one.
fn number(options: &Options, name: &str) -> Result<Option<usize>, OpenError> {
    let Some(value) = options.setting(name) else { return Ok(None) };
    match value.parse() {
        Ok(number) if number > 0 => Ok(Some(number)),
        _ => Err(wrong(name, value, "a number of at least 1 is needed")),
    }
}

pub(crate) fn wrong(name: &str, value: &str, problem: &'static str) -> OpenError {
    OpenError::Value { name: name.to_owned(), value: value.to_owned(), problem }
}

fn rclone_program(options: &Options) -> Result<RcloneProgram, OpenError> {
    let usual = RcloneProgram::default();
    let patience = match options.setting("rclone.timeout") {
        Some(value) => duration(value).ok_or_else(|| wrong("rclone.timeout", value, "write it as 90s or 2m"))?,
        None => usual.patience,
    };
    let given = |name, usual| options.setting(name).map_or(usual, str::to_owned);
    Ok(RcloneProgram {
        program: given("rclone.program", usual.program),
        arguments: given("rclone.args", usual.arguments),
        patience,
    })
}

/// A duration as Go writes simple ones: a number and `s`, `m` or `h`.
fn duration(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return None,
    };
    text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}
