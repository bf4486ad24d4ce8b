//! Where the server is: said on the command line, in the environment, or remembered by `login`.
//!
//! What is remembered lies in a file that only its owner reads: one day it may hold more than an address.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::args::api::ServerArgs;
use crate::environment;

/// Where a server is if nothing is said.
const USUAL: &str = "http://127.0.0.1:8420";
/// What is remembered is not longer.
const LONGEST: u64 = 64 << 10;

/// What `login` remembers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Remembered {
    server: String,
}

/// The server's address.
pub fn server(args: &ServerArgs) -> Result<String> {
    if let Some(server) = args.server.as_ref().filter(|server| !server.is_empty()) {
        return Ok(server.clone());
    }
    if let Some(server) = environment::own("SERVER") {
        return Ok(server);
    }
    let remembered = path().map(|path| read(&path)).transpose()?.flatten();
    Ok(remembered.unwrap_or_else(|| USUAL.to_owned()))
}

/// Remembers it, and says where.
pub fn remember(server: &str) -> Result<PathBuf> {
    let path = path().context("there is no place to remember it: set XDG_CONFIG_HOME, or use HOLDFAST_SERVER")?;
    let text = toml::to_string(&Remembered { server: server.to_owned() }).context("cannot write the address down")?;
    let written = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder)?;
        // Temporary files have the mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(&path)?;
        Ok(())
    };
    written().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn read(path: &Path) -> Result<Option<String>> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).with_context(|| format!("cannot read {}", path.display()))?;
    let told = || format!("{} makes no sense: call `holdfast login URL` again", path.display());
    let remembered: Remembered = toml::from_str(&text).map_err(|_| anyhow::anyhow!(told()))?;
    Ok(Some(remembered.server))
}

fn path() -> Option<PathBuf> {
    environment::config_home().map(|home| home.join("holdfast/login.toml"))
}
