//! `holdfast secret`

use std::fs::File;
use std::io::{IsTerminal, Read};

use anyhow::{Context as _, Result, bail};
use zeroize::Zeroizing;

use super::Session;
use crate::args::api::{SecretCommand, SecretSet};
use crate::exit::Exit;
use crate::output;
use crate::password::{self, Password};

/// Longer than any secret: protects against a wrong file.
const LONGEST: u64 = 64 << 10;

/// Runs a verb on secrets.
pub fn run(session: &Session<'_>, command: &SecretCommand) -> Result<Exit> {
    match command {
        SecretCommand::Set(args) => set(session, args),
        SecretCommand::List => list(session),
        SecretCommand::Remove { name, yes } => {
            session.sure(*yes, &format!("Remove the secret {name}? Nobody can bring it back."))?;
            session.api.remove_secret(name)?;
            session.context.output.line(format!("secret {name} removed"))?;
            Ok(Exit::Done)
        }
    }
}

fn set(session: &Session<'_>, args: &SecretSet) -> Result<Exit> {
    let secret = match &args.file {
        Some(path) => {
            let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            read(file).with_context(|| format!("cannot take the secret from {}", path.display()))?
        }
        None if std::io::stdin().is_terminal() => password::new_one(None)?,
        None => read(std::io::stdin().lock()).context("cannot take the secret from standard input")?,
    };
    session.api.set_secret(&args.name, &secret)?;
    session.context.output.line(format!("secret {0} sealed: write sealed:{0} where it is needed", args.name))?;
    Ok(Exit::Done)
}

/// A secret without the end of its line.
fn read(from: impl Read) -> Result<Password> {
    let mut text = Zeroizing::new(String::new());
    from.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        bail!("it has more than {LONGEST} bytes");
    }
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        bail!("it is empty");
    }
    Ok(Zeroizing::new(secret.to_owned()))
}

fn list(session: &Session<'_>) -> Result<Exit> {
    let names = session.api.secrets()?;
    if session.context.output.is_json() {
        session.context.output.document(&names)?;
        return Ok(Exit::Done);
    }
    session.context.output.lines(&names)?;
    session.context.output.line(output::count(names.len() as u64, "secret"))?;
    Ok(Exit::Done)
}
