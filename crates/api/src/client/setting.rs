//! The settings of the server.

use ureq::http::Method;

use super::transport::Call;
use super::{ApiClient, ApiError};
use crate::{SettingList, SettingsChange};

const PATH: &str = "/api/v1/settings";

impl ApiClient {
    /// All settings.
    pub fn settings(&self) -> Result<SettingList, ApiError> {
        self.transport.get(PATH, &[])
    }

    /// Changes some settings, and gives back all.
    pub fn change_settings(&self, change: &SettingsChange) -> Result<SettingList, ApiError> {
        self.transport.ask(Call::new(Method::PATCH, PATH).body(change))
    }
}
