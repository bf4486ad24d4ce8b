//! The settings of the server: read with where each comes from, and changed one by one.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use holdfast_api::{Origin, Setting, SettingList, SettingsChange};
use holdfast_model::Settings;
use serde_json::{Map, Value};

use crate::actor::Actor;
use crate::answer::json;
use crate::body::{self, Body};
use crate::check::keeps_nothing;
use crate::failure::Failure;
use crate::server::Server;
use crate::tenant::tell_of_server;

#[utoipa::path(
    get, path = "/api/v1/settings", operation_id = "read_settings", summary = "Read the settings",
    description = "Each with its value, its default, and where the value comes from.",
    responses((status = 200, description = "All settings.", body = SettingList))
)]
pub(crate) async fn read(_: Actor, State(server): State<Server>) -> Result<Response, Failure> {
    let mut reader = server.database().read().await?;
    let made = reader.made_settings().await?;
    Ok(json(StatusCode::OK, &list(&made, &reader.settings().await?)))
}

#[utoipa::path(
    patch, path = "/api/v1/settings", operation_id = "change_settings", summary = "Change settings",
    description = "What is not named stays as it is; null takes a setting back to its default.",
    request_body = SettingsChange,
    responses((status = 200, description = "All settings, as they are now.", body = SettingList))
)]
pub(crate) async fn change(
    actor: Actor,
    State(server): State<Server>,
    Body(SettingsChange(changes)): Body<SettingsChange>,
) -> Result<Response, Failure> {
    let mut writer = server.database().write().await?;
    let mut made = writer.made_settings().await?;
    // What is taken back must be known by its name too.
    let names = changes.keys().map(|name| (name.clone(), defaults().remove(name).unwrap_or(Value::Null)));
    body::read::<Settings>(Value::Object(names.collect()))?;
    for (name, value) in changes {
        match value {
            Value::Null => made.remove(&name),
            value => made.insert(name, value),
        };
    }
    let settings: Settings = body::read(Value::Object(made.clone().into_iter().collect()))?;
    if let Some(error) = keeps_nothing("retention", &settings.retention) {
        return Err(Failure::fields(vec![error]));
    }
    let before = writer.made_settings().await?;
    let names: BTreeSet<&String> = before.keys().chain(made.keys()).collect();
    let changed: Vec<&String> = names.into_iter().filter(|name| before.get(*name) != made.get(*name)).collect();
    for name in &changed {
        writer.set_setting(name, made.get(*name)).await?;
    }
    // Events come last: whoever has told of something keeps all others from telling.
    for name in changed {
        tell_of_server(&mut writer, &server, &actor, ("setting", name), "changed").await?;
    }
    writer.commit().await?;
    Ok(json(StatusCode::OK, &list(&made, &settings)))
}

fn list(made: &BTreeMap<String, Value>, settings: &Settings) -> SettingList {
    let mut values = fields(settings);
    let setting = |(name, default): (String, Value)| {
        let origin = if made.contains_key(&name) { Origin::Made } else { Origin::Default };
        let value = values.remove(&name).unwrap_or(Value::Null);
        (name, Setting { value, default, origin })
    };
    SettingList { settings: defaults().into_iter().map(setting).collect() }
}

fn defaults() -> Map<String, Value> {
    fields(&Settings::default())
}

fn fields(settings: &Settings) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}
