//! `holdfast tenant`

use anyhow::Result;
use holdfast_api::Tenant;
use holdfast_model::tenant::{Overlap, TenantSpec};

use super::Session;
use super::object::{Shown, yes_or_no};
use crate::args::api::{OverlapChoice, TenantAdd, TenantCommand};
use crate::exit::Exit;

/// Runs a verb on tenants.
pub fn run(session: &Session<'_>, command: &TenantCommand) -> Result<Exit> {
    match command {
        TenantCommand::Add(args) => add(session, args),
        TenantCommand::List(args) => session.show_list::<TenantSpec>(args),
        TenantCommand::Show(args) => session.show_one::<TenantSpec>(args, |_| Ok(Vec::new())),
        TenantCommand::Edit(args) => session.edit_one::<TenantSpec>(args),
        TenantCommand::Remove(args) => session.remove_one::<TenantSpec>(args),
    }
}

fn add(session: &Session<'_>, args: &TenantAdd) -> Result<Exit> {
    let spec = TenantSpec {
        description: args.description.clone(),
        overlap: match args.overlap {
            OverlapChoice::Client => Overlap::Client,
            OverlapChoice::Tenant => Overlap::Tenant,
        },
        repository_template: args.repository_template.clone(),
        ..TenantSpec::new(args.name.parse()?)
    };
    let tenant = session.api.create(spec, None)?;
    session.tell(&tenant, "added")
}

impl Shown for TenantSpec {
    const HEADINGS: &'static [&'static str] = &["Runs", "Enabled", "Description"];

    fn cells(object: &Tenant) -> Vec<String> {
        let runs = match object.spec.overlap {
            Overlap::Client => "one a client",
            Overlap::Tenant => "one at a time",
        };
        vec![runs.to_owned(), yes_or_no(object.spec.enabled), object.spec.description.clone()]
    }

    fn found(_: &Tenant) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}
