//! Tenants, clients, repositories, schedules and policies: made, read, replaced, removed, listed. Alike for all kinds.
//!
//! A change and the event that tells of it are one transaction. Who may what was asked before.

mod kinds;
mod list;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use holdfast_api::{Code, FieldError, NewObject, Object, Replacement};
use holdfast_control::Plans;
use holdfast_db::{DbErrorKind, NewEvent, Writer};
use holdfast_model::client::ClientSpec;
use holdfast_model::object::{self, Kind};
use holdfast_model::policy::PolicySpec;
use holdfast_model::repository::RepositorySpec;
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::tenant::TenantSpec;
use holdfast_model::{ClientUid, PolicyUid, RepositoryUid, ScheduleUid, TenantUid, Time, Timestamp};
use serde::Serialize;

use crate::actor::Actor;
use crate::answer::json;
use crate::check::Check;
use crate::failure::Failure;
use crate::revision::{Precondition, etag};
use crate::server::Server;
use crate::tenant::default_tenant;

pub(crate) use kinds::{clients, policies, repositories, schedules, tenants};

/// A kind of objects that the API has.
pub(crate) trait Served: Check<Uid: Serialize> {
    /// Where they are found.
    const PATH: &'static str;

    /// A new id.
    fn new_uid(now: Timestamp, random: [u8; 10]) -> Self::Uid;

    /// Whose a new object is in any case.
    fn own_tenant(uid: Self::Uid) -> Option<TenantUid> {
        let _ = uid;
        None
    }

    /// Whether something that must be said is left to the tenant that a new object belongs to.
    fn is_left_to_tenant(&self) -> bool {
        false
    }

    /// Says it as the tenant has it.
    fn say_as(&mut self, tenant: &TenantSpec) {
        let _ = tenant;
    }

    /// Whether what is shown has a part that is not kept.
    const HAS_OUTLOOK: bool = false;

    /// Adds that part.
    fn add_outlook(object: &mut object::Object<Self>, plans: &Plans, now: Time) {
        let _ = (object, plans, now);
    }
}

macro_rules! served {
    ($($spec:ident $uid:ident $path:literal;)*) => {$(
        impl Served for $spec {
            const PATH: &'static str = $path;

            fn new_uid(now: Timestamp, random: [u8; 10]) -> $uid {
                $uid::new(now, random)
            }
        }
    )*};
}

served! {
    ClientSpec ClientUid "/api/v1/clients";
    ScheduleSpec ScheduleUid "/api/v1/schedules";
}

/// What is to come of a policy follows from all that it names.
impl Served for PolicySpec {
    const PATH: &'static str = "/api/v1/policies";
    const HAS_OUTLOOK: bool = true;

    fn new_uid(now: Timestamp, random: [u8; 10]) -> PolicyUid {
        PolicyUid::new(now, random)
    }

    fn add_outlook(policy: &mut object::Object<Self>, plans: &Plans, now: Time) {
        policy.status.outlook = Some(plans.outlook(policy, now));
    }
}

/// A tenant may have a template for where its repositories are.
impl Served for RepositorySpec {
    const PATH: &'static str = "/api/v1/repositories";

    fn new_uid(now: Timestamp, random: [u8; 10]) -> RepositoryUid {
        RepositoryUid::new(now, random)
    }

    fn is_left_to_tenant(&self) -> bool {
        self.uri.is_empty()
    }

    fn say_as(&mut self, tenant: &TenantSpec) {
        self.uri = tenant.repository_uri(&self.name).unwrap_or_default();
    }
}

/// A tenant is its own.
impl Served for TenantSpec {
    const PATH: &'static str = "/api/v1/tenants";

    fn new_uid(now: Timestamp, random: [u8; 10]) -> TenantUid {
        TenantUid::new(now, random)
    }

    fn own_tenant(uid: TenantUid) -> Option<TenantUid> {
        Some(uid)
    }
}

/// Adds to objects what is found out when they are shown.
async fn complete<S: Served>(server: &Server, objects: &mut [object::Object<S>]) -> Result<(), Failure> {
    if S::HAS_OUTLOOK {
        let plans = server.control().plans(&mut server.database().read_at_one_time().await?).await?;
        for object in objects {
            S::add_outlook(object, &plans, server.now());
        }
    }
    Ok(())
}

