//! How the server is configured: where it keeps things and where it listens. What can be changed while it runs is a setting in
//! the API, and not here.
//!
//! A value comes from the first of these that has one: a flag, a variable (`HOLDFAST_LISTEN` for `listen`), the `.env` file
//! beside the configuration, the files in `conf.d` beside it (the last by name counts), the configuration, the default. A name
//! that is not known is refused, with the one that may be meant.

mod key;
mod read;
mod variables;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use holdfast_model::Monitor;
use holdfast_server::check_address;

use crate::args::ServerArgs;
use crate::environment;

pub use key::Key;

/// With this small repositories can be checked and pruned.
const LEAST_MEMORY: u64 = 256 << 20;

/// All values, each with where it comes from.
#[derive(Debug, Default)]
pub struct ServerConfig {
    values: BTreeMap<Key, (String, Origin)>,
    /// Variables that look like ours and that nothing reads.
    strange: Vec<String>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A file, and the line of a `.env` file or the key of a TOML file.
    File(PathBuf),
    /// A variable.
    Variable(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// The values, as the server works with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerPlace {
    /// The folder with everything that the server keeps.
    pub data: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// `sqlite:/PATH` or `postgres://…`.
    pub database: String,
    /// Jobs that this process does at the same time.
    pub jobs: usize,
    /// Folders in which agents are looked for first.
    pub agents: Option<PathBuf>,
    /// The folder with programs for hooks.
    pub hooks: PathBuf,
    /// The name of this process among others that share its database.
    pub name: String,
    /// Where clients find the server.
    pub public_url: String,
    /// Memory that a process which maintains a repository may take, in bytes.
    pub maintenance_memory: u64,
}

impl ServerPlace {
    /// It listens there: of a port that was left open, clients hear which it is.
    pub fn listens_at(&mut self, address: SocketAddr) {
        if self.public_url == format!("http://{}", self.listen) {
            self.public_url = format!("http://{address}");
        }
        self.listen = address;
    }
}

impl ServerConfig {
    /// Reads the files, the environment and the flags.
    pub fn read(args: &ServerArgs) -> Result<Self> {
        let mut config = Self { strange: variables::strange()?, ..Self::default() };
        let file = args.config.clone().or_else(|| environment::own("CONFIG").map(PathBuf::from));
        let (file, must_be) = match file {
            Some(file) => (file, true),
            None => (default_file(), false),
        };
        if must_be || file.is_file() {
            config.add_toml(&file)?;
        }
        let folder = file.parent().unwrap_or(Path::new(".")).to_owned();
        for file in read::files_of(&folder.join("conf.d"))? {
            config.add_toml(&file)?;
        }
        let env_file = folder.join(".env");
        if env_file.is_file() {
            config.add_dotenv(&env_file)?;
        }
        for key in Key::ALL {
            if let Some(value) = environment::own(&key.variable()) {
                config.set(key, value, Origin::Variable(format!("HOLDFAST_{}", key.variable())));
            }
        }
        for (key, value) in args.given() {
            config.set(key, value, Origin::Flag);
        }
        Ok(config)
    }

    /// Says which variables look like settings and are none.
    pub fn warn(&self, monitor: &dyn Monitor) {
        for name in &self.strange {
            monitor.warning(&format!(
                "the environment has {name}, which is no setting: it counts only where a secret is said to come from it"
            ));
        }
    }

    fn set(&mut self, key: Key, value: String, origin: Origin) {
        self.values.insert(key, (value, origin));
    }

    /// A value, and where it comes from.
    pub fn value(&self, key: Key) -> (String, Origin) {
        self.values.get(&key).cloned().unwrap_or_else(|| (self.default_of(key), Origin::Default))
    }

    /// As [`Self::value`], for showing: without a password.
    pub fn shown(&self, key: Key) -> (String, Origin) {
        let (value, origin) = self.value(key);
        (if key == Key::Database { holdfast_db::without_password(&value) } else { value }, origin)
    }

    fn default_of(&self, key: Key) -> String {
        let text = |key| self.value(key).0;
        match key {
            Key::Data => default_data().display().to_string(),
            Key::Listen => "127.0.0.1:8420".to_owned(),
            Key::Database => format!("sqlite:{}/holdfast.db", text(Key::Data)),
            Key::Jobs => "8".to_owned(),
            Key::Agents => String::new(),
            Key::Hooks => format!("{}/hooks", text(Key::Data)),
            Key::Name => rustix::system::uname().nodename().to_string_lossy().into_owned(),
            Key::PublicUrl => format!("http://{}", text(Key::Listen)),
            Key::MaintenanceMemory => "16G".to_owned(),
        }
    }

    /// All of it, as the server works with it.
    pub fn place(&self) -> Result<ServerPlace> {
        let (data, _) = self.value(Key::Data);
        let agents = self.value(Key::Agents).0;
        Ok(ServerPlace {
            data: std::path::absolute(&data).with_context(|| format!("data: {data:?} is no path"))?,
            listen: self.listen()?,
            database: self.value(Key::Database).0,
            jobs: self.parsed::<NonZeroUsize>(Key::Jobs, "a number of jobs, at least 1")?.get(),
            agents: Some(PathBuf::from(agents)).filter(|path| !path.as_os_str().is_empty()),
            hooks: PathBuf::from(self.value(Key::Hooks).0),
            name: self.value(Key::Name).0,
            public_url: self.value(Key::PublicUrl).0.trim_end_matches('/').to_owned(),
            maintenance_memory: self.maintenance_memory()?,
        })
    }

    fn maintenance_memory(&self) -> Result<u64> {
        let (value, origin) = self.value(Key::MaintenanceMemory);
        let size = holdfast_model::parse_size(&value);
        let size = size.with_context(|| format!("{} ({origin})", Key::MaintenanceMemory))?;
        anyhow::ensure!(
            size >= LEAST_MEMORY,
            "{} is {value:?} ({origin}): it must be at least 256M, and more for large repositories",
            Key::MaintenanceMemory
        );
        Ok(size)
    }

    fn listen(&self) -> Result<SocketAddr> {
        let address = self.parsed(Key::Listen, "an address and a port, as 127.0.0.1:8420")?;
        check_address(address).with_context(|| format!("{} ({})", Key::Listen, self.value(Key::Listen).1))?;
        Ok(address)
    }

    fn parsed<T: std::str::FromStr>(&self, key: Key, what: &str) -> Result<T> {
        let (value, origin) = self.value(key);
        value.parse().map_err(|_| anyhow::anyhow!("{key} is {value:?} ({origin}), which is not {what}"))
    }
}

/// For root `/etc/holdfast`, else the user's own folder.
fn default_file() -> PathBuf {
    let folder = match rustix::process::geteuid().is_root() {
        true => PathBuf::from("/etc/holdfast"),
        false => environment::home_folder("XDG_CONFIG_HOME", ".config").join("holdfast"),
    };
    folder.join("server.toml")
}

/// For root `/var/lib/holdfast`, else the user's own folder.
fn default_data() -> PathBuf {
    match rustix::process::geteuid().is_root() {
        true => PathBuf::from("/var/lib/holdfast"),
        false => environment::home_folder("XDG_DATA_HOME", ".local/share").join("holdfast"),
    }
}

#[cfg(test)]
mod tests;
