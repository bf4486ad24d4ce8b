//! `holdfast stats`

use anyhow::Result;
use holdfast_repo::catalogue::{Stats, StatsMode, Totals};
use serde::Serialize;

use super::{chosen, snapshots};
use crate::Context;
use crate::args::{self, StatsArgs};
use crate::exit::Exit;
use crate::output;

/// What `restic stats --json` prints.
#[derive(Serialize)]
struct Document {
    total_size: u64,
    #[serde(skip_serializing_if = "is_zero")]
    total_uncompressed_size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    compression_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compression_progress: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compression_space_saving: Option<f64>,
    #[serde(skip_serializing_if = "is_zero")]
    total_file_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    total_blob_count: u64,
    snapshots_count: u64,
}

/// Counts what snapshots hold.
pub fn run(context: &Context, args: &StatsArgs) -> Result<Exit> {
    let (repository, _lock) = chosen::for_reading(context)?;
    let snapshots = chosen::snapshots(&repository, &args.snapshots, &snapshots::filter(&args.filter))?;
    let mut stats = Stats::new(repository.engine(), mode(args.mode), repository.version());
    for snapshot in &snapshots {
        stats.add(snapshot.tree, &context.cancel)?;
    }
    let totals = stats.finish()?;
    context.output.finish();
    show(context, &totals)?;
    Ok(Exit::Done)
}

fn mode(mode: args::StatsMode) -> StatsMode {
    match mode {
        args::StatsMode::RestoreSize => StatsMode::RestoreSize,
        args::StatsMode::FilesByContents => StatsMode::FilesByContents,
        args::StatsMode::RawData => StatsMode::RawData,
        args::StatsMode::BlobsPerFile => StatsMode::BlobsPerFile,
    }
}

fn show(context: &Context, totals: &Totals) -> Result<()> {
    if context.output.is_json() {
        return Ok(context.output.document(&Document {
            total_size: totals.size,
            total_uncompressed_size: totals.uncompressed,
            compression_ratio: totals.compression_ratio(),
            compression_progress: totals.compression_progress(),
            compression_space_saving: totals.space_saving(),
            total_file_count: totals.files,
            total_blob_count: totals.blobs,
            snapshots_count: totals.snapshots,
        })?);
    }
    let line = |name: &str, value: String| context.output.line(format!("{name:<20}{value:>14}"));
    line("Snapshots:", totals.snapshots.to_string())?;
    if totals.files > 0 {
        line("Files:", totals.files.to_string())?;
    }
    if totals.blobs > 0 {
        line("Blobs:", totals.blobs.to_string())?;
    }
    if totals.uncompressed > 0 {
        line("Uncompressed:", output::bytes(totals.uncompressed))?;
    }
    line("Size:", output::bytes(totals.size))?;
    if let Some(ratio) = totals.compression_ratio() {
        line("Compression ratio:", format!("{ratio:.2}x"))?;
    }
    if let Some(saving) = totals.space_saving() {
        line("Space saved:", format!("{saving:.2} %"))?;
    }
    Ok(())
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
