//! From ids to names: jobs and snapshots name what they are of by id, and people know names.

use std::collections::HashMap;
use std::hash::Hash;

use anyhow::Result;
use holdfast_api::Job;
use holdfast_api::client::{ApiClient, ApiError, ApiErrorKind, Resource};
use holdfast_model::client::ClientSpec;
use holdfast_model::object::Spec;
use holdfast_model::policy::PolicySpec;
use holdfast_model::repository::RepositorySpec;
use holdfast_model::{ClientUid, PolicyUid, RepositoryUid};

use super::restore_words::Words;

/// Names that were asked for before.
pub struct Names<'a> {
    api: &'a ApiClient,
    clients: HashMap<ClientUid, String>,
    policies: HashMap<PolicyUid, String>,
    repositories: HashMap<RepositoryUid, String>,
}

impl<'a> Names<'a> {
    pub fn new(api: &'a ApiClient) -> Self {
        Self { api, clients: HashMap::new(), policies: HashMap::new(), repositories: HashMap::new() }
    }

    /// The name of a job's client; nothing if it has none.
    pub fn client(&mut self, job: &Job) -> Result<String, ApiError> {
        self.of_client(job.client)
    }

    /// The name of a client, if there is one.
    pub fn of_client(&mut self, uid: Option<ClientUid>) -> Result<String, ApiError> {
        name::<ClientSpec>(self.api, &mut self.clients, uid)
    }

    /// The name of a job's policy; nothing if it has none.
    pub fn policy(&mut self, job: &Job) -> Result<String, ApiError> {
        self.of_policy(job.policy)
    }

    /// The name of a job's repository; nothing if it has none.
    pub fn repository(&mut self, job: &Job) -> Result<String, ApiError> {
        self.of_repository(job.repository)
    }

    /// The name of a policy, if there is one.
    pub fn of_policy(&mut self, uid: Option<PolicyUid>) -> Result<String, ApiError> {
        name::<PolicySpec>(self.api, &mut self.policies, uid)
    }

    /// The name of a repository, if there is one.
    pub fn of_repository(&mut self, uid: Option<RepositoryUid>) -> Result<String, ApiError> {
        name::<RepositorySpec>(self.api, &mut self.repositories, uid)
    }

    /// What a job is, in words: `backup of web1`, `check of main`, `restore of web1:/etc to web2:/tmp`.
    pub fn of(&mut self, job: &Job) -> Result<String, ApiError> {
        if let Some(words) = Words::of(self, job)? {
            return Ok(format!("{} of {}", job.kind, words.short()));
        }
        let client = self.client(job)?;
        let what = if client.is_empty() { self.repository(job)? } else { client };
        Ok(if what.is_empty() { job.kind.to_string() } else { format!("{} of {what}", job.kind) })
    }
}

fn name<S: Resource<Uid: Hash>>(
    api: &ApiClient,
    known: &mut HashMap<S::Uid, String>,
    uid: Option<S::Uid>,
) -> Result<String, ApiError> {
    let Some(uid) = uid else { return Ok(String::new()) };
    if let Some(name) = known.get(&uid) {
        return Ok(name.clone());
    }
    let name = match api.read::<S>(uid) {
        Ok(object) => Spec::name(&object.spec).to_string(),
        // It was removed, and its jobs are still there.
        Err(error) if error.kind() == ApiErrorKind::NotFound => uid.to_string(),
        Err(error) => return Err(error),
    };
    known.insert(uid, name.clone());
    Ok(name)
}
