//! `holdfast login`

use anyhow::Result;
use holdfast_api::client::ApiClient;

use super::place;
use crate::Context;
use crate::exit::Exit;

/// Remembers a server, if it answers.
pub fn run(context: &Context, url: &str) -> Result<Exit> {
    let api = ApiClient::new(url)?;
    api.health()?;
    let path = place::remember(api.address())?;
    context.output.line(format!("{} answers, and is remembered in {}", api.address(), path.display()))?;
    Ok(Exit::Done)
}
