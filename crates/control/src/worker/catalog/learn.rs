//! Which snapshots a repository has, by its own word: those of an adopted repository, or of a database that was lost.
//!
//! Whose they are is said by tags that the server itself has written; where such a client or policy is not known, it is nobody's.

use std::collections::BTreeSet;
use std::str::FromStr;

use holdfast_db::{DbErrorKind, KnownSnapshot, Reader, SnapshotDetails, SnapshotQuery};
use holdfast_model::client::ClientSpec;
use holdfast_model::job::Job;
use holdfast_model::object::Spec;
use holdfast_model::policy::PolicySpec;
use holdfast_model::{JobUid, Monitor, SnapshotId, TenantUid};
use holdfast_repo::SavedSnapshot;

use crate::control::ControlError;
use crate::work::Failure;
use crate::work::backup::{CLIENT_TAG, POLICY_TAG};
use crate::work::repositories::Access;
use crate::worker::{AtWork, Worker};

impl Worker {
    /// Notes the snapshots of a repository that are not known yet, and that known ones are gone.
    pub(super) async fn learn_snapshots(&self, job: &Job, access: Access, at_work: &AtWork) -> Result<(), Failure> {
        let repository = access.uid;
        // What is known first: a snapshot that is made meanwhile is then missing in neither.
        let query = SnapshotQuery { repository: Some(repository), limit: i32::MAX as u32, ..SnapshotQuery::default() };
        let known = self.control.db.read().await?.snapshots(&query).await?;
        let known: BTreeSet<SnapshotId> = known.into_iter().map(|snapshot| snapshot.id).collect();
        let found = self.with_repository(access, |repository| Ok(repository.read_snapshots()?)).await?;
        let there: BTreeSet<SnapshotId> =
            found.good.iter().map(|one| one.id).chain(found.damaged.iter().map(|(id, _)| *id)).collect();
        for (id, error) in &found.damaged {
            at_work.notes.warning(&format!("snapshot {} cannot be read: {error}", id.short()));
        }
        let mut reader = self.control.db.read().await?;
        let mut new = Vec::new();
        for snapshot in found.good.iter().filter(|one| !known.contains(&one.id)) {
            new.push(of_tags(&mut reader, job.tenant, repository, snapshot).await?);
        }
        drop(reader);
        let gone: Vec<SnapshotId> = known.difference(&there).copied().collect();
        at_work.notes.note(&format!(
            "the repository has {} snapshots, {} of them not known before; {} that were known are gone",
            there.len(),
            new.len(),
            gone.len()
        ));
        let mut writer = self.control.db.write().await?;
        for snapshot in &new {
            writer.add_snapshot(snapshot).await?;
        }
        for id in gone {
            writer.remove_snapshot(repository, id).await?;
        }
        Ok(writer.commit().await?)
    }
}

async fn of_tags(
    reader: &mut Reader,
    tenant: TenantUid,
    repository: holdfast_model::RepositoryUid,
    snapshot: &SavedSnapshot,
) -> Result<KnownSnapshot, ControlError> {
    let summary = snapshot.summary.as_ref();
    Ok(KnownSnapshot {
        repository,
        id: snapshot.id,
        tenant,
        client: object_of::<ClientSpec>(reader, tenant, CLIENT_TAG, snapshot).await?,
        policy: object_of::<PolicySpec>(reader, tenant, POLICY_TAG, snapshot).await?,
        job: JobUid::of_tags(&snapshot.tags),
        at: snapshot.time.at.to_time(),
        complete: true,
        hostname: snapshot.hostname.clone(),
        details: SnapshotDetails {
            paths: snapshot.paths.clone(),
            tags: snapshot.tags.clone(),
            files: summary.map(|summary| summary.total_files_processed),
            bytes: summary.map(|summary| summary.total_bytes_processed),
        },
    })
}

/// The object whose id stands behind a word in a tag, if it is this tenant's.
async fn object_of<S: Spec>(
    reader: &mut Reader,
    tenant: TenantUid,
    word: &str,
    snapshot: &SavedSnapshot,
) -> Result<Option<S::Uid>, ControlError>
where
    S::Uid: FromStr + Copy,
{
    let uid = snapshot.tags.iter().find_map(|tag| tag.strip_prefix(word)?.parse::<S::Uid>().ok());
    let Some(uid) = uid else { return Ok(None) };
    match reader.object::<S>(uid).await {
        Ok(object) => Ok((object.tenant == tenant).then_some(uid)),
        Err(error) if error.kind() == DbErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
