//! What `holdfast run` is to do: from a TOML file, a `.env` file and the environment, the later winning.
//!
//! Every setting has one name. In TOML it is a key (those of the rule are in `[keep]`), elsewhere a variable:
//! `password-file` is `HOLDFAST_PASSWORD_FILE`. A name that is not known is refused, with the one that may be meant.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use toml::Value;

use crate::args::{ExcludeArgs, KeepArgs, RunArgs};
use crate::dotenv;
use crate::environment;

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    List,
    Flag,
}

const SETTINGS: [(&str, Kind); 39] = [
    ("repository", Kind::Text),
    ("repository-hot", Kind::Text),
    ("password-file", Kind::Text),
    ("password-command", Kind::Text),
    ("init", Kind::Flag),
    ("sources", Kind::List),
    ("excludes", Kind::List),
    ("iexcludes", Kind::List),
    ("exclude-files", Kind::List),
    ("exclude-if-present", Kind::List),
    ("exclude-caches", Kind::Flag),
    ("exclude-larger-than", Kind::Text),
    ("one-file-system", Kind::Flag),
    ("tags", Kind::List),
    ("ssh", Kind::Text),
    ("sudo", Kind::Flag),
    ("ephemeral", Kind::Flag),
    ("agents", Kind::Text),
    ("state", Kind::Text),
    ("compression", Kind::Text),
    ("limit-rate", Kind::Text),
    ("trust-group", Kind::Text),
    ("parallel", Kind::Text),
    ("prune", Kind::Flag),
    ("keep-last", Kind::Text),
    ("keep-hourly", Kind::Text),
    ("keep-daily", Kind::Text),
    ("keep-weekly", Kind::Text),
    ("keep-monthly", Kind::Text),
    ("keep-quarterly", Kind::Text),
    ("keep-yearly", Kind::Text),
    ("keep-within", Kind::Text),
    ("keep-within-hourly", Kind::Text),
    ("keep-within-daily", Kind::Text),
    ("keep-within-weekly", Kind::Text),
    ("keep-within-monthly", Kind::Text),
    ("keep-within-quarterly", Kind::Text),
    ("keep-within-yearly", Kind::Text),
    ("keep-tags", Kind::List),
];

/// The variables of all settings, behind `HOLDFAST_`.
pub fn variables() -> impl Iterator<Item = String> {
    SETTINGS.iter().map(|(name, _)| variable(name))
}

/// All settings that were made.
#[derive(Default, PartialEq, Eq)]
pub struct Settings {
    /// Texts and flags are lists of one.
    values: BTreeMap<&'static str, Vec<String>>,
    /// What a `.env` file says that is not ours: the storage's credentials, as `AWS_SECRET_ACCESS_KEY`.
    storage: BTreeMap<String, String>,
}

/// The files that the settings come from.
pub struct Files {
    /// A TOML file.
    pub config: Option<PathBuf>,
    /// A `.env` file.
    pub env: Option<PathBuf>,
}

impl Files {
    /// Those that were named, or those that lie here.
    pub fn find(args: &RunArgs) -> Self {
        let here = |name: &str| Some(PathBuf::from(name)).filter(|path| path.is_file());
        if args.config.is_some() || args.env_file.is_some() {
            return Self { config: args.config.clone(), env: args.env_file.clone() };
        }
        match here("holdfast.toml") {
            Some(config) => Self { config: Some(config), env: None },
            None => Self { config: None, env: here(".env") },
        }
    }
}

impl Files {
    /// Their names, for a message.
    fn shown(&self) -> String {
        let names = [&self.config, &self.env].into_iter().flatten().map(|path| path.display().to_string());
        names.collect::<Vec<_>>().join(" or ")
    }
}

impl Settings {
    /// Reads the files and the environment.
    pub fn read(files: &Files) -> Result<Self> {
        let mut settings = Self::default();
        if let Some(path) = &files.config {
            settings.add_toml(&text_of(path)?).with_context(|| path.display().to_string())?;
        }
        if let Some(path) = &files.env {
            settings.add_dotenv(&text_of(path)?).with_context(|| path.display().to_string())?;
        }
        for (name, kind) in SETTINGS {
            if let Some(value) = environment::own(&variable(name)) {
                // A forgotten variable must not lead a prune to another repository than the one that is written down.
                if name == "repository" && settings.text(name).is_some_and(|written| written != value) {
                    bail!(
                        "HOLDFAST_REPOSITORY is {value}, and {} names another repository; unset one of them, or say -r",
                        files.shown()
                    );
                }
                settings.values.insert(name, read(name, kind, &value)?);
            }
        }
        Ok(settings)
    }

