//! `holdfast key`

use anyhow::Result;
use holdfast_repo::key::KdfCost;
use holdfast_repo::time::GO_ZERO;
use holdfast_repo::{LockMode, Repository};
use serde::Serialize;

use super::{backup, chosen};
use crate::args::{KeyArgs, KeyCommand, NewPassword};
use crate::exit::Exit;
use crate::output::{self, Table};
use crate::{Context, environment, local_time, open, password};

/// A key as `restic key list --json` has it.
#[derive(Serialize)]
struct Listed {
    current: bool,
    id: String,
    #[serde(rename = "userName")]
    user_name: String,
    #[serde(rename = "hostName")]
    host_name: String,
    created: String,
}

/// Shows and changes the passwords of a repository.
pub fn run(context: &Context, args: &KeyArgs) -> Result<Exit> {
    let repository = open::repository(context)?;
    let mode = match &args.command {
        KeyCommand::List | KeyCommand::Add(_) => LockMode::Shared,
        KeyCommand::Remove { .. } | KeyCommand::Passwd(_) => LockMode::Exclusive,
    };
    let lock = chosen::lock(context, &repository, mode)?;
    let said = match &args.command {
        KeyCommand::List => {
            list(context, &repository)?;
            None
        }
        KeyCommand::Add(new) => {
            let password = password::new_one(new.new_password_file.as_deref())?;
            let id = repository.add_key(password.as_bytes(), made_by(new), KdfCost::default())?;
            Some(format!("key {} added: its password opens the repository too", id.short()))
        }
        KeyCommand::Remove { id } => {
            let id = repository.remove_key(id)?;
            Some(format!("key {} removed: its password opens nothing any more", id.short()))
        }
        KeyCommand::Passwd(new) => {
            let password = password::new_one(new.new_password_file.as_deref())?;
            lock.check()?;
            let id = repository.change_password(password.as_bytes(), made_by(new), KdfCost::default())?;
            Some(format!("password changed: key {} opens the repository from now on", id.short()))
        }
    };
    context.output.finish();
    said.map_or(Ok(()), |text| context.output.line(text))?;
    Ok(Exit::Done)
}

/// User and host that a new key is for, if one of them is named.
fn made_by(new: &NewPassword) -> Option<(String, String)> {
    if new.user.is_none() && new.host.is_none() {
        return None;
    }
    let user = new.user.clone().or_else(|| environment::variable("USER")).unwrap_or_else(|| "root".to_owned());
    Some((user, new.host.clone().unwrap_or_else(backup::this_host)))
}

fn list(context: &Context, repository: &Repository) -> Result<()> {
    let keys = repository.keys()?;
    context.output.finish();
    if context.output.is_json() {
        let listed: Vec<Listed> = keys
            .into_iter()
            .map(|key| Listed {
                current: key.current,
                id: key.id.to_string(),
                user_name: key.username,
                host_name: key.hostname,
                created: local_time::show(key.created),
            })
            .collect();
        return Ok(context.output.document(&listed)?);
    }
    let mut table = Table::new(&["", "ID", "User", "Host", "Created"]);
    for key in keys {
        table.row([
            if key.current { "*" } else { "" }.to_owned(),
            key.id.short(),
            output::path(key.username.as_bytes()),
            output::path(key.hostname.as_bytes()),
            if key.created == GO_ZERO { "unknown".to_owned() } else { local_time::show(key.created) },
        ]);
    }
    for line in table.lines() {
        context.output.line(line)?;
    }
    Ok(())
}
