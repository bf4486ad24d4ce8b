//! `holdfast policy preview`: what a retention keeps, before it counts.

use anyhow::Result;
use holdfast_api::{ForeseenSnapshot, RetentionForecast, RetentionPreview};
use holdfast_model::client::ClientSpec;
use holdfast_model::policy::PolicySpec;

use crate::args::api::PolicyPreview;
use crate::commands::api::Session;
use crate::commands::forget;
use crate::exit::Exit;
use crate::local_time;
use crate::output::{self, Table};

/// Shows which snapshots stay, why, and until when.
pub fn run(session: &Session<'_>, args: &PolicyPreview) -> Result<Exit> {
    let policy = session.find::<PolicySpec>(&args.name)?;
    let client =
        args.client.as_ref().map(|name| session.api.find::<ClientSpec>(name, Some(policy.tenant))).transpose()?;
    let retention = Some(forget::retention(&args.keep)?).filter(|retention| !retention.is_empty());
    let draft = RetentionPreview {
        retention,
        policy: Some(policy.id),
        client: client.map(|client| client.id),
        cron: None,
        time_zone: None,
        days: args.days,
    };
    let forecast = session.api.preview_retention(&draft)?;
    if session.context.output.is_json() {
        session.context.output.document(&forecast)?;
        return Ok(Exit::Done);
    }
    show(session, args, &forecast)?;
    Ok(Exit::Done)
}

fn show(session: &Session<'_>, args: &PolicyPreview, forecast: &RetentionForecast) -> Result<()> {
    let output = &session.context.output;
    output.line(&forecast.in_words)?;
    let stays = |one: &&ForeseenSnapshot| args.all || !one.reasons.is_empty();
    let mut table = Table::new(&["Snapshot", "Time", "Stays because", "Goes"]);
    for one in forecast.snapshots.iter().filter(stays) {
        let goes = match one.goes {
            _ if one.reasons.is_empty() => "at once".to_owned(),
            Some(time) => local_time::show_time(time),
            None => "later than was looked".to_owned(),
        };
        let snapshot = one.snapshot.map_or_else(|| "made up".to_owned(), |id| id.short());
        table.row([snapshot, local_time::show_time(one.time), one.reasons.join(", "), goes]);
    }
    if !forecast.snapshots.is_empty() {
        output.lines(&table.lines())?;
    }
    let kept = output::count(forecast.kept.into(), "snapshot");
    output.line(format!("{kept} of {} stay, {} go at once", forecast.snapshots.len(), forecast.removed))?;
    Ok(())
}
