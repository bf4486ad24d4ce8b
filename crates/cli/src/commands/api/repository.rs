//! `holdfast repository`

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Error, Result, anyhow};
use holdfast_api::client::ApiError;
use holdfast_api::{Chunker, Code, CopyRepository, Job, Repository};
use holdfast_model::SecretSource;
use holdfast_model::client::ClientSpec;
use holdfast_model::job::Cause;
use holdfast_model::repository::{Compression, Maintenance, RepositorySpec};

use super::Session;
use super::object::{Shown, yes_or_no};
use crate::args::InitChunker;
use crate::args::api::{RepositoryAdd, RepositoryCommand, RepositoryCopy, Strength};
use crate::exit::Exit;
use crate::output::{bytes, printable};
use crate::{failure, local_time, password};

/// Of so many days growth is shown.
const GROWTH: Duration = Duration::from_secs(30 * 86_400);

/// Runs a verb on repositories.
pub fn run(session: &Session<'_>, command: &RepositoryCommand) -> Result<Exit> {
    let of = |name: &str| session.find::<RepositorySpec>(name).map(|repository| repository.id);
    match command {
        RepositoryCommand::Add(args) => add(session, args),
        RepositoryCommand::List(args) => session.show_list::<RepositorySpec>(args),
        RepositoryCommand::Show(args) => {
            session.show_one::<RepositorySpec>(args, |repository| growth(session, repository))
        }
        RepositoryCommand::Edit(args) => session.edit_one::<RepositorySpec>(args),
        RepositoryCommand::Prepare(args) => {
            let chunker = args.init.then(|| chunker(args.chunker));
            session.follow_to_end(vec![session.api.prepare_repository(of(&args.name)?, chunker)?])
        }
        RepositoryCommand::Check(args) => {
            session.follow_to_end(vec![session.api.check(of(&args.name)?, args.read_data)?])
        }
        RepositoryCommand::Prune(args) => session.follow_to_end(vec![session.api.prune(of(&args.name)?)?]),
        RepositoryCommand::Verify(args) => session.follow_to_end(vec![session.api.verify_repository(of(&args.name)?)?]),
        RepositoryCommand::Copy(args) => copy(session, args),
        RepositoryCommand::Catalog(args) => {
            session.follow_to_end(vec![session.api.catalog_repository(of(&args.name)?)?])
        }
        RepositoryCommand::Remove(args) => session.remove_one::<RepositorySpec>(args),
    }
}

fn add(session: &Session<'_>, args: &RepositoryAdd) -> Result<Exit> {
    let mut credentials = BTreeMap::new();
    for text in &args.credentials {
        let wrong = || format!("{text:?} is no credential: write VARIABLE=SOURCE, as in AWS_ACCESS_KEY_ID=env:KEY_ID");
        let (name, source) = text.split_once('=').filter(|(name, _)| !name.is_empty()).with_context(wrong)?;
        credentials.insert(name.to_owned(), source.parse().with_context(|| format!("the credential {name}"))?);
    }
    let mut spec = RepositorySpec {
        name: args.name.parse()?,
        uri: args.uri.clone(),
        hot: args.hot.clone(),
        credentials,
        password: SecretSource::Sealed(secret_name(&args.name)),
        description: args.description.clone(),
        compression: match args.compression {
            Strength::Auto => Compression::Auto,
            Strength::Off => Compression::Off,
            Strength::Fast => Compression::Fast,
            Strength::Best => Compression::Best,
        },
        concurrency: const { std::num::NonZeroU32::new(4).expect("4 is not 0") },
        maintenance: Maintenance::default(),
        enabled: true,
    };
    let repository = match &args.password_source {
        Some(source) => {
            spec.password = source.parse().context("--password-source")?;
            session.api.create(spec, session.tenant).map_err(|error| name_taken(session, error, &args.name))?
        }
        None => sealed(session, spec, args.init)?,
    };
    session.tell(&repository, "added")?;
    if args.no_prepare {
        return Ok(Exit::Done);
    }
    let chunker = args.init.then(|| chunker(args.chunker));
    let jobs = session.follow_preparing(session.api.prepare_repository(repository.id, chunker)?, false)?;
    session.exit_of(&jobs).map_err(|error| {
        let is_password =
            |job: &Job| job.outcome.error.as_ref().is_some_and(|error| error.cause == Cause::WrongPassword);
        let how = match (jobs.iter().any(is_password), &repository.spec.password) {
            (true, SecretSource::Sealed(secret)) => other_password(secret, &args.name),
            _ => format!(
                "`holdfast repository prepare {0}` looks into it again, `holdfast repository remove {0}` takes it away",
                args.name
            ),
        };
        anyhow!("{}; the repository {} stays registered: {how}", failure::sentence(&error), args.name)
    })
}

/// How the right password is given.
fn other_password(secret: &str, repository: &str) -> String {
    format!("`holdfast secret set {secret}` gives it another password, then `holdfast repository prepare {repository}`")
}

/// Says of a repository that is there already how to go on with it.
fn name_taken(session: &Session<'_>, error: ApiError, name: &str) -> Error {
    let there = || session.find::<RepositorySpec>(name).ok().map(|repository| repository.spec.password);
    match (error.code() == Some(Code::NameTaken)).then(there).flatten() {
        Some(SecretSource::Sealed(secret)) => anyhow!("{error}; {}", other_password(&secret, name)),
        Some(_) => anyhow!("{error}; `holdfast repository edit {name}` changes it"),
        None => error.into(),
    }
}

