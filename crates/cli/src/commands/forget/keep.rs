//! From the options of a rule to the rule.

use std::str::FromStr;

use anyhow::{Context as _, Result};
use holdfast_model::retention::{self, Retention, TagList};

use crate::args::{GroupBy, KeepArgs};

/// Reads the rule. Options that are not given keep nothing.
pub fn retention(args: &KeepArgs) -> Result<Retention> {
    let tags = args.keep_tag.iter().map(|list| match list.parse::<TagList>() {
        Ok(list) => list,
        Err(never) => match never {},
    });
    Ok(Retention {
        last: read("--keep-last", &args.keep_last)?,
        hourly: read("--keep-hourly", &args.keep_hourly)?,
        daily: read("--keep-daily", &args.keep_daily)?,
        weekly: read("--keep-weekly", &args.keep_weekly)?,
        monthly: read("--keep-monthly", &args.keep_monthly)?,
        quarterly: read("--keep-quarterly", &args.keep_quarterly)?,
        yearly: read("--keep-yearly", &args.keep_yearly)?,
        within: read("--keep-within", &args.keep_within)?,
        within_hourly: read("--keep-within-hourly", &args.keep_within_hourly)?,
        within_daily: read("--keep-within-daily", &args.keep_within_daily)?,
        within_weekly: read("--keep-within-weekly", &args.keep_within_weekly)?,
        within_monthly: read("--keep-within-monthly", &args.keep_within_monthly)?,
        within_quarterly: read("--keep-within-quarterly", &args.keep_within_quarterly)?,
        within_yearly: read("--keep-within-yearly", &args.keep_within_yearly)?,
        tags: tags.collect(),
    })
}

fn read<T>(option: &'static str, text: &Option<String>) -> Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static> + Default,
{
    text.as_deref().map_or_else(|| Ok(T::default()), |text| text.parse().context(option))
}

/// What makes a group.
pub fn group_by(names: &[GroupBy]) -> retention::GroupBy {
    retention::GroupBy {
        host: names.contains(&GroupBy::Host),
        paths: names.contains(&GroupBy::Paths),
        tags: names.contains(&GroupBy::Tags),
    }
}