    fn add_toml(&mut self, text: &str) -> Result<()> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            anyhow::anyhow!("line {line}: {}", error.message().replace('\n', ", "))
        })?;
        for (key, value) in table {
            match (key.as_str(), value) {
                ("keep", Value::Table(keep)) => {
                    for (key, value) in keep {
                        self.add(&format!("keep-{key}"), &format!("[keep] {key}"), value)?;
                    }
                }
                (_, value) => self.add(&key, &key, value)?,
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &str, shown: &str, value: Value) -> Result<()> {
        let (name, kind) = known(name, shown, |name| match name.strip_prefix("keep-") {
            Some(name) => format!("[keep] {name}"),
            None => name.to_owned(),
        })?;
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            Value::Integer(number) => Some(number.to_string()),
            _ => None,
        };
        let values = match (kind, value) {
            (Kind::Flag, Value::Boolean(flag)) => Some(vec![flag.to_string()]),
            (Kind::Flag, _) => bail!("{shown} is either true or false"),
            (Kind::List, Value::Array(values)) => values.into_iter().map(text).collect(),
            (Kind::List, _) => bail!("{shown} is a list, like [\"one\", \"two\"]"),
            (Kind::Text, value) => text(value).map(|text| vec![text]),
        };
        self.values.insert(name, values.with_context(|| format!("{shown} must be text"))?);
        Ok(())
    }

    fn add_dotenv(&mut self, text: &str) -> Result<()> {
        for (variable_name, value) in dotenv::parse(text)? {
            let Some(name) = variable_name.strip_prefix("HOLDFAST_") else {
                if let Some(name) = variable_name.strip_prefix("RESTIC_") {
                    bail!("{variable_name} is not read here; write HOLDFAST_{name}");
                }
                self.storage.insert(variable_name, value);
                continue;
            };
            if name == "PASSWORD" {
                bail!("HOLDFAST_PASSWORD belongs in a file of its own; name that file with HOLDFAST_PASSWORD_FILE");
            }
            let name = name.to_ascii_lowercase().replace('_', "-");
            let (name, kind) = known(&name, &variable_name, |name| format!("HOLDFAST_{}", variable(name)))?;
            self.values.insert(name, read(name, kind, &value)?);
        }
        Ok(())
    }

    /// Variables for the storage's driver, beside those of the environment.
    pub fn storage(&self) -> &BTreeMap<String, String> {
        &self.storage
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.values.get(name)?.first().filter(|text| !text.is_empty()).cloned()
    }

    /// A list.
    pub fn list(&self, name: &str) -> Vec<String> {
        self.values.get(name).cloned().unwrap_or_default()
    }

    /// A flag.
    pub fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| text == "true")
    }

    /// What is left out.
    pub fn exclude(&self) -> ExcludeArgs {
        ExcludeArgs {
            exclude: self.list("excludes"),
            iexclude: self.list("iexcludes"),
            exclude_file: self.list("exclude-files").into_iter().map(PathBuf::from).collect(),
            iexclude_file: Vec::new(),
            exclude_if_present: self.list("exclude-if-present"),
            exclude_caches: self.flag("exclude-caches"),
            exclude_larger_than: self.text("exclude-larger-than"),
            one_file_system: self.flag("one-file-system"),
        }
    }

    /// What is kept.
    pub fn keep(&self) -> KeepArgs {
        KeepArgs {
            keep_last: self.text("keep-last"),
            keep_hourly: self.text("keep-hourly"),
            keep_daily: self.text("keep-daily"),
            keep_weekly: self.text("keep-weekly"),
            keep_monthly: self.text("keep-monthly"),
            keep_quarterly: self.text("keep-quarterly"),
            keep_yearly: self.text("keep-yearly"),
            keep_within: self.text("keep-within"),
            keep_within_hourly: self.text("keep-within-hourly"),
            keep_within_daily: self.text("keep-within-daily"),
            keep_within_weekly: self.text("keep-within-weekly"),
            keep_within_monthly: self.text("keep-within-monthly"),
            keep_within_quarterly: self.text("keep-within-quarterly"),
            keep_within_yearly: self.text("keep-within-yearly"),
            keep_tag: self.list("keep-tags"),
        }
    }
}

