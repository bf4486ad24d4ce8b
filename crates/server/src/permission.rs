//! What each operation needs leave for: one table of all of them.
//!
//! An operation that has no row here is not carried out for anybody.

use axum::http::Method;
use serde::{Deserialize, Serialize};

/// Leave to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Nothing is asked: whoever reaches the server may.
    Public,
    /// To see tenants.
    ReadTenants,
    /// To make, change and remove tenants.
    WriteTenants,
    /// To see clients.
    ReadClients,
    /// To make, change and remove clients.
    WriteClients,
    /// To see repositories.
    ReadRepositories,
    /// To make, change and remove repositories.
    WriteRepositories,
    /// To see schedules.
    ReadSchedules,
    /// To make, change and remove schedules.
    WriteSchedules,
    /// To see policies.
    ReadPolicies,
    /// To make, change and remove policies.
    WritePolicies,
    /// To run policies.
    RunPolicies,
    /// To have clients prepared.
    PrepareClients,
    /// To say which host keys are believed.
    TrustClients,
    /// To have repositories prepared, checked, pruned, cataloged, verified and copied.
    MaintainRepositories,
    /// To see jobs and their logs.
    ReadJobs,
    /// To see which snapshots there are.
    ReadSnapshots,
    /// To search and see the names of files in snapshots, and to have their content.
    ReadFiles,
    /// To restore snapshots to clients and to the server.
    RestoreFiles,
    /// To cancel jobs, and have them done again.
    ControlJobs,
    /// To see what secrets are called.
    ReadSecrets,
    /// To hand secrets over, and forget them.
    WriteSecrets,
    /// To watch what happens.
    ReadEvents,
    /// To see the settings of the server.
    ReadSettings,
    /// To change them.
    WriteSettings,
}

use Permission as P;

/// Each operation, by its method and path, and what it needs leave for.
pub(crate) const OPERATIONS: &[(Method, &str, Permission)] = &[
    (Method::GET, "/api/v1/tenants", P::ReadTenants),
    (Method::POST, "/api/v1/tenants", P::WriteTenants),
    (Method::GET, "/api/v1/tenants/{id}", P::ReadTenants),
    (Method::PUT, "/api/v1/tenants/{id}", P::WriteTenants),
    (Method::DELETE, "/api/v1/tenants/{id}", P::WriteTenants),
    (Method::GET, "/api/v1/clients", P::ReadClients),
    (Method::POST, "/api/v1/clients", P::WriteClients),
    (Method::GET, "/api/v1/clients/{id}", P::ReadClients),
    (Method::PUT, "/api/v1/clients/{id}", P::WriteClients),
    (Method::DELETE, "/api/v1/clients/{id}", P::WriteClients),
    (Method::GET, "/api/v1/repositories", P::ReadRepositories),
    (Method::POST, "/api/v1/repositories", P::WriteRepositories),
    (Method::GET, "/api/v1/repositories/{id}", P::ReadRepositories),
    (Method::PUT, "/api/v1/repositories/{id}", P::WriteRepositories),
    (Method::DELETE, "/api/v1/repositories/{id}", P::WriteRepositories),
    (Method::GET, "/api/v1/repositories/{id}/sizes", P::ReadRepositories),
    (Method::GET, "/api/v1/schedules", P::ReadSchedules),
    (Method::POST, "/api/v1/schedules", P::WriteSchedules),
    (Method::GET, "/api/v1/schedules/{id}", P::ReadSchedules),
    (Method::PUT, "/api/v1/schedules/{id}", P::WriteSchedules),
    (Method::DELETE, "/api/v1/schedules/{id}", P::WriteSchedules),
    (Method::GET, "/api/v1/schedules/{id}/upcoming", P::ReadSchedules),
    (Method::POST, "/api/v1/schedules/preview", P::ReadSchedules),
    (Method::GET, "/api/v1/policies", P::ReadPolicies),
    (Method::POST, "/api/v1/policies", P::WritePolicies),
    (Method::GET, "/api/v1/policies/{id}", P::ReadPolicies),
    (Method::PUT, "/api/v1/policies/{id}", P::WritePolicies),
    (Method::DELETE, "/api/v1/policies/{id}", P::WritePolicies),
    (Method::GET, "/api/v1/policy-types", P::ReadPolicies),
    (Method::POST, "/api/v1/clients/{id}/prepare", P::PrepareClients),
    (Method::POST, "/api/v1/clients/{id}/accept-host-keys", P::TrustClients),
    // The token says who it is.
    (Method::POST, "/api/v1/clients/{id}/ready", P::Public),
    (Method::POST, "/api/v1/repositories/{id}/prepare", P::MaintainRepositories),
    (Method::POST, "/api/v1/repositories/{id}/check", P::MaintainRepositories),
    (Method::POST, "/api/v1/repositories/{id}/prune", P::MaintainRepositories),
    (Method::POST, "/api/v1/repositories/{id}/catalog", P::MaintainRepositories),
    (Method::POST, "/api/v1/repositories/{id}/verify", P::MaintainRepositories),
    (Method::POST, "/api/v1/repositories/{id}/copy", P::MaintainRepositories),
    (Method::POST, "/api/v1/policies/{id}/run", P::RunPolicies),
    (Method::POST, "/api/v1/jobs/{id}/cancel", P::ControlJobs),
    (Method::POST, "/api/v1/jobs/{id}/retry", P::ControlJobs),
    (Method::GET, "/api/v1/secrets", P::ReadSecrets),
    (Method::PUT, "/api/v1/secrets/{name}", P::WriteSecrets),
    (Method::DELETE, "/api/v1/secrets/{name}", P::WriteSecrets),
    (Method::GET, "/api/v1/events", P::ReadEvents),
    (Method::GET, "/api/v1/find", P::ReadFiles),
    (Method::GET, "/api/v1/find/versions", P::ReadFiles),
    (Method::GET, "/api/v1/protection", P::ReadClients),
    (Method::POST, "/api/v1/retention/preview", P::ReadPolicies),
    (Method::GET, "/api/v1/jobs", P::ReadJobs),
    (Method::GET, "/api/v1/jobs/{id}", P::ReadJobs),
    (Method::GET, "/api/v1/jobs/{id}/log", P::ReadJobs),
    (Method::GET, "/api/v1/snapshots", P::ReadSnapshots),
    (Method::GET, "/api/v1/snapshots/{repository}/{snapshot}/files", P::ReadFiles),
    (Method::GET, "/api/v1/snapshots/{repository}/{snapshot}/download", P::ReadFiles),
    (Method::POST, "/api/v1/restores", P::RestoreFiles),
    (Method::GET, "/api/v1/settings", P::ReadSettings),
    (Method::PATCH, "/api/v1/settings", P::WriteSettings),
    (Method::GET, "/api/openapi.json", P::Public),
    (Method::GET, "/health/live", P::Public),
    (Method::GET, "/health/ready", P::Public),
];

