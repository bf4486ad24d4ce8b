//! `holdfast check`
//!
//! It changes nothing, and so takes a shared lock: backups may run beside it. restic's own excludes them.

use anyhow::{Error, Result};
use holdfast_repo::LockMode;
use holdfast_repo::check::{CheckReport, Finding, ReadData, check};
use serde::Serialize;

use super::chosen;
use crate::args::CheckArgs;
use crate::exit::Exit;
use crate::output;
use crate::{Context, failure, open};

/// What `restic check --json` ends with.
#[derive(Serialize)]
struct Summary {
    message_type: &'static str,
    num_errors: usize,
    broken_packs: Option<Vec<String>>,
    suggest_repair_index: bool,
    suggest_prune: bool,
}

/// One finding for programs.
#[derive(Serialize)]
struct Event {
    message_type: &'static str,
    message: String,
}

/// Checks that the repository is sound.
pub fn run(context: &Context, args: &CheckArgs) -> Result<Exit> {
    let read_data = match &args.read_data_subset {
        Some(part) => part.parse()?,
        None if args.read_data => ReadData::Everything,
        None => ReadData::Nothing,
    };
    let repository = open::repository(context)?;
    let _lock = chosen::lock(context, &repository, LockMode::Shared)?;
    let report = check(&repository, read_data, context.output.monitor(), &context.cancel)?;
    context.output.finish();
    let errors = report.errors().count();
    show(context, report, errors)?;
    Ok(if errors > 0 { Exit::Failed } else { Exit::Done })
}

fn show(context: &Context, report: CheckReport, errors: usize) -> Result<()> {
    let CheckReport { findings, snapshots, trees, packs, packs_read, bytes_read, .. } = report;
    let mut broken: Vec<String> =
        findings.iter().filter_map(Finding::broken_pack).map(|pack| pack.to_string()).collect();
    broken.sort_unstable();
    broken.dedup();
    let suggest_repair_index =
        findings.iter().any(|finding| matches!(finding, Finding::Index { .. } | Finding::PackDisputed { .. }));
    let suggest_prune = findings.iter().any(|finding| !finding.is_error() && !finding.is_mended_by_filling());
    for finding in findings {
        let message_type = if finding.is_error() { "error" } else { "warning" };
        let message = failure::sentence(&Error::new(finding));
        if context.output.is_json() {
            context.output.document(&Event { message_type, message })?;
        } else {
            context.output.result(format!("{message_type}: {message}"))?;
        }
    }
    if context.output.is_json() {
        let broken_packs = (!broken.is_empty()).then_some(broken);
        let message_type = "summary";
        let summary = Summary { message_type, num_errors: errors, broken_packs, suggest_repair_index, suggest_prune };
        return Ok(context.output.document(&summary)?);
    }
    let count = |number: usize, noun| output::count(number as u64, noun);
    let looked = [count(snapshots, "snapshot"), count(trees, "tree"), count(packs, "pack")].join(", ");
    context.output.line(format!(
        "checked {looked}; read {} ({})",
        count(packs_read, "pack"),
        output::bytes(bytes_read)
    ))?;
    context.output.line(match errors {
        0 => "no errors were found".to_owned(),
        _ => format!("{} found: the repository is damaged", count(errors, "error")),
    })?;
    Ok(())
}
