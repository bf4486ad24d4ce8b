//! `holdfast dump`

use std::io::Write;

use anyhow::{Result, bail};
use holdfast_repo::catalogue::{Place, dump_file, dump_tar, resolve, split};

use super::chosen::{self, Part};
use super::snapshots;
use crate::Context;
use crate::args::DumpArgs;
use crate::exit::Exit;

/// Writes a file, or a directory as a tar archive, to standard output.
pub fn run(context: &Context, args: &DumpArgs) -> Result<Exit> {
    let (repository, _lock) = chosen::for_reading(context)?;
    let part = Part::find(&repository, &args.snapshot, &snapshots::filter(&args.filter))?;
    let place = resolve(repository.engine(), part.directory()?, args.path.as_bytes())?;
    let path: Vec<u8> = split(args.path.as_bytes()).iter().flat_map(|name| [b"/", *name].concat()).collect();
    context.output.finish();
    let mut out = context.output.stream();
    match (place.tree(), &place) {
        (Some(tree), _) => dump_tar(repository.engine(), &path, tree, &mut out, &context.cancel)?,
        (None, Place::Node(node)) => dump_file(repository.engine(), &path, node, &mut out, &context.cancel)?,
        (None, Place::Root(_)) => bail!("the snapshot has no root directory"),
    }
    out.flush()?;
    Ok(Exit::Done)
}
