//! The operations of each kind, as the document has them: thin, so that each has its own name and words.

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use holdfast_api::{
    Client, ClientPage, NewClient, NewPolicy, NewRepository, NewSchedule, NewTenant, Policy, PolicyPage,
    ReplacementClient, ReplacementPolicy, ReplacementRepository, ReplacementSchedule, ReplacementTenant, Repository,
    RepositoryPage, Schedule, SchedulePage, Tenant, TenantPage,
};
use holdfast_model::client::ClientSpec;
use holdfast_model::policy::PolicySpec;
use holdfast_model::repository::RepositorySpec;
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::tenant::TenantSpec;
use holdfast_model::{ClientUid, PolicyUid, RepositoryUid, ScheduleUid, TenantUid};

use super::list::ListParameters;
use crate::actor::Actor;
use crate::body::Body;
use crate::failure::Failure;
use crate::id::Id;
use crate::server::Server;

macro_rules! operations {
    (
        $kind:ident: $spec:ident $uid:ident $object:ident $new:ident $replacement:ident $page:ident,
        $path:tt, $path_of_one:tt,
        list: $list:tt $list_summary:tt, create: $create:tt $create_summary:tt, read: $read:tt $read_summary:tt,
        replace: $replace:tt $replace_summary:tt, delete: $delete:tt $delete_summary:tt
    ) => {
        pub(crate) mod $kind {
            use super::*;

            #[utoipa::path(
                get, path = $path, operation_id = $list, summary = $list_summary,
                description = "Filtered by what is said, all of which must hold; sorted; page by page.",
                params(ListParameters),
                responses((status = 200, description = "A page of the list.", body = $page))
            )]
            pub(crate) async fn list(
                _: Actor,
                State(server): State<Server>,
                RawQuery(raw): RawQuery,
            ) -> Result<Response, Failure> {
                crate::objects::list::list::<$spec>(&server, raw.as_deref()).await
            }

            #[utoipa::path(
                post, path = $path, operation_id = $create, summary = $create_summary,
                description = "What is not said gets its default. A name is given once.",
                request_body = $new,
                responses((
                    status = 201, description = "It was made.", body = $object,
                    headers(("location" = String, description = "Where it is."), ("etag" = String, description = "Its revision."))
                ))
            )]
            pub(crate) async fn create(
                actor: Actor,
                State(server): State<Server>,
                Body(new): Body<$new>,
            ) -> Result<Response, Failure> {
                crate::objects::create(&server, &actor, new).await
            }

            #[utoipa::path(
                get, path = $path_of_one, operation_id = $read, summary = $read_summary,
                params(("id" = $uid, Path, description = "Its id.")),
                responses((
                    status = 200, description = "All that is known of it.", body = $object,
                    headers(("etag" = String, description = "Its revision."))
                ))
            )]
            pub(crate) async fn read(
                _: Actor,
                State(server): State<Server>,
                Id(uid): Id<$uid>,
            ) -> Result<Response, Failure> {
                crate::objects::read::<$spec>(&server, uid).await
            }

            #[utoipa::path(
                put, path = $path_of_one, operation_id = $replace, summary = $replace_summary,
                description = "All of the spec is replaced: what is left out gets its default. Under a new name it is \
                               followed by all that name it. Only the revision that was read is replaced.",
                params(
                    ("id" = $uid, Path, description = "Its id."),
                    ("if-match" = String, Header, pattern = r#"^(\*|"[0-9]+")$"#, description = "The ETag that reading it gave, or * for any.")
                ),
                request_body = $replacement,
                responses((
                    status = 200, description = "It was replaced.", body = $object,
                    headers(("etag" = String, description = "Its new revision."))
                ))
            )]
            pub(crate) async fn replace(
                actor: Actor,
                State(server): State<Server>,
                Id(uid): Id<$uid>,
                headers: HeaderMap,
                Body(new): Body<$replacement>,
            ) -> Result<Response, Failure> {
                crate::objects::replace(&server, &actor, uid, &headers, new).await
            }

            #[utoipa::path(
                delete, path = $path_of_one, operation_id = $delete, summary = $delete_summary,
                description = "Only if nothing names it. What it made stays: jobs, logs, snapshots.",
                params(
                    ("id" = $uid, Path, description = "Its id."),
                    ("if-match" = Option<String>, Header, pattern = r#"^(\*|"[0-9]+")$"#, description = "The ETag of the only revision to remove.")
                ),
                responses((status = 204, description = "It is gone."))
            )]
            pub(crate) async fn delete(
                actor: Actor,
                State(server): State<Server>,
                Id(uid): Id<$uid>,
                headers: HeaderMap,
            ) -> Result<Response, Failure> {
                crate::objects::delete::<$spec>(&server, &actor, uid, &headers).await
            }
        }
    };
}

operations! {
    tenants: TenantSpec TenantUid Tenant NewTenant ReplacementTenant TenantPage,
    "/api/v1/tenants", "/api/v1/tenants/{id}",
    list: "list_tenants" "List tenants", create: "create_tenant" "Make a tenant", read: "read_tenant" "Read a tenant",
    replace: "replace_tenant" "Replace a tenant", delete: "delete_tenant" "Remove a tenant"
}

operations! {
    clients: ClientSpec ClientUid Client NewClient ReplacementClient ClientPage,
    "/api/v1/clients", "/api/v1/clients/{id}",
    list: "list_clients" "List clients", create: "create_client" "Enrol a client", read: "read_client" "Read a client",
    replace: "replace_client" "Replace a client", delete: "delete_client" "Remove a client"
}

operations! {
    repositories: RepositorySpec RepositoryUid Repository NewRepository ReplacementRepository RepositoryPage,
    "/api/v1/repositories", "/api/v1/repositories/{id}",
    list: "list_repositories" "List repositories", create: "create_repository" "Make a repository known",
    read: "read_repository" "Read a repository", replace: "replace_repository" "Replace a repository",
    delete: "delete_repository" "Remove a repository; what is stored stays"
}

operations! {
    schedules: ScheduleSpec ScheduleUid Schedule NewSchedule ReplacementSchedule SchedulePage,
    "/api/v1/schedules", "/api/v1/schedules/{id}",
    list: "list_schedules" "List schedules", create: "create_schedule" "Make a schedule",
    read: "read_schedule" "Read a schedule", replace: "replace_schedule" "Replace a schedule",
    delete: "delete_schedule" "Remove a schedule"
}

operations! {
    policies: PolicySpec PolicyUid Policy NewPolicy ReplacementPolicy PolicyPage,
    "/api/v1/policies", "/api/v1/policies/{id}",
    list: "list_policies" "List policies", create: "create_policy" "Make a policy", read: "read_policy" "Read a policy",
    replace: "replace_policy" "Replace a policy", delete: "delete_policy" "Remove a policy"
}
