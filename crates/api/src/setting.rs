//! The server's settings, each with where its value comes from.

use std::borrow::Cow;
use std::collections::BTreeMap;

use holdfast_model::Settings;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{OneOfBuilder, SchemaType};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// The settings, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SettingList {
    /// Each of them.
    pub settings: BTreeMap<String, Setting>,
}

/// What becomes of some settings, by name; `null` takes one back to its default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SettingsChange(pub BTreeMap<String, serde_json::Value>);

/// A setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Setting {
    /// What holds.
    #[schema(value_type = Value)]
    pub value: serde_json::Value,
    /// What holds if nobody says anything.
    #[schema(value_type = Value)]
    pub default: serde_json::Value,
    /// Where the value comes from.
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// Somebody made the setting.
    Made,
}

/// The schema of the settings, of which each can be `null` too.
impl PartialSchema for SettingsChange {
    fn schema() -> RefOr<Schema> {
        let mut schema = Settings::schema();
        if let RefOr::T(Schema::Object(settings)) = &mut schema {
            settings.description =
                Some("What becomes of some settings; null takes one back to its default.".to_owned());
            for setting in settings.properties.values_mut() {
                let null = ObjectBuilder::new().schema_type(SchemaType::new(Type::Null));
                *setting = OneOfBuilder::new().item(setting.clone()).item(null).into();
            }
        }
        schema
    }
}

impl ToSchema for SettingsChange {
    fn name() -> Cow<'static, str> {
        "SettingsChange".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Settings::schemas(schemas);
    }
}
