//! What the API's document says of values that are written as text, and of a policy's work.
//!
//! It describes what is read and written, and decides nothing: what is good is what the type itself reads.

use std::borrow::Cow;

use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, OneOfBuilder, SchemaType};
use utoipa::openapi::{ObjectBuilder, Ref, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::client::HostKey;
use crate::duration::CalendarDuration;
use crate::job::restore::FolderPath;
use crate::policy::{RootPath, Work};
use crate::retention::Count;
use crate::schedule::{Cron, Zone};
use crate::{
    ClientUid, JobUid, Name, PolicyUid, RepositoryId, RepositoryUid, RunUid, ScheduleUid, SecretSource, SnapshotId,
    SnapshotPath, Tag, TenantUid, WeekSpan,
};

macro_rules! texts {
    ($($type:ident: $description:literal, $example:literal;)*) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                text($description, $example).into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                stringify!($type).into()
            }
        }
    )*};
}

texts! {
    Cron: "A cron expression of five fields, or @hourly, @daily, @weekly, @monthly, @yearly.", "30 2 * * *";
    Zone: "A time zone by its name, or UTC.", "Europe/Berlin";
    WeekSpan: "The same hours of some days of the week.", "mon-fri 22:00-06:00";
    SecretSource: "Where a secret comes from: env:NAME, file:/PATH, cred:NAME or sealed:NAME.", "file:/etc/holdfast/main";
    HostKey: "A public key as known_hosts has it.", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH0123456789abcdefghijklmnopqrstuvwxyzABCD";
    RootPath: "An absolute path on a client, without . and ..", "/var/www";
    SnapshotPath: "An absolute path within a snapshot, without . and ..; a byte that is not UTF-8 is written \\xNN, a backslash \\\\.", "/etc/nginx";
    FolderPath: "A relative path, without . and ..", "web1/etc";
    CalendarDuration: "Years, months, days and hours; empty for none.", "1y5m7d2h";
}

macro_rules! ids {
    ($($type:ident: $description:literal;)*) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                text($description, "0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c41")
                    .format(Some(SchemaFormat::Custom("uuid".to_owned())))
                    .into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                stringify!($type).into()
            }
        }
    )*};
}

ids! {
    TenantUid: "A tenant's id.";
    ClientUid: "A client's id.";
    RepositoryUid: "A repository's id.";
    ScheduleUid: "A schedule's id.";
    PolicyUid: "A policy's id.";
    RunUid: "The id of one run of a policy.";
    JobUid: "A job's id.";
}

macro_rules! digests {
    ($($type:ident: $description:literal;)*) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                text($description, "4bba301ef3ea0ae9b6b8b0d1d4b1f2a3c5d6e7f8091a2b3c4d5e6f708192a3b4")
                    .pattern(Some("^[0-9a-f]{64}$"))
                    .into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                stringify!($type).into()
            }
        }
    )*};
}

digests! {
    RepositoryId: "The id that a repository has by itself.";
    SnapshotId: "A snapshot's id.";
}

impl PartialSchema for Name {
    fn schema() -> RefOr<Schema> {
        text("What something is called: no control characters, no blanks around.", "web1")
            .min_length(Some(1))
            .max_length(Some(100))
            .into()
    }
}

impl ToSchema for Name {
    fn name() -> Cow<'static, str> {
        "Name".into()
    }
}

impl PartialSchema for Tag {
    fn schema() -> RefOr<Schema> {
        text("A word that groups things, without blanks and commas.", "production")
            .pattern(Some(r"^[^\s,]{1,100}$"))
            .into()
    }
}

impl ToSchema for Tag {
    fn name() -> Cow<'static, str> {
        "Tag".into()
    }
}

impl PartialSchema for Count {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Integer))
            .minimum(Some(-1))
            .maximum(Some(u32::MAX))
            .description(Some("So many; -1 for all."));
        let word = ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).enum_values(Some(["unlimited"]));
        OneOfBuilder::new().description(Some("How many to keep.")).item(number).item(word).into()
    }
}

impl ToSchema for Count {
    fn name() -> Cow<'static, str> {
        "Count".into()
    }
}

/// Written by hand: a schema that is derived would ask for the fields of both the type and its variables, and allow neither.
impl PartialSchema for Work {
    fn schema() -> RefOr<Schema> {
        let paths = ArrayBuilder::new()
            .items(Ref::from_schema_name(RootPath::name()))
            .min_items(Some(1))
            .description(Some("Where they are."));
        OneOfBuilder::new()
            .description(Some("What is backed up."))
            .item(variant("folders", "Directories and files.").property("paths", paths).required("paths"))
            .item(variant("rootfs", "The whole machine, but for what no restore wants."))
            .item(variant("config", "Its configuration: /etc."))
            .item(variant("mail", "Its mail: /var/mail and /var/lib/mail, where they are."))
            .into()
    }
}

impl ToSchema for Work {
    fn name() -> Cow<'static, str> {
        "Work".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((RootPath::name().into_owned(), RootPath::schema()));
    }
}

fn text(description: &str, example: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .description(Some(description))
        .examples([serde_json::Value::from(example)])
}

fn variant(word: &str, description: &str) -> ObjectBuilder {
    let word = ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).enum_values(Some([word]));
    ObjectBuilder::new()
        .description(Some(description))
        .property("type", word)
        .required("type")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
}
