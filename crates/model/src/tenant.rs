//! A tenant: a customer with its own clients, repositories, schedules and policies. Who has one needs to think of none.

use serde::{Deserialize, Serialize};

use crate::object::{Kind, Object, Spec};
use crate::{Name, TenantUid};

/// A tenant as it is kept.
pub type Tenant = Object<TenantSpec>;

/// A tenant as a person says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TenantSpec {
    /// What it is called.
    pub name: Name,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// What keeps a run of one of its policies from starting.
    #[serde(default)]
    pub overlap: Overlap,
    /// Where its repositories are made: an URI in which `{tenant}` and `{resource}` stand for their names.
    #[serde(default)]
    pub repository_template: Option<String>,
    /// Whether its policies run.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

/// What the server knows of a tenant: nothing yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TenantStatus {}

/// What keeps a run from starting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// For each client by itself, that the run before has not ended there.
    #[default]
    Client,
    /// That any run of the tenant has not ended.
    Tenant,
}

fn enabled() -> bool {
    true
}

impl TenantSpec {
    /// A tenant of which nothing but the name is said.
    pub fn new(name: Name) -> Self {
        Self { name, description: String::new(), overlap: Overlap::Client, repository_template: None, enabled: true }
    }

    /// Where a repository of this name is made; `None` if nothing is said of that.
    pub fn repository_uri(&self, resource: &Name) -> Option<String> {
        let template = self.repository_template.as_ref()?;
        Some(template.replace("{tenant}", &as_path(&self.name)).replace("{resource}", &as_path(resource)))
    }
}

/// A name as one component of a path or a key: letters, digits, `-`, `_` and `.`, each other character as `_`.
fn as_path(name: &Name) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let path: String = name.as_str().chars().map(safe).collect();
    if path.starts_with('.') { format!("_{path}") } else { path }
}

impl Spec for TenantSpec {
    type Uid = TenantUid;
    type Status = TenantStatus;

    const KIND: Kind = Kind::Tenant;

    fn name(&self) -> &Name {
        &self.name
    }

    fn is_enabled(&self) -> bool {
        self.enabled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_makes_one_folder_a_tenant_and_one_prefix_a_resource() {
        let mut tenant = TenantSpec::new("Smith & Sons".parse().unwrap());
        assert_eq!(tenant.repository_uri(&"main".parse().unwrap()), None);
        tenant.repository_template = Some("s3:https://s3.example.net/{tenant}/{resource}/".into());
        let uri = |resource: &str| tenant.repository_uri(&resource.parse().unwrap()).unwrap();
        assert_eq!(uri("main"), "s3:https://s3.example.net/Smith___Sons/main/");
        assert_eq!(uri("../other"), "s3:https://s3.example.net/Smith___Sons/_.._other/");
    }
}
