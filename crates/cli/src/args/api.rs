//! The verbs that talk to a server: which there are, and the options that all of them share.

mod apply;
mod client;
mod job;
mod policy;
mod repository;
mod schedule;
mod secret;
mod snapshot;
mod status;
mod tenant;

use clap::{Args, Subcommand};

pub use apply::{ApplyArgs, ExportArgs, LoginArgs};
pub use client::{ClientAdd, ClientCommand, ClientPrepare, ConnectionChoice};
pub use job::{JobChoice, JobCommand, JobRestore};
pub use policy::{PolicyAdd, PolicyCommand, PolicyPreview, PolicyRun, WorkType};
pub use repository::{RepositoryAdd, RepositoryCommand, RepositoryCopy, Strength};
pub use schedule::{ScheduleAdd, ScheduleCommand};
pub use secret::{SecretCommand, SecretSet, SettingsCommand};
pub use snapshot::{DownloadForm, SnapshotChoice, SnapshotCommand, SnapshotDownload, SnapshotFiles, SnapshotVersions};
pub use status::StatusArgs;
pub use tenant::{OverlapChoice, TenantAdd, TenantCommand};

/// The verbs that talk to a server.
#[derive(Debug, Subcommand)]
pub enum ApiVerb {
    /// Manage the machines that a server backs up
    #[command(after_help = client::EXAMPLES)]
    Client(Group<ScopeArgs, ClientCommand>),
    /// Manage the repositories of a server
    #[command(after_help = repository::EXAMPLES)]
    Repository(Group<ScopeArgs, RepositoryCommand>),
    /// Manage the times at which a server does things
    #[command(after_help = schedule::EXAMPLES)]
    Schedule(Group<ScopeArgs, ScheduleCommand>),
    /// Manage what a server backs up, where to, when, and for how long
    #[command(after_help = policy::EXAMPLES)]
    Policy(Group<ScopeArgs, PolicyCommand>),
    /// Manage the customers of a server
    #[command(after_help = tenant::EXAMPLES)]
    Tenant(Group<ServerArgs, TenantCommand>),
    /// See what a server does and did; cancel and retry it
    #[command(after_help = job::EXAMPLES)]
    Job(Group<ScopeArgs, JobCommand>),
    /// Look into the snapshots of a server, and download from them
    #[command(after_help = snapshot::EXAMPLES)]
    Snapshot(Group<ScopeArgs, SnapshotCommand>),
    /// See and change what holds for a whole server
    #[command(after_help = secret::SETTINGS_EXAMPLES)]
    Settings(Group<ServerArgs, SettingsCommand>),
    /// Hand secrets over to a server, which seals them
    #[command(after_help = secret::EXAMPLES)]
    Secret(Group<ServerArgs, SecretCommand>),
    /// Show which clients are protected, the worst first
    Status(StatusArgs),
    /// Make the configuration of a server what a file says, after showing what changes
    Apply(ApplyArgs),
    /// Print the configuration of a server, as `apply` takes it
    Export(ExportArgs),
    /// Remember which server the other verbs talk to
    Login(LoginArgs),
}

/// A verb with verbs of its own beneath it.
#[derive(Debug, Args)]
pub struct Group<S: Args, C: Subcommand> {
    #[command(flatten)]
    pub scope: S,
    #[command(subcommand)]
    pub command: C,
}

/// Which server.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Which server")]
pub struct ServerArgs {
    /// Where the server is [default: what `holdfast login` remembered, or http://127.0.0.1:8420]
    #[arg(long, global = true, env = "HOLDFAST_SERVER", value_name = "URL")]
    pub server: Option<String>,
}

/// Which server, and whose things there.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Which server")]
pub struct ScopeArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    /// The tenant, by name or id [default: any; for what is made, the tenant `default`]
    #[arg(long, global = true, value_name = "TENANT")]
    pub tenant: Option<String>,
}

/// Which objects to list.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only those with this in their name, in any case
    #[arg(value_name = "PART OF THE NAME")]
    pub name: Option<String>,
    /// Only those with this tag; several: with any of them
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// Only those that are enabled, or (`false`) that are not
    #[arg(long, value_name = "true|false")]
    pub enabled: Option<bool>,
}

/// One object.
#[derive(Debug, Args)]
pub struct OneArgs {
    /// Its name or id
    pub name: String,
}

/// An object that is to be changed.
#[derive(Debug, Args)]
pub struct EditArgs {
    /// Its name or id
    pub name: String,
    /// Set a field, by its path in what `show` prints: connection.port=2222, tags=[web,prod], schedule=null;
    /// without any, $VISUAL or $EDITOR opens all of it
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    pub sets: Vec<String>,
}

/// An object that is to be removed.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// Its name or id
    pub name: String,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}
