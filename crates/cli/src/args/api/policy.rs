//! Options of `holdfast policy`.

use clap::{Args, Subcommand, ValueEnum};

use super::{EditArgs, ListArgs, OneArgs, RemoveArgs};
use crate::args::KeepArgs;

pub const EXAMPLES: &str = "\
Examples:
  holdfast policy add web --path /etc --path /var/www --client web1 --client-tag web --repository main \\
      --schedule nightly --keep-daily 14 --keep-weekly 8
  holdfast policy add machines --type rootfs --client-tag prod --repository main --schedule nightly
  holdfast policy run web --follow
  holdfast policy run web --client web1
  holdfast policy preview web                              # of snapshots made up by its schedule
  holdfast policy preview web --client web1 --keep-daily 7 # of real ones, by another rule

Where no --keep option is given, the server's settings say what is kept: `holdfast settings show`.";

/// What to do with policies.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Add a policy
    Add(Box<PolicyAdd>),
    /// List policies
    List(ListArgs),
    /// Show a policy
    Show(OneArgs),
    /// Change a policy
    Edit(EditArgs),
    /// Run a policy now
    Run(PolicyRun),
    /// Show which snapshots a policy keeps and when they go; nothing is removed
    Preview(Box<PolicyPreview>),
    /// Remove a policy; its snapshots stay
    Remove(RemoveArgs),
}

/// A policy to add.
#[derive(Debug, Args)]
pub struct PolicyAdd {
    /// What it is to be called
    pub name: String,
    /// What kind of thing is backed up
    #[arg(long = "type", value_enum, default_value_t = WorkType::Folders)]
    pub work: WorkType,
    /// A directory or file to back up, with the type folders; can be given several times
    #[arg(long = "path", value_name = "PATH")]
    pub paths: Vec<String>,
    /// The repository of the server in which it is stored, by its name
    // The id is that of the option of every verb, whose place this takes.
    #[arg(short, long, value_name = "NAME")]
    pub repository: Option<String>,
    /// The schedule by which it runs [default: none, it runs when somebody says so]
    #[arg(long, value_name = "NAME")]
    pub schedule: Option<String>,
    /// A client to back up; can be given several times
    #[arg(long = "client", value_name = "NAME")]
    pub clients: Vec<String>,
    /// Back up all clients with this tag; can be given several times
    #[arg(long = "client-tag", value_name = "TAG")]
    pub client_tags: Vec<String>,
    /// Leave out what matches this pattern, as restic's --exclude does; can be given several times
    #[arg(long = "exclude", value_name = "PATTERN")]
    pub excludes: Vec<String>,
    /// Stay on the file systems on which the paths lie
    #[arg(long)]
    pub one_file_system: bool,
    /// Whose jobs come first: those with the higher number
    #[arg(long, value_name = "-128…127", default_value_t = 0, allow_negative_numbers = true)]
    pub priority: i8,
    /// A word for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub description: String,
    /// Add it, but do not run it yet
    #[arg(long)]
    pub disabled: bool,
    #[command(flatten)]
    pub keep: KeepArgs,
}

/// What kind of thing is backed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WorkType {
    /// Directories and files
    Folders,
    /// The whole machine, but for what no restore wants
    Rootfs,
    /// Its configuration: /etc
    Config,
    /// Its mail: /var/mail and /var/lib/mail
    Mail,
}

/// A policy to run.
#[derive(Debug, Args)]
pub struct PolicyRun {
    /// Its name or id
    pub name: String,
    /// Only this client; can be given several times
    #[arg(long = "client", value_name = "NAME")]
    pub clients: Vec<String>,
    /// Show how far its jobs are and what their logs say until they have ended, those too that try again what failed, and end
    /// as they did; interrupting it leaves them at work
    #[arg(short, long)]
    pub follow: bool,
}

/// A policy whose retention is looked at.
#[derive(Debug, Args)]
pub struct PolicyPreview {
    /// Its name or id
    pub name: String,
    /// Of the snapshots that it has made of this client [default: of some that are made up by its schedule]
    #[arg(long, value_name = "NAME")]
    pub client: Option<String>,
    /// Make up snapshots for so many days back
    #[arg(long, value_name = "DAYS", default_value_t = 400, conflicts_with = "client")]
    pub days: u32,
    /// Show those too that go at once
    #[arg(short, long)]
    pub all: bool,
    // A rule in place of the policy's own.
    #[command(flatten)]
    pub keep: KeepArgs,
}
