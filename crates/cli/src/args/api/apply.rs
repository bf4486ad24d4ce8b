//! Options of `holdfast apply`, `holdfast export` and `holdfast login`.

use std::path::PathBuf;

use clap::Args;

use super::ServerArgs;

/// `holdfast apply`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast export > holdfast.yaml
  holdfast apply -f holdfast.yaml --diff           # what would change
  holdfast apply -f holdfast.yaml                  # shows it, asks, does it
  holdfast apply -f holdfast.yaml --prune --yes    # also removes what the file does not name

A configuration, holdfast.yaml:
  version: 1
  schedules:
    - name: nightly
      cron: 30 2 * * *
  repositories:
    - name: main
      uri: /srv/backup
      password: sealed:main
  clients:
    - hostname: web1
      connection: {user: root}
  policies:
    - name: web
      work: {type: folders, paths: [/etc, /var/www]}
      repository: main
      schedule: nightly
      clients: [web1]
  settings:
    jobs_at_once: 4

What a file leaves out of an object gets its default; objects that it does not name stay as they are without --prune.
Secrets are not part of it: hand them over with `holdfast secret set`; which of them are missing is shown. Repositories that
are new or whose place is another are looked into by jobs, which are not waited for.")]
pub struct ApplyArgs {
    /// The configuration; `-` for standard input
    #[arg(short, long, value_name = "FILE")]
    pub file: PathBuf,
    /// Show what would change, and change nothing
    #[arg(long, visible_alias = "dry-run", conflicts_with = "yes")]
    pub diff: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Remove what the file does not name; what is stored stays
    #[arg(long)]
    pub prune: bool,
    // Last: its heading would stand over what follows.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `holdfast export`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast export > holdfast.yaml
  holdfast export --json

Holds tenants, schedules, repositories, clients with the host keys that are believed, policies, and the settings that were
made; always in the same order; what has its default value is left out. It has no secrets in it, only their names.")]
pub struct ExportArgs {
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `holdfast login`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast login http://127.0.0.1:8420
  ssh -L 8420:127.0.0.1:8420 backup.example.net    # a server elsewhere is reached through SSH, as it has no accounts yet

The address is kept in $XDG_CONFIG_HOME/holdfast/login.toml. --server and HOLDFAST_SERVER come before it.")]
pub struct LoginArgs {
    /// Where the server is
    #[arg(value_name = "URL")]
    pub url: String,
}