/// Makes an object.
pub(crate) async fn create<S: Served>(server: &Server, actor: &Actor, new: NewObject<S>) -> Result<Response, Failure> {
    let NewObject { tenant, mut spec } = new;
    let is_left_to_tenant = spec.is_left_to_tenant();
    if !is_left_to_tenant {
        check(&spec)?;
    }
    let uid = S::new_uid(server.timestamp(), server.random());
    let mut writer = server.database().write().await?;
    let tenant = tenant_of::<S>(&mut writer, uid, tenant).await?;
    if is_left_to_tenant {
        spec.say_as(&writer.object::<TenantSpec>(tenant).await?.spec);
        check(&spec)?;
    }
    let mut object = writer.create(uid, tenant, spec, server.now()).await?;
    tell(&mut writer, server, actor, "created", &object).await?;
    writer.commit().await?;
    complete(server, std::slice::from_mut(&mut object)).await?;
    let location = format!("{}/{uid}", S::PATH);
    let headers = [(header::LOCATION, location)];
    Ok((headers, shown(StatusCode::CREATED, object)).into_response())
}

/// Reads an object.
pub(crate) async fn read<S: Served>(server: &Server, uid: S::Uid) -> Result<Response, Failure> {
    let mut object = server.database().read().await?.object::<S>(uid).await?;
    complete(server, std::slice::from_mut(&mut object)).await?;
    Ok(shown(StatusCode::OK, object))
}

/// Replaces what is said of an object.
pub(crate) async fn replace<S: Served>(
    server: &Server,
    actor: &Actor,
    uid: S::Uid,
    headers: &HeaderMap,
    new: Replacement<S>,
) -> Result<Response, Failure> {
    let revision = Precondition::read(headers)?.required()?;
    check(&new.spec)?;
    let now = server.now();
    let mut writer = server.database().write().await?;
    let before = writer.object::<S>(uid).await?.revision;
    let mut object = writer.update(uid, revision, new.spec, now).await?;
    if object.revision != before {
        tell(&mut writer, server, actor, "changed", &object).await?;
    }
    writer.commit().await?;
    complete(server, std::slice::from_mut(&mut object)).await?;
    Ok(shown(StatusCode::OK, object))
}

/// Removes an object that nothing needs.
pub(crate) async fn delete<S: Served>(
    server: &Server,
    actor: &Actor,
    uid: S::Uid,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    let revision = Precondition::read(headers)?.optional();
    let mut writer = server.database().write().await?;
    let object = writer.remove::<S>(uid, revision).await?;
    tell(&mut writer, server, actor, "removed", &object).await?;
    writer.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn check<S: Served>(spec: &S) -> Result<(), Failure> {
    let within = |error: FieldError| FieldError { field: format!("spec.{}", error.field), ..error };
    let errors: Vec<_> = spec.check().into_iter().map(within).collect();
    if errors.is_empty() { Ok(()) } else { Err(Failure::fields(errors)) }
}

/// Whose a new object is: it is said, or the default tenant's.
async fn tenant_of<S: Served>(writer: &mut Writer, uid: S::Uid, said: Option<TenantUid>) -> Result<TenantUid, Failure> {
    let wrong = |message: &str| Failure::field("tenant", message);
    match (S::own_tenant(uid), said) {
        (Some(own), None) => Ok(own),
        (Some(_), Some(_)) => Err(wrong("a tenant is its own: leave it out")),
        (None, Some(said)) => match writer.object::<TenantSpec>(said).await {
            Ok(tenant) => Ok(tenant.uid),
            Err(error) if error.kind() == DbErrorKind::NotFound => {
                Err(Failure::new(Code::Dangling, format!("there is no tenant {said}, which it is to belong to")))
            }
            Err(error) => Err(error.into()),
        },
        (None, None) => match default_tenant(writer).await? {
            Some(tenant) => Ok(tenant.uid),
            None => Err(wrong("it must be said: there is no tenant of the name default")),
        },
    }
}

/// Notes what happened to an object, for who watches.
async fn tell<S: Served>(
    writer: &mut Writer,
    server: &Server,
    actor: &Actor,
    change: &str,
    object: &object::Object<S>,
) -> Result<(), Failure> {
    let event = NewEvent {
        at: server.now(),
        topic: <S as object::Spec>::KIND.as_str().to_owned(),
        tenant: object.tenant,
        subject: object.uid.to_string(),
        body: serde_json::json!({
            "change": change,
            "name": object.spec.name(),
            "revision": object.revision,
            "by": actor.name(),
        }),
    };
    writer.add_event(&event).await?;
    Ok(())
}

fn shown<S: Served>(status: StatusCode, object: object::Object<S>) -> Response {
    let tag = [(header::ETAG, etag(object.revision))];
    (tag, json(status, &Object::from(object))).into_response()
}

/// How a kind is called in a cursor.
fn list_name(kind: Kind, sort: &str) -> String {
    format!("{kind} {sort}")
}
