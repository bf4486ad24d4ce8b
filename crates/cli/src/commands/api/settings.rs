//! `holdfast settings`

use anyhow::{Context as _, Result};
use holdfast_api::{Origin, SettingList, SettingsChange};
use serde_json::Value;

use super::{Session, yaml};
use crate::args::api::SettingsCommand;
use crate::exit::Exit;
use crate::output::Table;

/// Runs a verb on settings.
pub fn run(session: &Session<'_>, command: &SettingsCommand) -> Result<Exit> {
    let settings = match command {
        SettingsCommand::Show => session.api.settings()?,
        SettingsCommand::Set { sets } => {
            let change = sets.iter().map(|text| set(text)).collect::<Result<_>>()?;
            session.api.change_settings(&SettingsChange(change))?
        }
        SettingsCommand::Unset { names } => {
            let change = names.iter().map(|name| (name.clone(), Value::Null)).collect();
            session.api.change_settings(&SettingsChange(change))?
        }
    };
    if session.context.output.is_json() {
        session.context.output.document(&settings)?;
    } else {
        session.context.output.lines(&table(&settings)?.lines())?;
    }
    Ok(Exit::Done)
}

fn set(text: &str) -> Result<(String, Value)> {
    let wrong = || format!("{text:?} sets nothing: write NAME=VALUE, as in jobs_at_once=4");
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).with_context(wrong)?;
    let value = yaml::read(value).with_context(|| format!("the value of {name} makes no sense"))?;
    Ok((name.to_owned(), value))
}

fn table(settings: &SettingList) -> Result<Table> {
    let mut table = Table::new(&["Setting", "Value", "From"]);
    for (name, setting) in &settings.settings {
        let from = match setting.origin {
            Origin::Default => "default",
            Origin::Made => "set here",
        };
        table.row([name.clone(), shown(&setting.value)?, from.to_owned()]);
    }
    Ok(table)
}

/// A value for people: of what has parts, a line each, without those that say nothing.
fn shown(value: &Value) -> Result<String> {
    let says_nothing =
        |value: &Value| value.is_null() || *value == 0 || *value == "" || value.as_array().is_some_and(Vec::is_empty);
    let value = match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !says_nothing(value))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        other => other.clone(),
    };
    Ok(yaml::write(&value)?.trim_end().to_owned())
}
