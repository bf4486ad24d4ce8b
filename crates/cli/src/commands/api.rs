//! The verbs that talk to a server: where it is, and whose things are meant.
//!
//! Everything is asked over the API: nothing here knows more than any other program could.

mod client;
mod config;
mod edit;
mod find;
mod follow;
mod job;
mod keys;
mod login;
mod names;
mod object;
mod place;
mod policy;
mod repository;
mod restore;
mod restore_words;
mod schedule;
mod secret;
mod settings;
mod snapshot;
mod source;
mod status;
mod tenant;
mod yaml;

use anyhow::Result;
use holdfast_api::client::{ApiClient, ApiError, ObjectQuery, Resource};
use holdfast_api::{Object, Tenant};
use holdfast_model::TenantUid;
use holdfast_model::tenant::TenantSpec;

use crate::Context;
use crate::args::FindArgs;
use crate::args::api::{ApiVerb, ScopeArgs, ServerArgs};
use crate::exit::Exit;

/// Runs a verb that talks to a server.
pub fn run(context: &Context, verb: ApiVerb) -> Result<Exit> {
    match verb {
        ApiVerb::Client(group) => client::run(&Session::scoped(context, &group.scope)?, &group.command),
        ApiVerb::Repository(group) => repository::run(&Session::scoped(context, &group.scope)?, &group.command),
        ApiVerb::Schedule(group) => schedule::run(&Session::scoped(context, &group.scope)?, &group.command),
        ApiVerb::Policy(group) => policy::run(&Session::scoped(context, &group.scope)?, &group.command),
        ApiVerb::Tenant(group) => tenant::run(&Session::open(context, &group.scope)?, &group.command),
        ApiVerb::Job(group) => job::run(&Session::scoped(context, &group.scope)?, &group.command),
        ApiVerb::Snapshot(group) => snapshot::run(&Session::scoped(context, &group.scope)?, &group.command),
        ApiVerb::Settings(group) => settings::run(&Session::open(context, &group.scope)?, &group.command),
        ApiVerb::Secret(group) => secret::run(&Session::open(context, &group.scope)?, &group.command),
        ApiVerb::Status(args) => status::run(&Session::scoped(context, &args.scope)?, &args),
        ApiVerb::Apply(args) => config::apply(&Session::open(context, &args.server)?, &args),
        ApiVerb::Export(args) => config::export(&Session::open(context, &args.server)?),
        ApiVerb::Login(args) => login::run(context, &args.url),
    }
}

/// Asks a server for names in its snapshots.
pub fn find(context: &Context, args: &FindArgs) -> Result<Exit> {
    let scope = ScopeArgs { server: ServerArgs { server: args.server.clone() }, tenant: args.tenant.clone() };
    find::run(&Session::scoped(context, &scope)?, args)
}

/// A server that is talked to, and the tenant that is meant.
pub struct Session<'a> {
    context: &'a Context,
    api: ApiClient,
    tenant: Option<TenantUid>,
}

impl<'a> Session<'a> {
    fn open(context: &'a Context, args: &ServerArgs) -> Result<Self> {
        Ok(Self { context, api: ApiClient::new(&place::server(args)?)?, tenant: None })
    }

    fn scoped(context: &'a Context, args: &ScopeArgs) -> Result<Self> {
        let mut session = Self::open(context, &args.server)?;
        let tenant = args.tenant.as_ref().map(|name| session.api.find::<TenantSpec>(name, None)).transpose()?;
        session.tenant = tenant.map(|tenant| tenant.id);
        Ok(session)
    }

    /// The object of this name or id.
    fn find<S: Resource>(&self, name: &str) -> Result<Object<S>, ApiError> {
        self.api.find(name, self.tenant)
    }

    fn tenants(&self) -> Result<Vec<Tenant>, ApiError> {
        self.api.list(&ObjectQuery::default())
    }
}
