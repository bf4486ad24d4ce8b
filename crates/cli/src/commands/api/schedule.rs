//! `holdfast schedule`

use anyhow::Result;
use holdfast_api::{Schedule, Upcoming};
use holdfast_model::schedule::{ClockChange, ScheduleSpec};

use super::Session;
use super::object::{Shown, yes_or_no};
use crate::args::api::{ScheduleAdd, ScheduleCommand};
use crate::exit::Exit;

/// So many of the next times are shown.
const NEXT: u32 = 5;

/// Runs a verb on schedules.
pub fn run(session: &Session<'_>, command: &ScheduleCommand) -> Result<Exit> {
    match command {
        ScheduleCommand::Add(args) => add(session, args),
        ScheduleCommand::List(args) => session.show_list::<ScheduleSpec>(args),
        ScheduleCommand::Show(args) => {
            session.show_one::<ScheduleSpec>(args, |schedule| Ok(next(&session.api.upcoming(schedule.id, NEXT)?)))
        }
        ScheduleCommand::Edit(args) => session.edit_one::<ScheduleSpec>(args),
        ScheduleCommand::Remove(args) => session.remove_one::<ScheduleSpec>(args),
    }
}

fn add(session: &Session<'_>, args: &ScheduleAdd) -> Result<Exit> {
    let spec = ScheduleSpec {
        name: args.name.parse()?,
        cron: args.cron.parse()?,
        time_zone: args.time_zone.parse()?,
        jitter_seconds: args.jitter,
        enabled: !args.disabled,
    };
    let schedule = session.api.create(spec, session.tenant)?;
    session.tell(&schedule, "added")?;
    for line in next(&session.api.upcoming(schedule.id, NEXT)?) {
        session.context.output.line(line)?;
    }
    Ok(Exit::Done)
}

/// What the expression means, and when that is.
fn next(upcoming: &Upcoming) -> Vec<String> {
    let mut lines = vec![format!("{}, in {}:", upcoming.in_words.trim_end_matches('.'), upcoming.time_zone)];
    for occurrence in &upcoming.occurrences {
        let change =
            occurrence.clock_change.as_ref().map(|change| format!("  ({})", in_words(*change))).unwrap_or_default();
        lines.push(format!("  {}{change}", occurrence.local));
    }
    if upcoming.occurrences.is_empty() {
        lines.push("  never: there is no such time in the calendar".to_owned());
    }
    lines
}

fn in_words(change: ClockChange) -> &'static str {
    match change {
        ClockChange::Moved => "the clock leaves the time of day out: due when it has been put forward",
        ClockChange::Twice => "the time of day comes twice: due the first time",
        ClockChange::LeftOut => "the clock leaves a time before this one out",
    }
}

impl Shown for ScheduleSpec {
    const HEADINGS: &'static [&'static str] = &["When", "Time zone", "Enabled", "In words"];

    fn cells(object: &Schedule) -> Vec<String> {
        let spec = &object.spec;
        vec![spec.cron.to_string(), spec.time_zone.to_string(), yes_or_no(spec.enabled), spec.cron.describe()]
    }

    fn found(_: &Schedule) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}
