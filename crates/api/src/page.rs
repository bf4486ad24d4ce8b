//! Lists, a page at a time.
//!
//! A page goes on behind the last row of the one before, so that what is added or removed meanwhile moves nothing.

use std::borrow::Cow;

use holdfast_model::client::ClientSpec;
use holdfast_model::policy::PolicySpec;
use holdfast_model::repository::{RepositorySize, RepositorySpec};
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::tenant::TenantSpec;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Ref, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::{FileVersion, FoundPath, Job, Object, Snapshot};

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// What to ask for the next page with; `null` on the last one.
    pub next_cursor: Option<String>,
}

/// A page of tenants.
pub type TenantPage = Page<Object<TenantSpec>>;
/// A page of clients.
pub type ClientPage = Page<Object<ClientSpec>>;
/// A page of repositories.
pub type RepositoryPage = Page<Object<RepositorySpec>>;
/// A page of sizes of a repository.
pub type RepositorySizePage = Page<RepositorySize>;
/// A page of schedules.
pub type SchedulePage = Page<Object<ScheduleSpec>>;
/// A page of policies.
pub type PolicyPage = Page<Object<PolicySpec>>;
/// A page of snapshots.
pub type SnapshotPage = Page<Snapshot>;
/// A page of jobs.
pub type JobPage = Page<Job>;
/// A page of paths that were found.
pub type FoundPathPage = Page<FoundPath>;
/// A page of versions of a file.
pub type FileVersionPage = Page<FileVersion>;

/// Written by hand, so that pages have plain names: `ClientPage`.
impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let cursor = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some("What to ask for the next page with; null on the last one."));
        ObjectBuilder::new()
            .description(Some("A page of a list."))
            .property("items", ArrayBuilder::new().items(Ref::from_schema_name(T::name())))
            .required("items")
            .property("next_cursor", cursor)
            .required("next_cursor")
            .into()
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Page", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}
