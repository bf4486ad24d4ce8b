//! Options of the server itself.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::server_config::Key;

/// `holdfast serve`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast serve                                        # everything under one folder, the API on 127.0.0.1:8420
  holdfast serve --data /srv/holdfast --listen 127.0.0.1:9000
  holdfast serve --database postgres://holdfast@db/holdfast

It listens on this machine alone, as long as there are no accounts: from elsewhere come through SSH,
ssh -L 8420:127.0.0.1:8420 SERVER. The first interrupt lets jobs end in order, and go on with the next start;
killing it at any moment loses nothing that is stored either. A restore alone does not go on: it ends as failed, names the
files that it was writing, unless the server was killed, and is asked for again.

`holdfast config show --origin` tells what is configured where.")]
pub struct ServeArgs {
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `holdfast worker`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast worker --database postgres://holdfast@db/holdfast --data /var/lib/holdfast

All workers and servers need the same master key (server/master-key in the data folder), the same SSH key (ssh/) and to
reach the same repositories.")]
pub struct WorkerArgs {
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `holdfast config`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast config check
  holdfast config show --origin")]
pub struct ConfigArgs {
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// See whether the server could start with it
    Check(ServerArgs),
    /// Show every value
    Show {
        #[command(flatten)]
        server: ServerArgs,
        /// And where it comes from
        #[arg(long)]
        origin: bool,
    },
}

/// Where the server keeps things and listens.
#[derive(Debug, Clone, Default, Args)]
pub struct ServerArgs {
    /// The configuration [default: /etc/holdfast/server.toml for root, else ~/.config/holdfast/server.toml]; conf.d/*.toml and
    /// .env beside it are read too [env: HOLDFAST_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder for everything that the server keeps [default: /var/lib/holdfast for root, else ~/.local/share/holdfast]
    /// [env: HOLDFAST_DATA]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:8420] [env: HOLDFAST_LISTEN]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// The database: sqlite:/PATH or postgres://USER@HOST/NAME [default: holdfast.db in the data folder]; one with a password
    /// belongs into the configuration [env: HOLDFAST_DATABASE]
    #[arg(long, value_name = "ADDRESS")]
    pub database: Option<String>,
    /// Jobs that this process does at the same time [default: 8] [env: HOLDFAST_JOBS]
    #[arg(long, value_name = "NUMBER")]
    pub jobs: Option<u32>,
    /// A folder with agents, before those where they are installed [env: HOLDFAST_AGENTS]
    #[arg(long, value_name = "DIR")]
    pub agents: Option<PathBuf>,
    /// The folder with the programs that hooks of policies may run here [default: hooks in the data folder]
    /// [env: HOLDFAST_HOOKS]
    #[arg(long, value_name = "DIR")]
    pub hooks: Option<PathBuf>,
    /// The name of this process among those that share a database [default: the host's] [env: HOLDFAST_NAME]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Where clients find the server, for what they are told to call [default: where it listens] [env: HOLDFAST_PUBLIC_URL]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Address space that the check, the prune or the copy of a repository may take, each in a process of its own; one that wants
    /// more is a failed job [default: 16G] [env: HOLDFAST_MAINTENANCE_MEMORY]
    #[arg(long, value_name = "SIZE")]
    pub maintenance_memory: Option<String>,
}

impl ServerArgs {
    /// What was given on the command line.
    pub fn given(&self) -> Vec<(Key, String)> {
        let path = |path: &PathBuf| path.display().to_string();
        [
            (Key::Data, self.data.as_ref().map(path)),
            (Key::Listen, self.listen.clone()),
            (Key::Database, self.database.clone()),
            (Key::Jobs, self.jobs.map(|jobs| jobs.to_string())),
            (Key::Agents, self.agents.as_ref().map(path)),
            (Key::Hooks, self.hooks.as_ref().map(path)),
            (Key::Name, self.name.clone()),
            (Key::PublicUrl, self.public_url.clone()),
            (Key::MaintenanceMemory, self.maintenance_memory.clone()),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
    }
}
