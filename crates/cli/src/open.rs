//! From options and environment to an open repository.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use holdfast_model::monitor::Phase;
use holdfast_repo::{EngineOptions, InitOptions, OpenOptions, Repository};
use holdfast_store::{DryRunStore, LocalStore, Place, Store};

use crate::args::GlobalArgs;
use crate::{Context, environment, password};

/// The state directory.
pub fn state_dir(global: &GlobalArgs) -> Option<PathBuf> {
    global.state.clone().or_else(environment::default_state)
}

/// Opens the repository that the options name.
pub fn repository(context: &Context) -> Result<Repository> {
    repository_with(context, EngineOptions::default(), false)
}

/// As [`repository`], with what a backup says of compression; a dry run writes nothing.
pub fn repository_with(context: &Context, engine: EngineOptions, dry_run: bool) -> Result<Repository> {
    let mut store = store(context, &address(&context.global)?)?;
    if dry_run {
        store = Arc::new(DryRunStore::new(store));
    }
    let password = password::of_repository(&context.global)?;
    context.output.monitor().phase(Phase::Opening);
    Ok(Repository::open(store, password.as_bytes(), options(&context.global, engine))?)
}

/// Makes the repository that the options name.
pub fn init(context: &Context, init: InitOptions) -> Result<Repository> {
    let store = store(context, &address(&context.global)?)?;
    let password = password::of_new_repository(&context.global)?;
    Ok(Repository::init(store, password.as_bytes(), init, options(&context.global, EngineOptions::default()))?)
}

/// Opens another repository, with a password of its own or the same.
pub fn other(context: &Context, address: &str, password: &password::Password) -> Result<Repository> {
    let store = store(context, address)?;
    Ok(Repository::open(store, password.as_bytes(), options(&context.global, EngineOptions::default()))?)
}

fn options(global: &GlobalArgs, engine: EngineOptions) -> OpenOptions {
    OpenOptions { state_dir: state_dir(global), engine, ..OpenOptions::default() }
}

/// The store at an address.
pub fn store(context: &Context, address: &str) -> Result<Arc<dyn Store>> {
    let _ = context;
    match address.parse()? {
        Place::Local(path) => Ok(Arc::new(LocalStore::new(path))),
        other => bail!("{other} cannot be reached by this program"),
    }
}

/// The repository's address, from the options or the environment.
fn address(global: &GlobalArgs) -> Result<String> {
    if let Some(address) = global.repository.clone().or_else(|| environment::lookup("REPOSITORY")) {
        return Ok(address);
    }
    if let Some(path) = environment::lookup("REPOSITORY_FILE") {
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read the repository's address from {path}"))?;
        return Ok(text.trim().to_owned());
    }
    bail!("no repository given: use -r, or set HOLDFAST_REPOSITORY")
}
