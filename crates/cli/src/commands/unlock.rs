//! `holdfast unlock`

use anyhow::Result;

use crate::args::UnlockArgs;
use crate::exit::Exit;
use crate::output;
use crate::{Context, open};

/// Removes locks.
pub fn run(context: &Context, args: &UnlockArgs) -> Result<Exit> {
    let repository = open::repository(context)?;
    let removed = repository.unlock(args.remove_all)?;
    let left = repository.locks()?;
    context.output.finish();
    context.output.line(format!("{} removed", output::count(removed as u64, "lock")))?;
    for lock in left {
        context.output.line(format!("still locked by {lock}"))?;
    }
    Ok(Exit::Done)
}
