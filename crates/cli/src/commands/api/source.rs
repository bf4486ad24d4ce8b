//! Which snapshot is meant: `CLIENT[:PATH]`, the newest of a client, or `SNAPSHOT[:PATH]`, one by the beginning of its id.

use anyhow::{Context as _, Result, bail};
use holdfast_api::client::{ApiErrorKind, SnapshotQuery};
use holdfast_api::{Client, Snapshot};
use holdfast_model::client::ClientSpec;
use holdfast_model::{RepositoryUid, SnapshotPath};

use super::Session;

/// Fewer digits of an id name no snapshot.
const FEWEST: usize = 4;

/// Which snapshot.
pub enum Source {
    /// The newest of this client.
    Newest(Box<Client>),
    /// This one.
    Snapshot(Box<Snapshot>),
}

impl Source {
    /// What a text with or without a path means; in this repository, if one is said.
    pub fn find(session: &Session<'_>, text: &str, repository: Option<RepositoryUid>) -> Result<Self> {
        let name = text.split_once(':').map_or(text, |(name, _)| name);
        let is_id = (FEWEST..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        match session.find::<ClientSpec>(name) {
            Ok(client) => Ok(Self::Newest(Box::new(client))),
            Err(error) if error.kind() == ApiErrorKind::NotFound && is_id => {
                let query = SnapshotQuery { tenant: session.tenant, repository, ..SnapshotQuery::default() };
                Ok(Self::Snapshot(Box::new(snapshot(session, &name.to_ascii_lowercase(), &query)?)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The snapshot; of a client, the newest that there is now.
    pub fn snapshot(self, session: &Session<'_>, repository: Option<RepositoryUid>) -> Result<Snapshot> {
        let client = match self {
            Self::Snapshot(snapshot) => return Ok(*snapshot),
            Self::Newest(client) => client,
        };
        let query = SnapshotQuery { client: Some(client.id), repository, ..SnapshotQuery::default() };
        let newest = session.api.snapshots(&query, 1)?.pop();
        let there = if repository.is_some() { " in this repository" } else { "" };
        newest.with_context(|| format!("there is no snapshot of {}{there}", client.spec.hostname))
    }
}

/// The path in such a text, if it has one.
pub fn path(text: &str) -> Result<Option<SnapshotPath>> {
    let path = text.split_once(':').map(|(_, path)| path);
    path.map(|path| path.parse().with_context(|| format!("{path:?} is no path in a snapshot"))).transpose()
}

fn snapshot(session: &Session<'_>, beginning: &str, query: &SnapshotQuery) -> Result<Snapshot> {
    let mut all = session.api.snapshots(query, usize::MAX)?;
    all.retain(|snapshot| snapshot.id.to_string().starts_with(beginning));
    match (all.pop(), all.len()) {
        (Some(snapshot), 0) => Ok(snapshot),
        (Some(_), others) => bail!("{} snapshots begin with {beginning}: say more of the id", others + 1),
        (None, _) => bail!("there is no client named {beginning}, and no snapshot begins with it"),
    }
}