impl Permission {
    /// What the operation of this method and path needs leave for. Who may get may also ask for the head of it.
    pub(crate) fn of(method: &Method, path: &str) -> Option<Self> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        OPERATIONS.iter().find(|(of, at, _)| of == method && *at == path).map(|(_, _, permission)| *permission)
    }

    /// As it stands in the document and in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::ReadTenants => "read_tenants",
            Self::WriteTenants => "write_tenants",
            Self::ReadClients => "read_clients",
            Self::WriteClients => "write_clients",
            Self::ReadRepositories => "read_repositories",
            Self::WriteRepositories => "write_repositories",
            Self::ReadSchedules => "read_schedules",
            Self::WriteSchedules => "write_schedules",
            Self::ReadPolicies => "read_policies",
            Self::WritePolicies => "write_policies",
            Self::RunPolicies => "run_policies",
            Self::PrepareClients => "prepare_clients",
            Self::TrustClients => "trust_clients",
            Self::MaintainRepositories => "maintain_repositories",
            Self::ReadJobs => "read_jobs",
            Self::ReadSnapshots => "read_snapshots",
            Self::ReadFiles => "read_files",
            Self::RestoreFiles => "restore_files",
            Self::ControlJobs => "control_jobs",
            Self::ReadSecrets => "read_secrets",
            Self::WriteSecrets => "write_secrets",
            Self::ReadEvents => "read_events",
            Self::ReadSettings => "read_settings",
            Self::WriteSettings => "write_settings",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_has_one_row_and_what_has_none_is_not_allowed() {
        for (at, (method, path, permission)) in OPERATIONS.iter().enumerate() {
            assert_eq!(Permission::of(method, path), Some(*permission));
            assert!(OPERATIONS[..at].iter().all(|(of, other, _)| (of, other) != (method, path)), "{method} {path}");
            assert_eq!(serde_json::to_value(permission).unwrap(), permission.as_str());
        }
        assert_eq!(Permission::of(&Method::HEAD, "/api/v1/jobs"), Some(Permission::ReadJobs));
        assert_eq!(Permission::of(&Method::DELETE, "/api/v1/jobs"), None);
    }
}
