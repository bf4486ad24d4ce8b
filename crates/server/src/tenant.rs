//! The default tenant: whose everything is as long as nobody says otherwise.

use holdfast_db::{DbError, DbErrorKind, NewEvent, Reader, Writer};
use holdfast_model::object::Object;
use holdfast_model::tenant::{Tenant, TenantSpec};
use holdfast_model::{Name, TenantUid};

use crate::actor::Actor;
use crate::server::Server;

/// What it is called.
pub const DEFAULT_TENANT: &str = "default";

/// Notes what happened to something that belongs to no tenant: who watches is told of it as the default tenant's.
pub(crate) async fn tell_of_server(
    writer: &mut Writer,
    server: &Server,
    actor: &Actor,
    (topic, name): (&str, &str),
    change: &str,
) -> Result<(), DbError> {
    let Some(tenant) = default_tenant(writer).await? else { return Ok(()) };
    let event = NewEvent {
        at: server.now(),
        topic: topic.to_owned(),
        tenant: tenant.uid,
        subject: name.to_owned(),
        body: serde_json::json!({ "change": change, "name": name, "by": actor.name() }),
    };
    writer.add_event(&event).await.map(drop)
}

/// The default tenant, which is made if there is none.
pub async fn ensure_default_tenant(server: &Server) -> Result<Tenant, DbError> {
    if let Some(tenant) = default_tenant(&mut server.database().read().await?).await? {
        return Ok(tenant);
    }
    match make(server).await {
        // Somebody else made it meanwhile.
        Err(error) if error.kind() == DbErrorKind::Exists => {
            default_tenant(&mut server.database().read().await?).await?.ok_or(error)
        }
        made => made,
    }
}

async fn make(server: &Server) -> Result<Tenant, DbError> {
    let mut writer = server.database().write().await?;
    let uid = TenantUid::new(server.timestamp(), server.random());
    let tenant = writer.create(uid, uid, TenantSpec::new(name()), server.now()).await?;
    writer.commit().await?;
    Ok(tenant)
}

/// The default tenant, if there is one.
pub(crate) async fn default_tenant(reader: &mut Reader) -> Result<Option<Object<TenantSpec>>, DbError> {
    // Names of tenants are given once: whose the name is does not matter.
    let anybody = TenantUid::new(holdfast_model::Timestamp::default(), [0; 10]);
    match reader.object_named::<TenantSpec>(anybody, &name()).await {
        Ok(tenant) => Ok(Some(tenant)),
        Err(error) if error.kind() == DbErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn name() -> Name {
    DEFAULT_TENANT.parse().expect("it is a good name")
}
