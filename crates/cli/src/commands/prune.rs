//! `holdfast prune`: shows what it will do, then does it.

use anyhow::{Context as _, Result};
use holdfast_model::{SnapshotId, parse_size};
use holdfast_pull::state::Interrupted;
use holdfast_repo::prune::{PruneOptions, PrunePlan, PruneReport, PruneStats};
use holdfast_repo::{LockGuard, LockMode, Repository};
use serde::Serialize;

use super::chosen;
use crate::args::PruneArgs;
use crate::exit::Exit;
use crate::output;
use crate::{Context, open};

/// Packs below this size, in bytes, count as small: a quarter of what a full one has.
const SMALL_PACK: u64 = 4 << 20;

impl PruneArgs {
    /// What `forget --prune` and `run` do. They have seen the snapshots that went: nothing may be left.
    pub fn usual(dry_run: bool) -> Self {
        Self {
            max_unused: "5%".to_owned(),
            max_repack_size: None,
            repack_cacheable_only: None,
            repack_small: false,
            repack_uncompressed: false,
            unsafe_allow_remove_all: true,
            dry_run,
        }
    }
}

/// Gives back the space of what no snapshot needs.
pub fn run(context: &Context, args: &PruneArgs) -> Result<Exit> {
    options(args)?;
    let repository = open::repository(context)?;
    let mode = if args.dry_run { LockMode::Shared } else { LockMode::Exclusive };
    let lock = chosen::lock(context, &repository, mode)?;
    within(context, &repository, &lock, args, &[])?;
    Ok(Exit::Done)
}

/// Prunes under a lock that is held. A dry run counts `ignored` snapshots as removed.
pub fn within(
    context: &Context,
    repository: &Repository,
    lock: &LockGuard,
    args: &PruneArgs,
    ignored: &[SnapshotId],
) -> Result<()> {
    let pins = match open::state_dir(&context.global) {
        Some(root) => Interrupted::of(repository, &root),
        None => Interrupted::unknown(repository),
    };
    let monitor = context.output.monitor();
    let ignored = if args.dry_run { ignored } else { &[] };
    let plan = PrunePlan::new(repository, options(args)?, &pins, ignored, monitor, &context.cancel)?;
    context.output.finish();
    show(context, plan.stats())?;
    if args.dry_run {
        context.output.line("nothing was changed: this was a dry run")?;
        return Ok(());
    }
    let report = plan.execute(lock, monitor, &context.cancel)?;
    context.output.finish();
    done(context, &report)
}

fn options(args: &PruneArgs) -> Result<PruneOptions> {
    let max_repack = args.max_repack_size.as_deref().map(parse_size).transpose().context("--max-repack-size")?;
    Ok(PruneOptions {
        max_unused: args.max_unused.parse().context("--max-unused")?,
        max_repack: max_repack.unwrap_or(PruneOptions::default().max_repack),
        repack_cacheable_only: args.repack_cacheable_only,
        repack_smaller_than: args.repack_small.then_some(SMALL_PACK),
        repack_uncompressed: args.repack_uncompressed,
        remove_all: args.unsafe_allow_remove_all,
    })
}

fn show(context: &Context, stats: &PruneStats) -> Result<()> {
    if context.output.is_json() {
        return Ok(context.output.document(stats)?);
    }
    let PruneStats { blobs, bytes, packfiles } = stats;
    let line = |name: &str, count: u64, noun: &str, size: u64| {
        let count = output::count(count, noun);
        context.output.line(format!("{name:<14}{count:>16}  {:>14}", output::bytes(size)))
    };
    line("used:", blobs.used, "blob", bytes.used)?;
    if blobs.duplicate > 0 {
        line("duplicate:", blobs.duplicate, "blob", bytes.duplicate)?;
    }
    line("unused:", blobs.unused, "blob", bytes.unused)?;
    if packfiles.unref > 0 {
        line("in no index:", packfiles.unref, "pack", bytes.unref)?;
    }
    line("total:", blobs.total, "blob", bytes.total)?;
    context.output.line("")?;
    line("to repack:", packfiles.repack, "pack", bytes.repack)?;
    line("to delete:", packfiles.remove_total, "pack", bytes.remove + bytes.unref)?;
    line("gives back:", blobs.remove_total, "blob", bytes.remove_total)?;
    line("remains:", blobs.remain, "blob", bytes.remain)?;
    context.output.line(format!("unused after that: {}", output::bytes(bytes.remain_unused)))?;
    Ok(())
}

/// The last event of a prune for programs.
#[derive(Serialize)]
struct Summary {
    message_type: &'static str,
    packs_deleted: u64,
    packs_left: u64,
    packs_written: u64,
    index_files_replaced: u64,
    leftovers_swept: u64,
}

fn done(context: &Context, report: &PruneReport) -> Result<()> {
    let PruneReport { packs_deleted, packs_left, packs_written, index_files_replaced, leftovers_swept } = *report;
    if context.output.is_json() {
        let message_type = "summary";
        let summary =
            Summary { message_type, packs_deleted, packs_left, packs_written, index_files_replaced, leftovers_swept };
        return Ok(context.output.document(&summary)?);
    }
    let packs = |count| output::count(count, "pack");
    context.output.line(format!("{} written, {} deleted", packs(packs_written), packs(packs_deleted)))?;
    if leftovers_swept > 0 {
        let files = output::count(leftovers_swept, "half-written file");
        context.output.line(format!("{files} of interrupted runs deleted"))?;
    }
    if packs_left > 0 {
        let left = packs(packs_left);
        context.output.monitor().warning(&format!("{left} could not be deleted; the next prune tries again"));
    }
    Ok(())
}
