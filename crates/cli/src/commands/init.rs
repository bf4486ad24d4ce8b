//! `holdfast init`

use anyhow::Result;
use holdfast_repo::{ChunkerKind, EngineOptions, InitOptions};
use serde::Serialize;

use crate::args::{InitArgs, InitChunker};
use crate::exit::Exit;
use crate::{Context, open};

#[derive(Serialize)]
struct Initialized {
    message_type: &'static str,
    id: String,
    repository: String,
}

/// Makes a repository.
pub fn run(context: &Context, args: &InitArgs) -> Result<Exit> {
    let chunker = match args.chunker {
        InitChunker::Gear => ChunkerKind::Gear,
        InitChunker::Rabin => ChunkerKind::Rabin,
    };
    let repository = open::init(context, InitOptions { chunker, ..InitOptions::default() }, EngineOptions::default())?;
    let (id, location) = (repository.id(), repository.location());
    if context.output.is_json() {
        let document = Initialized { message_type: "initialized", id: id.to_string(), repository: location };
        context.output.document(&document)?;
    } else {
        context.output.line(format!("created repository {} in {location}", id.short()))?;
        context.output.line("Keep its password in a second place: without it, nobody can restore anything.")?;
    }
    Ok(Exit::Done)
}
