//! `holdfast copy`

use anyhow::Result;
use holdfast_repo::{CopyReport, copy_snapshots};
use holdfast_store::Sleep;
use serde::Serialize;

use super::{chosen, snapshots};
use crate::args::CopyArgs;
use crate::exit::Exit;
use crate::output;
use crate::{Context, open, password};

#[derive(Serialize)]
struct Summary {
    message_type: &'static str,
    snapshots_copied: Vec<Copied>,
    snapshots_skipped: Vec<Copied>,
}

#[derive(Serialize)]
struct Copied {
    from: String,
    to: String,
}

/// Copies snapshots to another repository.
pub fn run(context: &Context, args: &CopyArgs) -> Result<Exit> {
    let from = open::repository(context)?;
    let password = match password::of_other(args.to_password_file.as_deref())? {
        Some(password) => password,
        None => password::of_repository(&context.global)?,
    };
    let to = open::other(context, &args.to, args.to_hot.as_deref(), &password)?;
    if from.id() == to.id() {
        anyhow::bail!("{} and {} are the same repository", from.location(), to.location());
    }
    let snapshots = chosen::snapshots(&from, &args.ids, &snapshots::filter(&args.filter))?;
    let pause = Sleep::new(context.cancel.clone());
    let report = copy_snapshots(&from, &snapshots, &to, &pause, context.output.monitor(), &context.cancel)?;
    context.output.finish();
    show(context, &report)?;
    Ok(Exit::Done)
}

fn show(context: &Context, report: &CopyReport) -> Result<()> {
    if context.output.is_json() {
        let pair = |from: String, to: String| Copied { from, to };
        return Ok(context.output.document(&Summary {
            message_type: "summary",
            snapshots_copied: report.copied.iter().map(|(a, b)| pair(a.to_string(), b.id.to_string())).collect(),
            snapshots_skipped: report.skipped.iter().map(|(a, b)| pair(a.to_string(), b.to_string())).collect(),
        })?);
    }
    for (from, to) in &report.copied {
        context.output.line(format!("snapshot {} copied, there it is {}", from.short(), to.id.short()))?;
    }
    let count = |number: usize| output::count(number as u64, "snapshot");
    let (copied, skipped) = (count(report.copied.len()), count(report.skipped.len()));
    context.output.line(format!("{copied} copied, {skipped} had been copied before"))?;
    Ok(())
}
