//! Variables of the environment: ours first, restic's of the same meaning where ours are unset.

use std::env;
use std::path::PathBuf;

/// Reads `HOLDFAST_name`, then `RESTIC_name`. Empty counts as unset.
pub fn lookup(name: &str) -> Option<String> {
    own(name).or_else(|| variable(&format!("RESTIC_{name}")))
}

/// Reads `HOLDFAST_name` alone.
pub fn own(name: &str) -> Option<String> {
    variable(&format!("HOLDFAST_{name}"))
}

/// Reads a variable as it is. Empty counts as unset.
pub fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Where to keep what is remembered between runs: `$XDG_STATE_HOME/holdfast` or its usual place.
///
/// `None` where there is neither that nor a home: then nothing is remembered, and more is read.
pub fn default_state() -> Option<PathBuf> {
    folder("XDG_STATE_HOME", ".local/state").map(|base| base.join("holdfast"))
}

/// A folder of the user's, by its variable or in the home; here, for who has neither.
pub fn home_folder(variable: &str, in_home: &str) -> PathBuf {
    folder(variable, in_home).unwrap_or_else(|| PathBuf::from("."))
}

/// Where a person's configuration lies: `$XDG_CONFIG_HOME` or its usual place.
pub fn config_home() -> Option<PathBuf> {
    folder("XDG_CONFIG_HOME", ".config")
}

fn folder(name: &str, in_home: &str) -> Option<PathBuf> {
    let base = variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    // Services have no variable for the home: the list of users knows it too.
    base.or_else(|| env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(in_home)))
}
