//! `holdfast snapshots`

use std::collections::HashMap;

use anyhow::Result;
use holdfast_repo::{SavedSnapshot, Snapshot, SnapshotFilter};
use serde::Serialize;

use crate::args::{SnapshotFilter as FilterArgs, SnapshotsArgs};
use crate::exit::Exit;
use crate::output::{self, Table};
use crate::{Context, local_time, open};

/// A snapshot with its id, as restic's `snapshots --json` lists it.
#[derive(Serialize)]
pub struct Listed<'a> {
    #[serde(flatten)]
    snapshot: &'a Snapshot,
    id: String,
    short_id: String,
}

impl<'a> Listed<'a> {
    /// Of a saved snapshot.
    pub fn new(saved: &'a SavedSnapshot) -> Self {
        Self { snapshot: &saved.snapshot, id: saved.id.to_string(), short_id: saved.id.short() }
    }
}

/// Which snapshots the options mean.
pub fn filter(args: &FilterArgs) -> SnapshotFilter {
    SnapshotFilter {
        hosts: args.host.clone(),
        tags: args.tag.iter().map(|list| list.split(',').map(str::to_owned).collect()).collect(),
        paths: args.path.clone(),
        until: None,
    }
}

/// Lists snapshots.
pub fn run(context: &Context, args: &SnapshotsArgs) -> Result<Exit> {
    let repository = open::repository(context)?;
    let filter = filter(&args.filter);
    let (mut snapshots, mut exit) = (Vec::new(), Exit::Done);
    if args.ids.is_empty() {
        let all = repository.read_snapshots()?;
        for (_, error) in &all.damaged {
            context.output.monitor().warning(&crate::failure::sentence(&anyhow::anyhow!("{error}")));
            exit = Exit::Failed;
        }
        snapshots.extend(all.good.into_iter().filter(|snapshot| filter.matches(snapshot)));
    } else {
        for id in &args.ids {
            snapshots.push(repository.find_snapshot(id, &filter)?);
        }
    }
    if let Some(count) = args.latest {
        keep_latest(&mut snapshots, count);
    }
    context.output.finish();
    if context.output.is_json() {
        context.output.document(&snapshots.iter().map(Listed::new).collect::<Vec<_>>())?;
        return Ok(exit);
    }
    for line in table(&snapshots).lines() {
        context.output.line(line)?;
    }
    context.output.line(output::count(snapshots.len() as u64, "snapshot"))?;
    Ok(exit)
}

/// Snapshots as a table.
pub fn table(snapshots: &[SavedSnapshot]) -> Table {
    let mut table = Table::new(&["ID", "Time", "Host", "Tags", "Paths", ">Size"]);
    for snapshot in snapshots {
        let size = snapshot.summary.as_ref().map(|summary| output::bytes(summary.total_bytes_processed));
        table.row([
            snapshot.id.short(),
            local_time::show(snapshot.time),
            output::path(snapshot.hostname.as_bytes()),
            output::path(snapshot.tags.join(",").as_bytes()),
            snapshot.paths.iter().map(|path| output::path(path.as_bytes())).collect::<Vec<_>>().join("\n"),
            size.unwrap_or_default(),
        ]);
    }
    table
}

/// Leaves the newest of each host and set of paths.
fn keep_latest(snapshots: &mut Vec<SavedSnapshot>, count: usize) {
    let mut seen: HashMap<(String, Vec<String>), usize> = HashMap::new();
    let mut kept: Vec<SavedSnapshot> = Vec::new();
    for snapshot in snapshots.drain(..).rev() {
        let seen = seen.entry((snapshot.hostname.clone(), snapshot.paths.clone())).or_default();
        *seen += 1;
        if *seen <= count {
            kept.push(snapshot);
        }
    }
    kept.reverse();
    *snapshots = kept;
}
