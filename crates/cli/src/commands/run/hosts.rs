//! The hosts of a run: each is one snapshot.

use std::ffi::OsStr;

use anyhow::{Result, bail};
use holdfast_model::source::{RemoteHost, Source};

use super::settings::Settings;
use crate::args::{BackupArgs, ConnectionArgs};
use crate::commands::backup;
use crate::output;

/// The sources of one host, or of this machine.
pub struct Host {
    host: Option<RemoteHost>,
    sources: Vec<String>,
    paths: Vec<Vec<u8>>,
}

/// All hosts that the settings name, in the order in which they do.
pub fn of(settings: &Settings) -> Result<Vec<Host>> {
    let mut hosts: Vec<Host> = Vec::new();
    for text in settings.list("sources") {
        let (host, path) = match Source::parse(OsStr::new(&text))? {
            Source::Local { path } => (None, path.into_os_string().into_encoded_bytes()),
            Source::Remote { host, path } => (Some(host), path),
        };
        match hosts.iter_mut().find(|other| other.host == host) {
            Some(known) => {
                known.sources.push(text);
                known.paths.push(path);
            }
            None => hosts.push(Host { host, sources: vec![text], paths: vec![path] }),
        }
    }
    if hosts.is_empty() {
        bail!("there is nothing to back up: name sources in holdfast.toml, or set HOLDFAST_SOURCES");
    }
    Ok(hosts)
}

/// What each host is called in what a run says: its name, or where several have that, all of its address.
pub fn labels(hosts: &[Host]) -> Vec<String> {
    let label = |host: &Host| match &host.host {
        Some(remote) if hosts.iter().filter(|other| other.name() == host.name()).count() > 1 => remote.to_string(),
        _ => host.name(),
    };
    hosts.iter().map(label).collect()
}

impl Host {
    /// The name that its snapshots are stamped with.
    pub fn name(&self) -> String {
        self.host.as_ref().map_or_else(backup::this_host, |host| host.host().to_owned())
    }

    /// What is backed up, as it was given.
    pub fn shown_paths(&self) -> String {
        let shown = |path: &Vec<u8>| if path.is_empty() { "~".to_owned() } else { output::path(path) };
        self.paths.iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    /// The backup that the settings ask for.
    pub fn backup(&self, settings: &Settings, dry_run: bool) -> BackupArgs {
        BackupArgs {
            sources: self.sources.clone(),
            files_from: Vec::new(),
            exclude: settings.exclude(),
            connection: ConnectionArgs {
                ssh: settings.text("ssh"),
                sudo: settings.flag("sudo"),
                ephemeral: settings.flag("ephemeral"),
                agents: settings.text("agents").map(Into::into),
            },
            command: None,
            as_path: None,
            tag: settings.list("tags"),
            host: None,
            time: None,
            parent: None,
            force: false,
            with_atime: false,
            compression: settings.text("compression").unwrap_or_else(|| "auto".to_owned()),
            limit_rate: settings.text("limit-rate"),
            trust_group: settings.text("trust-group"),
            dry_run,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_one_name_are_told_apart() {
        let host = |text: &str| match Source::parse(OsStr::new(text)).unwrap() {
            Source::Remote { host, .. } => Host { host: Some(host), sources: Vec::new(), paths: Vec::new() },
            Source::Local { .. } => panic!("{text} is no host"),
        };
        let hosts = [host("root@web1:/"), host("ssh://web1:2222/"), host("root@db1:/")];
        assert_eq!(labels(&hosts), ["root@web1", "web1:2222", "db1"]);
    }
}
