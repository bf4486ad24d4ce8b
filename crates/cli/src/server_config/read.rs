//! Reads the files of the configuration.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use toml::Value;

use super::{Key, Origin, ServerConfig};
use crate::dotenv;

/// The TOML files of a folder, by name; none, if it is not there.
pub(super) fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", folder.display())),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

impl ServerConfig {
    pub(super) fn add_toml(&mut self, path: &Path) -> Result<()> {
        let text = text_of(path)?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            anyhow!("{} line {line}: {}", path.display(), error.message().replace('\n', ", "))
        })?;
        for (name, value) in table {
            let key = known(&name, Key::as_str).with_context(|| path.display().to_string())?;
            let value = match value {
                Value::String(text) => text,
                Value::Integer(number) => number.to_string(),
                other => bail!("{}: {name} must be a text, not {}", path.display(), other.type_str()),
            };
            self.set(key, value, Origin::File(path.to_owned()));
        }
        Ok(())
    }

    /// Of a `.env` file what is not ours is for what the server starts: it stays out of this.
    pub(super) fn add_dotenv(&mut self, path: &Path) -> Result<()> {
        let variables = dotenv::parse(&text_of(path)?).with_context(|| path.display().to_string())?;
        for (name, value) in variables {
            let Some(name) = name.strip_prefix("HOLDFAST_") else { continue };
            let found = Key::ALL.into_iter().find(|key| key.variable() == name);
            let key = match found {
                Some(key) => key,
                None => known(&name.to_ascii_lowercase().replace('_', "-"), Key::as_str)
                    .with_context(|| path.display().to_string())?,
            };
            self.set(key, value, Origin::File(path.to_owned()));
        }
        Ok(())
    }
}

fn known(name: &str, as_str: impl Fn(Key) -> &'static str) -> Result<Key> {
    if let Some(key) = Key::ALL.into_iter().find(|key| as_str(*key) == name) {
        return Ok(key);
    }
    let names: Vec<&str> = Key::ALL.into_iter().map(as_str).collect();
    match holdfast_model::nearest(name, &names) {
        Some(near) => bail!("there is no setting {name}; is {near} meant?"),
        None => bail!("there is no setting {name}; there are {}", names.join(", ")),
    }
}

fn text_of(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
