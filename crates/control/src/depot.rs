//! The repositories that a process can open: where they are and how is in the database, their passwords come from their
//! sources, and one that was opened stays open for all who share the depot.
//!
//! What blocks is done in threads. A panic there fails what was asked for and nothing more.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use holdfast_model::job::{Cause, JobError};
use holdfast_model::repository::RepositorySpec;
use holdfast_model::{RepositoryUid, SecretSource};
use holdfast_repo::Repository;

use crate::control::Control;
use crate::work::Failure;
use crate::work::repositories::{Access, Repositories};
use crate::work::secrets::{Secret, Secrets};

/// Opens repositories. Clones share what is open.
#[derive(Clone)]
pub struct Depot {
    control: Control,
    secrets: Arc<Secrets>,
    repositories: Repositories,
    state: PathBuf,
}

impl Depot {
    /// With secrets from there, and what is remembered of repositories beneath `state`.
    pub fn new(control: Control, secrets: Arc<Secrets>, state: PathBuf) -> Self {
        Self { control, secrets, repositories: Repositories::default(), state }
    }

    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// Those that are open.
    pub(crate) fn repositories(&self) -> &Repositories {
        &self.repositories
    }

    /// How a repository is opened.
    pub async fn access(&self, uid: RepositoryUid) -> Result<Access, Failure> {
        let spec = self.control.db.read().await?.object::<RepositorySpec>(uid).await?.spec;
        let password = self.secret(&spec.password).await?;
        let mut credentials = BTreeMap::new();
        for (name, source) in &spec.credentials {
            credentials.insert(name.clone(), self.secret(source).await?);
        }
        Ok(Access { uid, uri: spec.uri, hot: spec.hot, password, credentials, compression: spec.compression })
    }

    async fn secret(&self, source: &SecretSource) -> Result<Secret, Failure> {
        let sealed = match source {
            SecretSource::Sealed(name) => self.control.db.read().await?.sealed(name).await?,
            _ => None,
        };
        // A file may lie on a disk that hangs.
        let (secrets, source) = (self.secrets.clone(), source.clone());
        in_thread(move || Ok(secrets.read(&source, sealed.as_deref())?)).await
    }

    /// Reads something in an open repository, in a thread.
    pub async fn with<T: Send + 'static>(
        &self,
        access: Access,
        work: impl FnOnce(&Repository) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (repositories, state) = (self.repositories.clone(), self.state.clone());
        in_thread(move || work(&repositories.get(&access, state)?)).await
    }

    /// Does something with a repository that is seen to be where it was opened, in a thread.
    pub async fn with_in_place<T: Send + 'static>(
        &self,
        access: Access,
        work: impl FnOnce(&Repository) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (repositories, state) = (self.repositories.clone(), self.state.clone());
        in_thread(move || work(&repositories.in_place(&access, state)?)).await
    }
}

/// Does work that blocks in a thread of its own. A panic there is a failure and nothing more.
pub(crate) async fn in_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let defect = || {
        let message = "a part of the program failed; this is a defect, please report it".to_owned();
        Failure::Failed(JobError { cause: Cause::Internal, message })
    };
    let done = tokio::task::spawn_blocking(move || catch_unwind(AssertUnwindSafe(work))).await;
    done.ok().and_then(Result::ok).unwrap_or_else(|| Err(defect()))
}
