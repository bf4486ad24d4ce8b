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
    let new = NewRestore {
        source: source(session, args)?,
        select: select(args)?,
        target: target(session, args)?,
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
    let is_in_place = matches!(&new.target, RestoreTarget::Client { path, .. } if path.as_str() == "/");
    if is_in_place && !args.in_place && !args.dry_run {
        bail!("this replaces files where they are: say --in-place if that is meant, or restore to another path than /");
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

/// What lies at the path, if one is said, and is chosen by the patterns.
fn select(args: &JobRestore) -> Result<Select> {
    Ok(Select {
        paths: source::path(&args.source)?.into_iter().collect(),
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
                "{:?} is neither CLIENT:PATH nor a directory beneath the one that the server has set apart",
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
