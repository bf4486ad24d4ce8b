//! `holdfast job restore`: a server restores, and is watched while it does.

use anyhow::{Context as _, Result, bail};
use holdfast_api::{NewRestore, RestoreSource};
use holdfast_model::client::ClientSpec;
use holdfast_model::job::restore::{Manner, OverwriteMode, RestoreTarget, Select};

use super::Session;
use super::source::{self, Source};
use crate::args::OverwriteMode as Overwrite;
use crate::args::api::JobRestore;
use crate::exit::Exit;

/// Restores, or plans to, and ends as the job does.
pub fn run(session: &Session<'_>, args: &JobRestore) -> Result<Exit> {
    let target = target(session, args)?;
    let select = select(args, &target)?;
    let is_in_place = target.is_in_place(&select);
    let new = NewRestore {
        source: source(session, args)?,
        select,
        target,
        manner: Manner {
            overwrite: overwrite(args.overwrite),
            delete: args.delete,
            verify: args.verify,
            owners_by_name: args.ownership_by_name,
        },
        in_place: args.in_place,
        dry_run: args.dry_run,
        plan: None,
    };
    if is_in_place && !args.in_place && !args.dry_run {
        bail!("this replaces files where they are: say --in-place if that is meant, or restore to another path");
    }
    let job = session.api.restore(&new)?;
    session.follow_to_end(vec![job])
}

/// The newest snapshot of a client, or one by its id.
fn source(session: &Session<'_>, args: &JobRestore) -> Result<RestoreSource> {
    Ok(match Source::find(session, &args.source, None)? {
        Source::Newest(client) => RestoreSource { client: Some(client.id), ..RestoreSource::default() },
        Source::Snapshot(snapshot) => {
            let (repository, snapshot) = (Some(snapshot.repository), Some(snapshot.id));
            RestoreSource { repository, snapshot, ..RestoreSource::default() }
        }
    })
}

/// What lies at the path, if one is said, and is chosen by the patterns. It is put into the target itself; into `/` at its
/// whole path, where it was.
fn select(args: &JobRestore, target: &RestoreTarget) -> Result<Select> {
    let path = source::path(&args.source)?.filter(|path| !path.is_root());
    let is_root = matches!(target, RestoreTarget::Client { path, .. } if path.as_str() == "/");
    let (beneath, paths) = if is_root { (None, path.into_iter().collect()) } else { (path, Vec::new()) };
    Ok(Select {
        beneath,
        paths,
        include: args.include.clone(),
        include_any_case: args.iinclude.clone(),
        exclude: args.exclude.clone(),
        exclude_any_case: args.iexclude.clone(),
    })
}

fn target(session: &Session<'_>, args: &JobRestore) -> Result<RestoreTarget> {
    let Some((client, path)) = args.target.split_once(':') else {
        let path = args.target.parse().with_context(|| {
            format!(
                "{:?} is neither CLIENT:PATH nor a directory beneath the one that the server has set apart for restores",
                args.target
            )
        })?;
        return Ok(RestoreTarget::Directory { path: Some(path) });
    };
    let path = path.parse().with_context(|| format!("{path:?} is no directory of a client"))?;
    Ok(RestoreTarget::Client { client: session.find::<ClientSpec>(client)?.id, path })
}

fn overwrite(mode: Overwrite) -> OverwriteMode {
    match mode {
        Overwrite::Always => OverwriteMode::Always,
        Overwrite::IfChanged => OverwriteMode::IfChanged,
        Overwrite::IfNewer => OverwriteMode::IfNewer,
        Overwrite::Never => OverwriteMode::Never,
    }
}
