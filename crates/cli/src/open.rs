//! From options and environment to an open repository.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use holdfast_model::monitor::Phase;
use holdfast_repo::{EngineOptions, InitOptions, OpenOptions, Repository};
use holdfast_store::{DryRunStore, Options, Place, Sleep, Store};

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
    let access = Access::find(context)?;
    let repository = if dry_run { access.open_dry(context, engine) } else { access.open(context, engine) }?;
    warn(context, &repository);
    Ok(repository)
}

/// Says so if the hot part that was named is not used.
pub fn warn(context: &Context, repository: &Repository) {
    if let Some(trouble) = repository.hot_trouble() {
        context.output.monitor().warning(&trouble);
    }
}

/// A repository's store and its password, for who opens it more than once.
pub struct Access {
    store: Arc<dyn Store>,
    hot: Option<Arc<dyn Store>>,
    password: password::Password,
}

impl Access {
    /// Finds both, asking for the password if need be.
    pub fn find(context: &Context) -> Result<Self> {
        let store = store(context, &address(&context.global)?)?;
        Ok(Self { store, hot: hot(context)?, password: password::of_repository(&context.global)? })
    }

    /// Opens the repository.
    pub fn open(&self, context: &Context, engine: EngineOptions) -> Result<Repository> {
        self.open_over(
            context,
            self.store.clone(),
            OpenOptions { engine, hot: self.hot.clone(), ..OpenOptions::default() },
        )
    }

    /// Opens it so that nothing is written.
    pub fn open_dry(&self, context: &Context, engine: EngineOptions) -> Result<Repository> {
        let dry = |store: &Arc<dyn Store>| -> Arc<dyn Store> { Arc::new(DryRunStore::new(store.clone())) };
        let options = OpenOptions { engine, hot: self.hot.as_ref().map(dry), dry_run: true, ..OpenOptions::default() };
        self.open_over(context, dry(&self.store), options)
    }

    fn open_over(&self, context: &Context, store: Arc<dyn Store>, options: OpenOptions) -> Result<Repository> {
        context.output.monitor().phase(Phase::Opening);
        let options = with_global(&context.global, options);
        Ok(Repository::open(store, self.password.as_bytes(), options)?)
    }
}

/// Makes the repository that the options name.
pub fn init(context: &Context, init: InitOptions, engine: EngineOptions) -> Result<Repository> {
    let store = store(context, &address(&context.global)?)?;
    let options = OpenOptions { engine, hot: hot(context)?, ..OpenOptions::default() };
    let password = password::of_new_repository(&context.global)?;
    Ok(Repository::init(store, password.as_bytes(), init, with_global(&context.global, options))?)
}

/// Opens another repository, with a password of its own or the same.
pub fn other(context: &Context, address: &str, hot: Option<&str>, password: &password::Password) -> Result<Repository> {
    let hot = hot.map(|address| store_by(context, address, HOT)).transpose()?;
    let options = with_global(&context.global, OpenOptions { hot, ..OpenOptions::default() });
    let repository = Repository::open(store(context, address)?, password.as_bytes(), options)?;
    warn(context, &repository);
    Ok(repository)
}

fn with_global(global: &GlobalArgs, options: OpenOptions) -> OpenOptions {
    OpenOptions { state_dir: state_dir(global), lock_patience: global.retry_lock, ..options }
}

/// What variables begin with that are for the storage of the hot part.
const HOT: &str = "HOT_";

/// The store of the hot part, if one is named.
fn hot(context: &Context) -> Result<Option<Arc<dyn Store>>> {
    let address = context.global.repository_hot.clone().or_else(|| environment::own("REPOSITORY_HOT"));
    address.map(|address| store_by(context, &address, HOT)).transpose()
}

/// The store at an address.
pub fn store(context: &Context, address: &str) -> Result<Arc<dyn Store>> {
    store_by(context, address, "")
}

/// The store at an address; variables that begin with `prefix` come first.
fn store_by(context: &Context, address: &str, prefix: &'static str) -> Result<Arc<dyn Store>> {
    let place: Place = address.parse()?;
    let own = context.storage.clone();
    let find = move |name: &str| environment::variable(name).or_else(|| own.get(name).cloned());
    let mut options = Options::new(move |name| prefixed_first(prefix, name, &find));
    options.pause = Arc::new(Sleep::new(context.cancel.clone()));
    Ok(holdfast_store::open(&place, &options)?)
}

/// A variable, or the one whose name begins with `prefix`, if that is there.
fn prefixed_first(prefix: &str, name: &str, find: &impl Fn(&str) -> Option<String>) -> Option<String> {
    find(&format!("{prefix}{name}")).or_else(|| find(name))
}

/// Whether a repository is named, by an option or in the environment.
pub fn is_given(global: &GlobalArgs) -> bool {
    global.repository.is_some()
        || ["REPOSITORY", "REPOSITORY_FILE"].iter().any(|name| environment::lookup(name).is_some())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hot_part_has_variables_of_its_own_or_shares_those_of_the_repository() {
        let set = [("KEY", "of both"), ("SECRET", "of both"), ("HOT_SECRET", "of the hot part")];
        let find = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        let of = |prefix, name| prefixed_first(prefix, name, &find);
        assert_eq!(of(HOT, "SECRET").unwrap(), "of the hot part");
        assert_eq!(of(HOT, "KEY").unwrap(), "of both");
        assert_eq!(of("", "SECRET").unwrap(), "of both");
        assert_eq!(of(HOT, "TOKEN"), None);
    }
}
