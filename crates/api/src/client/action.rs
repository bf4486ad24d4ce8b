//! What objects are asked to do: each is answered with the job that does it.

use std::collections::BTreeSet;

use holdfast_model::client::{ClientSpec, HostKey};
use holdfast_model::policy::PolicySpec;
use holdfast_model::repository::RepositorySpec;
use holdfast_model::{ClientUid, Name, PolicyUid, RepositoryUid};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::Method;

use super::object::{Resource, place};
use super::transport::Call;
use super::{ApiClient, ApiError};
use crate::{
    AcceptHostKeys, CheckRepository, Chunker, Client, CopyRepository, Job, JobList, PrepareRepository,
    RetentionForecast, RetentionPreview, RunRequest,
};

impl ApiClient {
    /// Finds out whether a client can be backed up.
    pub fn prepare_client(&self, uid: ClientUid) -> Result<Job, ApiError> {
        self.act::<ClientSpec, _>(uid, "prepare", None::<&()>)
    }

    /// Believes these keys of a client, and no others.
    pub fn accept_host_keys(&self, uid: ClientUid, keys: &[HostKey]) -> Result<Client, ApiError> {
        self.act::<ClientSpec, _>(uid, "accept-host-keys", Some(&AcceptHostKeys { keys: keys.to_vec() }))
    }

    /// Opens a repository and notes what is in it; makes it first, with this chunker, if that is wanted.
    pub fn prepare_repository(&self, uid: RepositoryUid, create: Option<Chunker>) -> Result<Job, ApiError> {
        let body = PrepareRepository { create: create.is_some(), chunker: create.unwrap_or_default() };
        self.act::<RepositorySpec, _>(uid, "prepare", Some(&body))
    }

    /// Looks whether a repository is in order, and reads all its data if that is wanted.
    pub fn check(&self, uid: RepositoryUid, read_data: bool) -> Result<Job, ApiError> {
        self.act::<RepositorySpec, _>(uid, "check", Some(&CheckRepository { read_data }))
    }

    /// Deletes what no snapshot in a repository needs.
    pub fn prune(&self, uid: RepositoryUid) -> Result<Job, ApiError> {
        self.act::<RepositorySpec, _>(uid, "prune", None::<&()>)
    }

    /// Copies snapshots of a repository to another one.
    pub fn copy_repository(&self, uid: RepositoryUid, copy: &CopyRepository) -> Result<Job, ApiError> {
        self.act::<RepositorySpec, _>(uid, "copy", Some(copy))
    }

    /// Restores some files of a repository's newest snapshots, to prove that they can be.
    pub fn verify_repository(&self, uid: RepositoryUid) -> Result<Job, ApiError> {
        self.act::<RepositorySpec, _>(uid, "verify", None::<&()>)
    }

    /// Makes the names in a repository searchable.
    pub fn catalog_repository(&self, uid: RepositoryUid) -> Result<Job, ApiError> {
        self.act::<RepositorySpec, _>(uid, "catalog", None::<&()>)
    }

    /// Runs a policy now, for all of its clients or only these.
    pub fn run_policy(&self, uid: PolicyUid, clients: Option<BTreeSet<Name>>) -> Result<JobList, ApiError> {
        self.act::<PolicySpec, _>(uid, "run", Some(&RunRequest { clients }))
    }

    /// What a retention keeps, of real snapshots or of some that are made up. Nothing is removed.
    pub fn preview_retention(&self, draft: &RetentionPreview) -> Result<RetentionForecast, ApiError> {
        self.transport.ask(Call::new(Method::POST, "/api/v1/retention/preview").body(draft))
    }

    fn act<S: Resource, T: DeserializeOwned>(
        &self,
        uid: S::Uid,
        action: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, ApiError> {
        let path = format!("{}/{action}", place::<S>(uid));
        let call = Call::new(Method::POST, &path);
        self.transport.ask(match body {
            Some(body) => call.body(body),
            None => call,
        })
    }
}
