//! `holdfast export` and `holdfast apply`: the whole configuration of a server as one text.
//!
//! Objects are told apart by tenant, kind and name. What is shown before applying is what is done: if somebody changes an
//! object in between, it is left as it is and the run says so.

mod carry_out;
mod document;
mod plan;
mod secrets;
mod state;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use holdfast_model::{Name, RepositoryUid};

use self::document::Document;
use self::plan::Plan;
use self::secrets::Missing;
use self::state::State;
use super::{Session, yaml};
use crate::args::api::ApplyArgs;
use crate::exit::Exit;

/// No configuration is larger.
const LARGEST: u64 = 64 << 20;

const HEAD: &str = "# The configuration of a Holdfast server: `holdfast apply -f FILE` makes a server what it says.\n";

/// Prints the configuration.
pub fn export(session: &Session<'_>) -> Result<Exit> {
    let value = State::read(session)?.export()?;
    if session.context.output.is_json() {
        session.context.output.document(&value)?;
    } else {
        session.context.output.result(format!("{HEAD}{}", yaml::write(&value)?.trim_end()))?;
    }
    Ok(Exit::Done)
}

/// Makes the server what a file says.
pub fn apply(session: &Session<'_>, args: &ApplyArgs) -> Result<Exit> {
    let name = if args.file == Path::new("-") { "standard input".into() } else { args.file.display().to_string() };
    let text = read(&args.file).with_context(|| format!("cannot read {name}"))?;
    let value = yaml::read(&text).with_context(|| format!("{name} is no YAML"))?;
    let document = Document::read(&value).with_context(|| name.clone())?;
    let state = State::read(session)?;
    let missing = secrets::missing(&document.repositories, &session.api.secrets()?);
    let plan = Plan::make(&state, document, args.prune).with_context(|| name.clone())?;
    let output = &session.context.output;
    if output.is_json() {
        output.document(&plan.report().with_missing(&missing))?;
    } else {
        output.lines(&plan.lines()?)?;
        output.lines(&missing.iter().map(Missing::line).collect::<Vec<_>>())?;
    }
    if args.diff || plan.is_empty() {
        return Ok(Exit::Done);
    }
    session.sure(args.yes, "Do all this?")?;
    let (all, mut done) = (plan.count(), 0);
    let made = match carry_out::carry_out(session, &state, plan, &mut done) {
        Ok(made) => made,
        Err(error) => return Err(error.context(format!("only {done} of {all} changes were made"))),
    };
    output.line(format!("{done} of {all} changes were made"))?;
    look_into(session, &made, &missing)
}

/// Has the repositories looked into that are new or elsewhere: until then nobody knows whether they open, or what is in them.
fn look_into(session: &Session<'_>, repositories: &[(Name, RepositoryUid)], missing: &[Missing]) -> Result<Exit> {
    for (name, uid) in repositories {
        let asked = session.api.prepare_repository(*uid, None);
        asked.with_context(|| format!("all was changed, but the repository {name} could not be looked into"))?;
    }
    let output = &session.context.output;
    if !repositories.is_empty() {
        let names: Vec<_> = repositories.iter().map(|(name, _)| name.as_str()).collect();
        output.line(format!(
            "jobs look into what is new: {}; `holdfast repository list` shows what they find, and one that is still to be made \
             is made by `holdfast repository prepare NAME --init`",
            names.join(", ")
        ))?;
    }
    for secret in missing {
        output.line(secret.remedy())?;
    }
    Ok(Exit::Done)
}

fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    let from: Box<dyn Read> =
        if path == Path::new("-") { Box::new(std::io::stdin().lock()) } else { Box::new(File::open(path)?) };
    from.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        bail!("it has more than {LARGEST} bytes");
    }
    Ok(text)
}
