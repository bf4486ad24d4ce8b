//! What a user may say about how a repository's storage is reached: restic's extended options, credentials from the
//! environment, certificates, limits.
//!
//! The environment is given as a function: nothing here reads the process's own, so that several repositories can be
//! opened with different credentials at the same time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use holdfast_model::{Clock, SystemClock};

use crate::{Limits, Patience, Pause, Secret, Sleep, StoreError, Tls};

/// Looks up a variable.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Hears of each failure that will be tried again, and after which pause.
pub type Listener = Arc<dyn Fn(&StoreError, Duration) + Send + Sync>;

/// How to reach a store.
#[derive(Clone)]
pub struct Options {
    /// Restic's extended options by name, such as `s3.region` or `sftp.args`; names without a dot are OpenDAL's own, for
    /// `opendal:SERVICE`.
    pub settings: BTreeMap<String, String>,
    /// The variables that credentials come from.
    pub environment: Environment,
    /// Whether credentials may also come from where a cloud's own tools look (profile files, a virtual machine's
    /// metadata), when the variables name none.
    pub ambient: bool,
    /// Certificates.
    pub tls: Tls,
    /// Limits on calls and bytes.
    pub limits: Limits,
    /// How long transient failures are tried again.
    pub patience: Patience,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How to wait; one that can be cancelled ends waiting.
    pub pause: Arc<dyn Pause>,
    /// Hears of what is tried again.
    pub listener: Option<Listener>,
}

impl Options {
    /// The usual, with variables from `environment`, those of restic's about certificates included.
    pub fn new(environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        let tls = Tls {
            authorities: environment("RESTIC_CACERT").filter(|path| !path.is_empty()).map(Into::into),
            client: environment("RESTIC_TLS_CLIENT_CERT").filter(|path| !path.is_empty()).map(Into::into),
            insecure: false,
        };
        Self {
            settings: BTreeMap::new(),
            environment: Arc::new(environment),
            ambient: false,
            tls,
            limits: Limits::default(),
            patience: Patience::default(),
            clock: Arc::new(SystemClock),
            pause: Arc::new(Sleep::default()),
            listener: None,
        }
    }

    /// The options of the process itself: its environment, and credentials from where a cloud's own tools look.
    pub fn of_process() -> Self {
        Self { ambient: true, ..Self::new(|name| std::env::var(name).ok()) }
    }

    /// A variable, if it is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name).filter(|value| !value.is_empty())
    }

    /// A secret variable, if it is set and not empty.
    pub(crate) fn secret(&self, name: &str) -> Option<Secret> {
        self.variable(name).map(Secret::new)
    }

    /// An option, if it is given.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values of settings may be secrets.
        let settings: Vec<&String> = self.settings.keys().collect();
        f.debug_struct("Options").field("settings", &settings).field("ambient", &self.ambient).finish_non_exhaustive()
    }
}
