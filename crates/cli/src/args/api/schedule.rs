//! Options of `holdfast schedule`.

use clap::{Args, Subcommand};

use super::{EditArgs, ListArgs, OneArgs, RemoveArgs};

pub const EXAMPLES: &str = "\
Examples:
  holdfast schedule add nightly '30 2 * * *' --time-zone Europe/Berlin --jitter 1800
  holdfast schedule add hourly @hourly
  holdfast schedule show nightly                   # with the next times, and what a change of the clock does to them";

/// What to do with schedules.
#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// Add a schedule
    Add(ScheduleAdd),
    /// List schedules
    List(ListArgs),
    /// Show a schedule and when it is due next
    Show(OneArgs),
    /// Change a schedule
    Edit(EditArgs),
    /// Remove a schedule that no policy names
    Remove(RemoveArgs),
}

/// A schedule to add.
#[derive(Debug, Args)]
pub struct ScheduleAdd {
    /// What it is to be called
    pub name: String,
    /// When it is due: minute, hour, day of month, month, day of week; or @hourly, @daily, @weekly, @monthly, @yearly
    pub cron: String,
    /// Where that is the time of day
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub time_zone: String,
    /// Spread the clients over so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub jitter: u32,
    /// Add it, but let nothing be due by it yet
    #[arg(long)]
    pub disabled: bool,
}
