//! Who asks, and what they may.
//!
//! There are no accounts yet: whoever reaches the server is on this machine, and its administrator.

use std::collections::BTreeSet;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use holdfast_api::Code;

use crate::failure::Failure;
use crate::permission::Permission;
use crate::server::Server;

/// Who asks. A handler that takes one is only reached by who may do what its row in the table of permissions says.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    name: String,
    permissions: Permissions,
}

#[derive(Debug, Clone)]
enum Permissions {
    All,
    #[cfg_attr(not(test), expect(dead_code, reason = "accounts will have some"))]
    These(BTreeSet<Permission>),
}

impl Actor {
    /// Whoever is on this machine.
    pub(crate) fn local_administrator() -> Self {
        Self { name: "local administrator".to_owned(), permissions: Permissions::All }
    }

    /// What stands in events and jobs.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Refuses what the actor may not do.
    pub(crate) fn require(&self, permission: Permission) -> Result<(), Failure> {
        let may = match &self.permissions {
            Permissions::All => true,
            Permissions::These(these) => permission == Permission::Public || these.contains(&permission),
        };
        if may {
            return Ok(());
        }
        let detail = format!("{} lacks the permission {}", self.name, permission.as_str());
        Err(Failure::new(Code::Forbidden, detail))
    }
}

impl FromRequestParts<Server> for Actor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Server) -> Result<Self, Failure> {
        // Nobody was let in: the operation has no row in the table.
        let refused = || Failure::new(Code::Forbidden, "nobody may do this");
        parts.extensions.get::<Self>().cloned().ok_or_else(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_may_what_was_allowed_and_what_is_public() {
        let these = Permissions::These(BTreeSet::from([Permission::ReadJobs]));
        let actor = Actor { name: "ann".into(), permissions: these };
        assert!(actor.require(Permission::ReadJobs).is_ok());
        assert!(actor.require(Permission::Public).is_ok());
        assert_eq!(actor.require(Permission::WriteClients).unwrap_err().problem().code, Code::Forbidden);
        assert!(Actor::local_administrator().require(Permission::WriteSettings).is_ok());
    }
}
