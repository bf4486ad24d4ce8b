//! Whether a server could start with its configuration: looks at all that `holdfast serve` needs, and makes and changes nothing.
//!
//! Whether its address is free is not looked at: the server that runs already has it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use holdfast_control::work::secrets::{MasterKey, Secrets};
use holdfast_db::{Database, without_password};
use holdfast_pull::Agents;
use rustix::fs::{Access, AtFlags, CWD, accessat};
use serde_json::{Map, json};

use crate::Context;
use crate::commands::remote::agent_folders;
use crate::environment;
use crate::server_config::ServerPlace;

/// Looks at all of it, and says at what.
pub fn run(context: &Context, place: &ServerPlace) -> Result<()> {
    let looked = [
        ("data folder", data_folder(&place.data)?),
        ("master key", master_key(&place.data)?),
        ("agents", agents(place)?),
        ("database", database(&place.database)?),
    ];
    if context.output.is_json() {
        let looked: Map<_, _> = looked.into_iter().map(|(what, found)| (what.to_owned(), found.into())).collect();
        let document = json!({ "message_type": "good", "listen": place.listen, "looked_at": looked });
        return Ok(context.output.document(&document)?);
    }
    for (what, found) in &looked {
        context.output.line(format!("{what:<11}  {found}"))?;
    }
    Ok(context.output.line(format!("good: the server would listen on {}", place.listen))?)
}

fn data_folder(data: &Path) -> Result<String> {
    let there = first_that_is_there(data)?;
    // By the rights that the program has, not those of whoever called it.
    let may = accessat(CWD, &there, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS);
    may.with_context(|| format!("cannot keep anything in {}: say --data", there.display()))?;
    Ok(match there == data {
        true => format!("{} can be written to", data.display()),
        false => format!("{} is made at the start: {} can be written to", data.display(), there.display()),
    })
}

/// The folder, or the nearest above it.
fn first_that_is_there(folder: &Path) -> Result<PathBuf> {
    for there in folder.ancestors() {
        match std::fs::metadata(there) {
            Ok(found) if found.is_dir() => return Ok(there.to_owned()),
            Ok(_) => bail!("{} is no folder: say --data", there.display()),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(error).with_context(|| format!("cannot look at {}", there.display())),
        }
    }
    bail!("{} leads nowhere: say --data", folder.display())
}

fn master_key(data: &Path) -> Result<String> {
    Ok(match Secrets::look(&data.join("server"), environment::variable)? {
        MasterKey::Found(path) => format!("{} can be read", path.display()),
        MasterKey::NotYet(path) => format!("{} is made at the start", path.display()),
    })
}

fn agents(place: &ServerPlace) -> Result<String> {
    let file = std::env::current_exe().context("cannot find this program's own file")?;
    let agents = Agents::find(&agent_folders(place.agents.clone(), &file))?;
    let architectures: Vec<_> = agents.iter().map(|agent| agent.architecture.as_str()).collect();
    Ok(format!("for {}", architectures.join(", ")))
}

fn database(address: &str) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    let is_there = runtime.block_on(Database::look(address))?;
    let shown = without_password(address);
    Ok(if is_there { format!("{shown} can be opened") } else { format!("{shown} is made at the start") })
}