/// How much it has grown within the days that count.
fn growth(session: &Session<'_>, repository: &Repository) -> Result<Vec<String>> {
    let Some(now) = repository.status.size else { return Ok(Vec::new()) };
    let since = now.measured.checked_sub(GROWTH)?;
    let then = session.api.size_since(repository.id, since)?;
    let Some(then) = then.filter(|then| then.measured < now.measured) else { return Ok(Vec::new()) };
    let change = match now.stored_bytes.checked_sub(then.stored_bytes) {
        Some(more) => format!("{} more", bytes(more)),
        None => format!("{} less", bytes(then.stored_bytes - now.stored_bytes)),
    };
    let at = local_time::show_time(then.measured);
    Ok(vec![format!(
        "{change} than at {at}, when it had {} with {} snapshots",
        bytes(then.stored_bytes),
        then.snapshots
    )])
}

fn chunker(chosen: InitChunker) -> Chunker {
    match chosen {
        InitChunker::Gear => Chunker::Gear,
        InitChunker::Rabin => Chunker::Rabin,
    }
}

/// Copies within the tenant of the repository that is copied from.
fn copy(session: &Session<'_>, args: &RepositoryCopy) -> Result<Exit> {
    let from = session.find::<RepositorySpec>(&args.name)?;
    let tenant = Some(from.tenant);
    let to = session.api.find::<RepositorySpec>(&args.to, tenant)?;
    let client = args.client.as_ref().map(|name| session.api.find::<ClientSpec>(name, tenant)).transpose()?;
    let copy = CopyRepository { to: to.spec.name, client: client.map(|client| client.id), newest: args.newest };
    session.follow_to_end(vec![session.api.copy_repository(from.id, &copy)?])
}

/// Makes a repository whose password the server seals.
fn sealed(session: &Session<'_>, spec: RepositorySpec, init: bool) -> Result<Repository> {
    let global = &session.context.global;
    // A secret that is there belongs to something else.
    let taken = session.api.secrets()?;
    let wanted = secret_name(spec.name.as_str());
    let names = std::iter::once(wanted.clone()).chain((2..).map(|number| format!("{wanted}-{number}")));
    let name = names.into_iter().find(|name| !taken.contains(name)).unwrap_or(wanted);
    let repository = spec.name.to_string();
    let password = if init { password::of_new_repository(global)? } else { password::of_repository(global)? };
    session.api.set_secret(&name, &password)?;
    let spec = RepositorySpec { password: SecretSource::Sealed(name.clone()), ..spec };
    session.api.create(spec, session.tenant).map_err(|error| {
        // Nobody needs it. That it stays, if it does, harms nobody, and why there is no repository is what counts.
        let _ = session.api.remove_secret(&name);
        name_taken(session, error, &repository)
    })
}

/// Why it is not ready.
fn problem(repository: &Repository) -> String {
    let (name, status) = (&repository.spec.name, &repository.status);
    match (&status.problem, status.ready_since) {
        (Some(problem), _) => printable(problem),
        (None, Some(_)) => String::new(),
        (None, None) => format!("nobody has looked into it yet: `holdfast repository prepare {name}`"),
    }
}

/// What the password of a repository of this name is called.
fn secret_name(repository: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    format!("repository-{}", repository.chars().map(safe).take(80).collect::<String>())
}

impl Shown for RepositorySpec {
    const HEADINGS: &'static [&'static str] =
        &["Where", "Enabled", "Ready", ">Size", ">Snapshots", "Looked into", "Checked", "Pruned", "Problem"];

    fn cells(object: &Repository) -> Vec<String> {
        let (spec, status) = (&object.spec, &object.status);
        let time = |time| Option::map_or(time, "never".to_owned(), local_time::show_time);
        vec![
            printable(&spec.uri),
            yes_or_no(spec.enabled),
            status.damage.as_ref().map_or_else(|| yes_or_no(status.ready_since.is_some()), |_| "damaged".to_owned()),
            status.size.map(|size| bytes(size.stored_bytes)).unwrap_or_default(),
            status.size.map(|size| size.snapshots.to_string()).unwrap_or_default(),
            time(status.size.map(|size| size.measured)),
            time(status.checked),
            time(status.pruned),
            status.damage.as_ref().map_or_else(|| problem(object), |damage| printable(&damage.message)),
        ]
    }

    fn found(object: &Repository) -> Vec<(&'static str, String)> {
        let status = &object.status;
        let time = |time| Option::map_or(time, "never".to_owned(), local_time::show_time);
        let ready = status
            .ready_since
            .map_or_else(|| "no".to_owned(), |since| format!("since {}", local_time::show_time(since)));
        let size = status.size.map(|size| {
            let at = local_time::show_time(size.measured);
            format!("{}, {} snapshots, at {at}", bytes(size.stored_bytes), size.snapshots)
        });
        let damage = status.damage.as_ref().map(|damage| {
            let at = local_time::show_time(damage.found);
            format!("found at {at} by job {}: {}", damage.job, printable(&damage.message))
        });
        vec![
            ("Ready", ready),
            ("Damaged", damage.unwrap_or_default()),
            ("Problem", problem(object)),
            ("Its own id", status.id.map(|id| id.to_string()).unwrap_or_default()),
            ("Size", size.unwrap_or_default()),
            ("Checked", time(status.checked)),
            ("Pruned", time(status.pruned)),
            ("Verified", time(status.verified)),
        ]
    }

    fn removal(object: &Repository) -> Option<String> {
        let stays = format!("what is stored at {} stays", printable(&object.spec.uri));
        Some(match &object.spec.password {
            SecretSource::Sealed(name) => format!("{stays}, and so does its password: the secret {name}"),
            _ => stays,
        })
    }
}
