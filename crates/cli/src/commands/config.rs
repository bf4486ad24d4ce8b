//! `holdfast config`: is the server's configuration good, and what does it come to.

mod check;

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::Context;
use crate::args::{ConfigArgs, ConfigCommand};
use crate::exit::Exit;
use crate::output::Table;
use crate::server_config::{Key, ServerConfig};

pub fn run(context: &Context, args: &ConfigArgs) -> Result<Exit> {
    match &args.command {
        ConfigCommand::Check(server) => {
            let config = ServerConfig::read(server)?;
            config.warn(context.output.monitor());
            check::run(context, &config.place()?)?;
        }
        ConfigCommand::Show { server, origin } => show(context, &ServerConfig::read(server)?, *origin)?,
    }
    Ok(Exit::Done)
}

fn show(context: &Context, config: &ServerConfig, with_origin: bool) -> Result<()> {
    let values = Key::ALL.into_iter().map(|key| (key, config.shown(key)));
    if context.output.is_json() {
        let entry = |(key, (value, origin)): (Key, (String, _))| {
            let origin: crate::server_config::Origin = origin;
            (key.to_string(), json!({"value": value, "origin": origin.to_string()}))
        };
        let document: Map<String, Value> = values.map(entry).collect();
        return Ok(context.output.document(&document)?);
    }
    let mut table = Table::new(if with_origin { &["Name", "Value", "From"] } else { &["Name", "Value"] });
    for (key, (value, origin)) in values {
        let mut row = vec![key.to_string(), value];
        row.extend(with_origin.then(|| origin.to_string()));
        table.row(row);
    }
    for line in table.lines() {
        context.output.result(line)?;
    }
    Ok(())
}