fn text_of(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn variable(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

/// A value of a variable. Lists are one a line, or separated by blanks.
fn read(name: &str, kind: Kind, value: &str) -> Result<Vec<String>> {
    let value = value.trim();
    let list = |parts: &mut dyn Iterator<Item = &str>| {
        parts.map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    Ok(match kind {
        Kind::Text => vec![value.to_owned()],
        Kind::List if value.contains('\n') => list(&mut value.lines()),
        Kind::List => list(&mut value.split_whitespace()),
        Kind::Flag => match value.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => vec!["true".to_owned()],
            "" | "false" | "no" | "off" | "0" => vec!["false".to_owned()],
            _ => bail!("HOLDFAST_{} is either true or false, not {value:?}", variable(name)),
        },
    })
}

/// The setting of that name, or an error that says which may be meant.
fn known(name: &str, shown: &str, show: impl Fn(&str) -> String) -> Result<(&'static str, Kind)> {
    if let Some(setting) = SETTINGS.into_iter().find(|(known, _)| *known == name) {
        return Ok(setting);
    }
    let nearest = SETTINGS.into_iter().min_by_key(|(known, _)| distance(known, name));
    let nearest = nearest.expect("there are settings").0;
    bail!("there is no setting {shown}; is {} meant?", show(nearest))
}

/// Levenshtein's: how many letters must be added, removed or changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toml(text: &str) -> Result<Settings> {
        let mut settings = Settings::default();
        settings.add_toml(text).map(|()| settings)
    }

    #[test]
    fn toml_and_dotenv_say_the_same() {
        let written = toml(
            "repository = '/srv/backup'\npassword-file = '/p'\ninit = true\nsources = ['a:/x', '/y']\n\
             [keep]\ndaily = 7\nweekly = 'unlimited'\nwithin-hourly = '2d'\n",
        );
        let mut other = Settings::default();
        other
            .add_dotenv(
                "HOLDFAST_REPOSITORY=/srv/backup\nHOLDFAST_PASSWORD_FILE=/p\nHOLDFAST_INIT=yes\nHOLDFAST_SOURCES='a:/x\n/y'\n\
                 HOLDFAST_KEEP_DAILY=7\nHOLDFAST_KEEP_WEEKLY=unlimited\nHOLDFAST_KEEP_WITHIN_HOURLY=2d\n",
            )
            .unwrap();
        assert!(written.unwrap() == other);
        assert_eq!(other.list("sources"), ["a:/x", "/y"]);
        assert!(other.flag("init") && !other.flag("sudo"));
    }

    #[test]
    fn a_dotenv_file_may_hold_what_the_storage_asks_for_and_nothing_of_restics() {
        let mut settings = Settings::default();
        settings.add_dotenv("AWS_ACCESS_KEY_ID=key\nHOLDFAST_STATE=/var/lib/holdfast\n").unwrap();
        assert_eq!(settings.storage()["AWS_ACCESS_KEY_ID"], "key");
        assert_eq!(settings.text("state").as_deref(), Some("/var/lib/holdfast"));
        let error = settings.add_dotenv("RESTIC_REPOSITORY=/x").unwrap_err().to_string();
        assert_eq!(error, "RESTIC_REPOSITORY is not read here; write HOLDFAST_REPOSITORY");
    }

    #[test]
    fn an_unknown_setting_is_refused_with_the_one_that_may_be_meant() {
        for (text, says) in [
            ("repositry = 'x'", "there is no setting repositry; is repository meant?"),
            ("[keep]\ndayly = 1", "there is no setting [keep] dayly; is [keep] daily meant?"),
            ("init = 'yes'", "init is either true or false"),
            ("sources = 'x'", "sources is a list, like [\"one\", \"two\"]"),
            ("tags = [true]", "tags must be text"),
        ] {
            assert_eq!(toml(text).err().unwrap().to_string(), says);
        }
        assert!(toml("a = 1\nb = = 2").err().unwrap().to_string().starts_with("line 2: "));
        let error = Settings::default().add_dotenv("HOLDFAST_KEEP_DAYLY=1").unwrap_err().to_string();
        assert_eq!(error, "there is no setting HOLDFAST_KEEP_DAYLY; is HOLDFAST_KEEP_DAILY meant?");
    }
}
