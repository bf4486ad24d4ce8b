//! `holdfast find`

use anyhow::Result;
use holdfast_model::pattern::PatternList;
use holdfast_repo::SavedSnapshot;
use holdfast_repo::catalogue::Find;
use serde::Serialize;

use super::entry::{self, Found};
use super::{chosen, ls, snapshots};
use crate::args::FindArgs;
use crate::exit::Exit;
use crate::output;
use crate::{Context, local_time};

/// The finds of one snapshot, as `restic find --json` has them.
#[derive(Serialize)]
struct Matches {
    matches: Vec<Found>,
    hits: usize,
    snapshot: String,
}

/// Finds files by name.
pub fn run(context: &Context, args: &FindArgs) -> Result<Exit> {
    let patterns = PatternList::parse(&args.patterns, args.ignore_case)?;
    let (repository, _lock) = chosen::for_reading(context)?;
    let snapshots = chosen::snapshots(&repository, &args.snapshot, &snapshots::filter(&args.filter))?;
    context.output.finish();
    let mut find = Find::matching(repository.engine(), &patterns);
    let (mut all, mut exit) = (Vec::new(), Exit::Done);
    // The newest first: it is what people look for.
    for snapshot in snapshots.iter().rev() {
        let (mut lines, mut matches) = (Vec::new(), Vec::new());
        find.search(snapshot.tree, &context.cancel, |found| match found {
            Ok(found) if context.output.is_json() => matches.push(Found::new(&found.path, found.node())),
            Ok(found) => lines.push(entry::line(&found.path, found.node(), args.long)),
            Err(error) => {
                ls::unreadable(context, error);
                exit = Exit::Failed;
            }
        })?;
        show(context, snapshot, &lines)?;
        if !matches.is_empty() {
            all.push(Matches { hits: matches.len(), matches, snapshot: snapshot.id.to_string() });
        }
    }
    if context.output.is_json() {
        context.output.document(&all)?;
    }
    Ok(exit)
}

fn show(context: &Context, snapshot: &SavedSnapshot, lines: &[String]) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let (id, time) = (snapshot.id.short(), local_time::show(snapshot.time));
    let found = output::count(lines.len() as u64, "find");
    context
        .output
        .line(format!("{found} in snapshot {id} of {} at {time}:", output::path(snapshot.hostname.as_bytes())))?;
    for line in lines {
        context.output.result(line)?;
    }
    context.output.line("")?;
    Ok(())
}
