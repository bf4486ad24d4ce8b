//! A restore in words: from where, and to where.

use holdfast_api::Job;
use holdfast_api::client::ApiError;
use holdfast_model::SnapshotPath;
use holdfast_model::job::JobKind;
use holdfast_model::job::restore::{RestoreOrder, RestoreTarget, Select};

use super::names::Names;

/// From where to where a restore goes.
pub struct Words {
    /// Whose snapshot, where that is known; else which.
    of: String,
    /// The beginning of the snapshot's id.
    snapshot: String,
    /// What of it; nothing, if it is all.
    what: String,
    to: RestoreTarget,
    /// The client that it goes to.
    onto: String,
}

impl Words {
    /// Of a job, if it is a restore.
    pub fn of(names: &mut Names<'_>, job: &Job) -> Result<Option<Self>, ApiError> {
        let order = serde_json::from_value::<RestoreOrder>(job.parameters.clone());
        let (JobKind::Restore, Ok(order)) = (job.kind, order) else { return Ok(None) };
        let snapshot = order.snapshot.short().to_string();
        let of = if order.of.is_some() { names.of_client(order.of)? } else { format!("snapshot {snapshot}") };
        let (what, onto) = (what(&order.select), names.of_client(order.client())?);
        Ok(Some(Self { of, snapshot, what, to: order.target, onto }))
    }

    /// In few words.
    pub fn short(&self) -> String {
        let what = if self.what.is_empty() { String::new() } else { format!(":{}", self.what) };
        let to = match &self.to {
            RestoreTarget::Client { path, .. } => format!("{}:{path}", self.onto),
            RestoreTarget::Directory { path: Some(path) } => path.to_string(),
            RestoreTarget::Directory { path: None } => "the server".to_owned(),
        };
        format!("{}{what} to {to}", self.of)
    }

    /// Which snapshot, and what of it.
    pub fn from(&self) -> String {
        let what = if self.what.is_empty() { String::new() } else { format!(": {}", self.what) };
        match self.of.starts_with("snapshot ") {
            true => format!("{}{what}", self.of),
            false => format!("snapshot {} of {}{what}", self.snapshot, self.of),
        }
    }

    /// Where to.
    pub fn to(&self) -> String {
        match &self.to {
            RestoreTarget::Client { path, .. } => format!("{}:{path}", self.onto),
            RestoreTarget::Directory { path: Some(path) } => {
                format!("restores/{path} in the data folder of the server")
            }
            RestoreTarget::Directory { path: None } => "a directory of the server".to_owned(),
        }
    }
}

/// What is selected.
fn what(select: &Select) -> String {
    let from = select.beneath.iter().filter(|from| !from.is_root()).map(SnapshotPath::to_string).next();
    let paths = match select.paths.as_slice() {
        [] => String::new(),
        [path] => path.to_string(),
        [first, others @ ..] => format!("{first} and {} more", others.len()),
    };
    from.unwrap_or_default() + &paths
}
