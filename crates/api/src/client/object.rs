//! Tenants, clients, repositories, schedules and policies: listed, found by name or id, made, replaced, removed.

use holdfast_model::client::ClientSpec;
use holdfast_model::object::Spec;
use holdfast_model::policy::PolicySpec;
use holdfast_model::repository::{RepositorySize, RepositorySpec};
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::tenant::TenantSpec;
use holdfast_model::{RepositoryUid, TenantUid, Time};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::Method;

use super::transport::Call;
use super::{ApiClient, ApiError};
use crate::{NewObject, Object, Page, Replacement, Upcoming};

/// A kind of objects that the API has.
pub trait Resource: Spec<Uid: Serialize + DeserializeOwned> {
    /// Where they are found.
    const PATH: &'static str;
}

impl Resource for TenantSpec {
    const PATH: &'static str = "/api/v1/tenants";
}

impl Resource for ClientSpec {
    const PATH: &'static str = "/api/v1/clients";
}

impl Resource for RepositorySpec {
    const PATH: &'static str = "/api/v1/repositories";
}

impl Resource for ScheduleSpec {
    const PATH: &'static str = "/api/v1/schedules";
}

impl Resource for PolicySpec {
    const PATH: &'static str = "/api/v1/policies";
}

/// Which objects are wanted: all that is said must hold.
#[derive(Debug, Clone, Default)]
pub struct ObjectQuery {
    /// Of this tenant.
    pub tenant: Option<TenantUid>,
    /// Enabled or not.
    pub enabled: Option<bool>,
    /// With any of these tags.
    pub tags: Vec<String>,
    /// With this in their name, in any case.
    pub name_contains: Option<String>,
}

/// So many come at once.
const PAGE: &str = "200";

impl ObjectQuery {
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = vec![("limit", PAGE.to_owned())];
        parameters.extend(self.tenant.map(|tenant| ("tenant", tenant.to_string())));
        parameters.extend(self.enabled.map(|enabled| ("enabled", enabled.to_string())));
        parameters.extend(self.tags.iter().map(|tag| ("tag", tag.clone())));
        parameters.extend(self.name_contains.iter().map(|part| ("q", part.clone())));
        parameters
    }
}

impl ApiClient {
    /// All objects that are wanted, by name.
    pub fn list<S: Resource>(&self, query: &ObjectQuery) -> Result<Vec<Object<S>>, ApiError> {
        self.all_pages(S::PATH, query.parameters(), usize::MAX)
    }

    /// Reads an object by its id.
    pub fn read<S: Resource>(&self, uid: S::Uid) -> Result<Object<S>, ApiError> {
        self.transport.get(&place::<S>(uid), &[])
    }

    /// The object of this name or id; of this tenant, if one is said.
    pub fn find<S: Resource>(&self, name: &str, tenant: Option<TenantUid>) -> Result<Object<S>, ApiError> {
        if let Ok(uid) = name.parse() {
            return self.read(uid);
        }
        let query = ObjectQuery { tenant, name_contains: Some(name.to_owned()), ..ObjectQuery::default() };
        let alike: Vec<Object<S>> = self.list(&query)?;
        let near = match alike.as_slice() {
            [one] => Some(one.spec.name().to_string()),
            _ => None,
        };
        let mut found: Vec<_> = alike.into_iter().filter(|object| object.spec.name().as_str() == name).collect();
        match (found.pop(), found.len()) {
            (Some(object), 0) => Ok(object),
            (Some(_), others) => Err(ApiError::Ambiguous { kind: S::KIND, name: name.to_owned(), count: others + 1 }),
            (None, _) => Err(ApiError::NoSuch { kind: S::KIND, name: name.to_owned(), near }),
        }
    }

    /// Makes an object; the default tenant's, if none is said.
    pub fn create<S: Resource>(&self, spec: S, tenant: Option<TenantUid>) -> Result<Object<S>, ApiError> {
        self.transport.ask(Call::new(Method::POST, S::PATH).body(&NewObject { tenant, spec }))
    }

    /// Replaces what is said of an object, if it still has this revision.
    pub fn replace<S: Resource>(&self, uid: S::Uid, revision: u64, spec: S) -> Result<Object<S>, ApiError> {
        self.replace_as(uid, revision, &Replacement { spec })
    }

    /// As [`ApiClient::replace`], with a spec that the server is to look at first: it names each field that is wrong.
    pub fn replace_raw<S: Resource>(
        &self,
        uid: S::Uid,
        revision: u64,
        spec: &serde_json::Value,
    ) -> Result<Object<S>, ApiError> {
        self.replace_as(uid, revision, &serde_json::json!({ "spec": spec }))
    }

    fn replace_as<S: Resource>(
        &self,
        uid: S::Uid,
        revision: u64,
        body: &impl Serialize,
    ) -> Result<Object<S>, ApiError> {
        self.transport.ask(Call::new(Method::PUT, &place::<S>(uid)).body(body).revision(revision))
    }

    /// Removes an object that nothing needs, if it still has this revision.
    pub fn remove<S: Resource>(&self, uid: S::Uid, revision: u64) -> Result<(), ApiError> {
        self.transport.tell(Call::new(Method::DELETE, &place::<S>(uid)).revision(revision))
    }

    /// When a schedule is due next.
    pub fn upcoming(&self, uid: holdfast_model::ScheduleUid, count: u32) -> Result<Upcoming, ApiError> {
        self.transport.get(&format!("{}/upcoming", place::<ScheduleSpec>(uid)), &[("count", count.to_string())])
    }

    /// How large a repository was when it was first looked into since a time.
    pub fn size_since(&self, uid: RepositoryUid, since: Time) -> Result<Option<RepositorySize>, ApiError> {
        let path = format!("{}/sizes", place::<RepositorySpec>(uid));
        let oldest = [("since", since.to_string()), ("sort", "created".to_owned()), ("limit", "1".to_owned())];
        Ok(self.all_pages(&path, oldest.into(), 1)?.pop())
    }

    /// The pages of a list, one behind the other, until there are so many rows.
    pub(super) fn all_pages<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: Vec<(&'static str, String)>,
        most: usize,
    ) -> Result<Vec<T>, ApiError> {
        let (mut items, mut cursor) = (Vec::new(), None);
        loop {
            let mut parameters = parameters.clone();
            parameters.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let page: Page<T> = self.transport.get(path, &parameters)?;
            // A page without rows that leads on would lead on for ever.
            let is_empty = page.items.is_empty();
            items.extend(page.items);
            cursor = page.next_cursor.filter(|_| !is_empty && items.len() < most);
            if cursor.is_none() {
                items.truncate(most);
                return Ok(items);
            }
        }
    }
}

/// Where an object is.
pub(super) fn place<S: Resource>(uid: S::Uid) -> String {
    format!("{}/{uid}", S::PATH)
}
