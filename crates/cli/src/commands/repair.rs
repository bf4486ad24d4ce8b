//! `holdfast repair`

use anyhow::Result;
use holdfast_repo::{EngineOptions, HotReport, LockMode};
use serde::Serialize;

use super::chosen;
use crate::Context;
use crate::args::{RepairArgs, RepairCommand};
use crate::exit::Exit;
use crate::open::Access;
use crate::output;

#[derive(Serialize)]
struct Summary {
    message_type: &'static str,
    files_copied: u64,
    bytes_copied: u64,
    files_deleted: u64,
}

/// Puts in order what was named.
pub fn run(context: &Context, args: &RepairArgs) -> Result<Exit> {
    match args.command {
        RepairCommand::Hot => hot(context),
    }
}

/// Fills the hot part.
fn hot(context: &Context) -> Result<Exit> {
    let repository = Access::find(context)?.open(context, EngineOptions::default())?;
    let _lock = chosen::lock(context, &repository, LockMode::Exclusive)?;
    let HotReport { files_copied, bytes_copied, files_deleted } =
        repository.fill_hot(context.output.monitor(), &context.cancel)?;
    context.output.finish();
    if context.output.is_json() {
        let message_type = "summary";
        context.output.document(&Summary { message_type, files_copied, bytes_copied, files_deleted })?;
        return Ok(Exit::Done);
    }
    let files = |count| output::count(count, "file");
    let copied = format!("{} copied into the hot part ({})", files(files_copied), output::bytes(bytes_copied));
    context.output.line(format!("{copied}, {} deleted there", files(files_deleted)))?;
    Ok(Exit::Done)
}
