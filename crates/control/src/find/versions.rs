//! All versions of what is at one path of a client.

use std::cmp::Reverse;

use holdfast_db::catalog::ChainFilter;
use holdfast_db::{DbError, Reader};
use holdfast_model::{EntryKind, PolicyUid, RepositoryUid, SnapshotId, Time};
use holdfast_repo::tree::{display_name, name_of_display};

use super::modified_of;

/// Nothing is cataloged so far down.
const DEEPEST: usize = 1000;

/// A version of a file, or of whatever is at its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Where the snapshots are.
    pub repository: RepositoryUid,
    /// The policy, if one made them.
    pub policy: Option<PolicyUid>,
    /// What it is.
    pub kind: EntryKind,
    /// How large.
    pub size: u64,
    /// When it had been changed; none for a directory.
    pub modified: Option<Time>,
    /// The snapshots that have it, the oldest first. There is one at least.
    pub snapshots: Vec<(SnapshotId, Time)>,
}

impl Version {
    /// The oldest snapshot that has it.
    pub fn oldest(&self) -> (SnapshotId, Time) {
        self.snapshots.first().copied().unwrap_or_default()
    }

    /// The newest snapshot that has it.
    pub fn newest(&self) -> (SnapshotId, Time) {
        self.snapshots.last().copied().unwrap_or_default()
    }
}

/// All versions of what is at a path, that of the newest snapshot first. The path is as a search has found it.
pub async fn versions(reader: &mut Reader, filter: &ChainFilter, path: &str) -> Result<Vec<Version>, DbError> {
    let names: Vec<String> = path.split('/').filter(|name| !name.is_empty()).map(as_kept).collect();
    if names.len() > DEEPEST {
        return Ok(Vec::new());
    }
    let texts: Vec<&str> = names.iter().map(String::as_str).collect();
    let known = reader.catalog_known(&texts).await?;
    let ids: Option<Vec<i64>> = texts.iter().map(|name| known.get(*name).copied()).collect();
    let Some((name, above)) = ids.as_deref().and_then(<[i64]>::split_last) else { return Ok(Vec::new()) };
    let mut versions = Vec::new();
    for chain in reader.catalog_chains(filter).await? {
        let Some(directory) = reader.catalog_directory(chain, above).await? else { continue };
        let spans = reader.catalog_spans(&[(directory, *name)]).await?;
        let Some(chain) = reader.catalog_chain(chain).await? else { continue };
        for span in spans {
            let there = chain.snapshots.iter().filter(|(number, ..)| span.covers(*number));
            let mut snapshots: Vec<(SnapshotId, Time)> = there.map(|(_, id, at)| (*id, *at)).collect();
            snapshots.sort_by_key(|(id, at)| (*at, *id));
            if !snapshots.is_empty() {
                versions.push(Version {
                    repository: chain.repository,
                    policy: chain.policy,
                    kind: span.kind,
                    size: span.size.unsigned_abs(),
                    modified: modified_of(span.kind, span.modified),
                    snapshots,
                });
            }
        }
    }
    versions.sort_by_key(|version| {
        let (id, at) = version.newest();
        Reverse((at, id))
    });
    Ok(versions)
}

/// A name as the catalog keeps it. What is not written so is taken for the name itself.
fn as_kept(name: &str) -> String {
    display_name(&name_of_display(name).unwrap_or_else(|| name.as_bytes().to_vec()))
}
