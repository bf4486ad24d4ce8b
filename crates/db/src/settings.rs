//! The server's settings. Each that was ever made is a row; all others have their defaults.

use std::collections::BTreeMap;

use holdfast_model::Settings;
use serde_json::Value;
use sqlx::Row;

use crate::connection::{Reader, Writer};
use crate::error::{DbError, During};

impl Reader {
    /// The settings that were made, by name.
    pub async fn made_settings(&mut self) -> Result<BTreeMap<String, Value>, DbError> {
        let rows = sqlx::query("SELECT name, value FROM settings ORDER BY name")
            .fetch_all(self.sql())
            .await
            .during("reading the settings")?;
        let setting = |row: &sqlx::any::AnyRow| {
            let text = |column| row.try_get::<String, usize>(column).during("reading the settings");
            let (name, value) = (text(0)?, text(1)?);
            let value = serde_json::from_str(&value).map_err(|_| corrupt(&value))?;
            Ok((name, value))
        };
        rows.iter().map(setting).collect()
    }

    /// The settings that hold.
    pub async fn settings(&mut self) -> Result<Settings, DbError> {
        let made = Value::Object(self.made_settings().await?.into_iter().collect());
        serde_json::from_value(made.clone()).map_err(|_| corrupt(&made.to_string()))
    }
}

impl Writer {
    /// Makes a setting; `None` takes it back.
    pub async fn set_setting(&mut self, name: &str, value: Option<&Value>) -> Result<(), DbError> {
        let query = match value {
            Some(value) => sqlx::query(
                "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2",
            )
            .bind(name.to_owned())
            .bind(value.to_string()),
            None => sqlx::query("DELETE FROM settings WHERE name = $1").bind(name.to_owned()),
        };
        query.execute(self.sql()).await.during("making a setting").map(drop)
    }
}

fn corrupt(value: &str) -> DbError {
    DbError::Corrupt { table: "settings", column: "value", value: value.chars().take(80).collect() }
}
