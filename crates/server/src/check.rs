//! What a spec must be beside well-formed, as far as the model can say without asking anybody.

use holdfast_api::FieldError;
use holdfast_control::PlaceRefused;
use holdfast_model::client::ClientSpec;
use holdfast_model::object::Spec;
use holdfast_model::pattern::PatternList;
use holdfast_model::policy::{PolicySpec, Work};
use holdfast_model::repository::RepositorySpec;
use holdfast_model::retention::Retention;
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::tenant::TenantSpec;

/// A spec that can be looked at before it is kept.
pub(crate) trait Check: Spec {
    /// What is wrong with it; nothing, if it can be kept.
    fn check(&self) -> Vec<FieldError>;
}

impl Check for TenantSpec {
    fn check(&self) -> Vec<FieldError> {
        Vec::new()
    }
}

impl Check for ClientSpec {
    fn check(&self) -> Vec<FieldError> {
        let checked = self.connection.check(self.hostname.as_str());
        checked.err().map(|error| FieldError::new("connection", sentence(&error))).into_iter().collect()
    }
}

impl Check for RepositorySpec {
    fn check(&self) -> Vec<FieldError> {
        let refused = holdfast_control::check_place(&self.uri).err();
        let refused = refused.map(|refused| FieldError::new("uri", refused.to_string()));
        refused.into_iter().chain(self.hot.as_deref().and_then(|hot| check_hot(hot, &self.uri))).collect()
    }
}

/// What is wrong with the address of a hot part.
fn check_hot(hot: &str, uri: &str) -> Option<FieldError> {
    let problem = match holdfast_control::check_place(hot) {
        Err(PlaceRefused::Empty) => "it must say where the hot part is, as /srv/hot, or be left out".to_owned(),
        Err(refused) => refused.to_string(),
        Ok(()) if hot == uri => "it must be another place than `uri`, which holds everything".to_owned(),
        Ok(()) => return None,
    };
    Some(FieldError::new("hot", problem))
}

impl Check for ScheduleSpec {
    fn check(&self) -> Vec<FieldError> {
        Vec::new()
    }
}

impl Check for PolicySpec {
    fn check(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if matches!(&self.work, Work::Folders(folders) if folders.paths.is_empty()) {
            errors.push(FieldError::new("work.paths", "it must have one path at least"));
        }
        errors.extend(self.retention.as_ref().and_then(|retention| keeps_nothing("retention", retention)));
        for (field, patterns, any_case) in [
            ("excludes.patterns", &self.excludes.patterns, false),
            ("excludes.patterns_any_case", &self.excludes.patterns_any_case, true),
        ] {
            if let Err(error) = PatternList::parse(patterns, any_case) {
                errors.push(FieldError::new(field, error.to_string()));
            }
        }
        for (field, hooks) in [("hooks.client", &self.hooks.client), ("hooks.server", &self.hooks.server)] {
            let is_empty = |command: &[String]| command.first().is_none_or(|program| program.is_empty());
            if hooks.all().any(|hook| is_empty(&hook.command)) {
                errors.push(FieldError::new(field, "each command must begin with a program"));
            }
        }
        errors
    }
}

/// A retention that says nothing would remove everything: whoever means that disables the policy.
pub(crate) fn keeps_nothing(field: &str, retention: &Retention) -> Option<FieldError> {
    let message = "it keeps nothing: say what is to stay, or leave it out";
    retention.is_empty().then(|| FieldError::new(field, message))
}

/// An error with its source.
fn sentence(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
