//! What people configure, as the API shows it and takes it.
//!
//! The spec is what a person says, the status what the server found out. Only the spec is taken.

use std::borrow::Cow;

use holdfast_model::client::ClientSpec;
use holdfast_model::object::{self, Kind, Spec};
use holdfast_model::policy::PolicySpec;
use holdfast_model::repository::RepositorySpec;
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::tenant::TenantSpec;
use holdfast_model::{TenantUid, Time};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{AdditionalProperties, OneOfBuilder, SchemaType};
use utoipa::openapi::{KnownFormat, ObjectBuilder, Ref, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// An object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound(serialize = "S::Uid: Serialize", deserialize = "S::Uid: Deserialize<'de>"))]
pub struct Object<S: Spec> {
    /// Its id.
    pub id: S::Uid,
    /// Whose it is; a tenant is its own.
    pub tenant: TenantUid,
    /// Counts the changes of the spec, from 1 on; the ETag is the same in quotes.
    pub revision: u64,
    /// When it was made.
    pub created: Time,
    /// When the spec was changed last.
    pub modified: Time,
    /// What a person said.
    pub spec: S,
    /// What the server found out.
    pub status: S::Status,
}

/// An object that is to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "")]
pub struct NewObject<S: Spec> {
    /// Whose it is to be; the default tenant's, if nothing is said. A tenant has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantUid>,
    /// What it is to be.
    pub spec: S,
}

/// What an object is to become.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "")]
pub struct Replacement<S: Spec> {
    /// All of it: what is left out gets its default.
    pub spec: S,
}

macro_rules! kinds {
    ($($object:ident $new:ident $replacement:ident: $spec:ident, $one:literal;)*) => {$(
        #[doc = concat!("A ", $one, ".")]
        pub type $object = Object<$spec>;
        #[doc = concat!("A ", $one, " that is to be made.")]
        pub type $new = NewObject<$spec>;
        #[doc = concat!("What a ", $one, " is to become.")]
        pub type $replacement = Replacement<$spec>;
    )*};
}

kinds! {
    Tenant NewTenant ReplacementTenant: TenantSpec, "tenant";
    Client NewClient ReplacementClient: ClientSpec, "client";
    Repository NewRepository ReplacementRepository: RepositorySpec, "repository";
    Schedule NewSchedule ReplacementSchedule: ScheduleSpec, "schedule";
    Policy NewPolicy ReplacementPolicy: PolicySpec, "policy";
}

impl<S: Spec> From<object::Object<S>> for Object<S> {
    fn from(object: object::Object<S>) -> Self {
        let object::Object { uid, tenant, revision, created, modified, spec, status } = object;
        Self { id: uid, tenant, revision, created, modified, spec, status }
    }
}

/// Written by hand, as the others below, so that objects have plain names: `Client`.
impl<S: Spec + ToSchema> PartialSchema for Object<S>
where
    S::Uid: ToSchema,
    S::Status: ToSchema,
{
    fn schema() -> RefOr<Schema> {
        let revision = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Integer))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .minimum(Some(1))
            .description(Some("Counts the changes of the spec; the ETag is the same in quotes."));
        ObjectBuilder::new()
            .description(Some(format!("A {}.", S::KIND)))
            .property("id", reference::<S::Uid>())
            .required("id")
            .property("tenant", reference::<TenantUid>())
            .required("tenant")
            .property("revision", revision)
            .required("revision")
            .property("created", time("When it was made."))
            .required("created")
            .property("modified", time("When the spec was changed last."))
            .required("modified")
            .property("spec", reference::<S>())
            .required("spec")
            .property("status", reference::<S::Status>())
            .required("status")
            .into()
    }
}

impl<S: Spec + ToSchema> ToSchema for Object<S>
where
    S::Uid: ToSchema,
    S::Status: ToSchema,
{
    fn name() -> Cow<'static, str> {
        capitalised(S::KIND).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        add::<S::Uid>(schemas);
        add::<TenantUid>(schemas);
        add::<S>(schemas);
        add::<S::Status>(schemas);
    }
}

impl<S: Spec + ToSchema> PartialSchema for NewObject<S> {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .description(Some(format!("A {} that is to be made.", S::KIND)))
            .property("spec", reference::<S>())
            .required("spec")
            .additional_properties(Some(AdditionalProperties::FreeForm(false)));
        match S::KIND {
            Kind::Tenant => object.into(),
            _ => {
                let null = ObjectBuilder::new().schema_type(SchemaType::new(Type::Null));
                let tenant = OneOfBuilder::new()
                    .description(Some("Whose it is to be; the default tenant's, if nothing is said."))
                    .item(reference::<TenantUid>())
                    .item(null);
                object.property("tenant", tenant).into()
            }
        }
    }
}

impl<S: Spec + ToSchema> ToSchema for NewObject<S> {
    fn name() -> Cow<'static, str> {
        format!("New{}", capitalised(S::KIND)).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        add::<TenantUid>(schemas);
        add::<S>(schemas);
    }
}

impl<S: Spec + ToSchema> PartialSchema for Replacement<S> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .description(Some(format!("What a {} is to become: what is left out gets its default.", S::KIND)))
            .property("spec", reference::<S>())
            .required("spec")
            .additional_properties(Some(AdditionalProperties::FreeForm(false)))
            .into()
    }
}

impl<S: Spec + ToSchema> ToSchema for Replacement<S> {
    fn name() -> Cow<'static, str> {
        format!("Replacement{}", capitalised(S::KIND)).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        add::<S>(schemas);
    }
}

fn reference<T: ToSchema>() -> Ref {
    Ref::from_schema_name(T::name())
}

fn add<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}

fn time(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some(description))
}

fn capitalised(kind: Kind) -> String {
    let word = kind.as_str();
    word[..1].to_uppercase() + &word[1..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_one_plain_name_in_the_document() {
        assert_eq!(Client::name(), "Client");
        assert_eq!(NewPolicy::name(), "NewPolicy");
        assert_eq!(ReplacementTenant::name(), "ReplacementTenant");
        assert_eq!(crate::SchedulePage::name(), "SchedulePage");
    }
}
