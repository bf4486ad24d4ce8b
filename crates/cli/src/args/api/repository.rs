//! Options of `holdfast repository`.

use clap::{Args, Subcommand, ValueEnum};

use super::{EditArgs, ListArgs, OneArgs, RemoveArgs};
use crate::args::InitChunker;

pub const EXAMPLES: &str = "\
Examples:
  holdfast repository add main /srv/backup --init -p /root/password
  holdfast repository add offsite s3:https://s3.example.net/bucket --credential AWS_ACCESS_KEY_ID=env:KEY_ID \\
      --credential AWS_SECRET_ACCESS_KEY=sealed:s3-key
  holdfast repository check main --read-data
  holdfast repository verify main                    # restores some files, to prove that they can be
  holdfast repository copy main --to offsite --newest
  holdfast repository show main

Repositories of restic are taken over as they are: leave out --init. The password is taken as the other verbs take it
(--password-file, --password-command, HOLDFAST_PASSWORD_FILE …, or asked for), goes to the server once, is sealed there,
and never comes back: keep it elsewhere too.";

/// What to do with repositories.
#[derive(Debug, Subcommand)]
pub enum RepositoryCommand {
    /// Add a repository: one that is there, or a new one
    Add(RepositoryAdd),
    /// List repositories
    List(ListArgs),
    /// Show all that is known of a repository
    Show(OneArgs),
    /// Change what is said of a repository
    Edit(EditArgs),
    /// Open a repository again and note what is in it
    Prepare(RepositoryPrepare),
    /// Check that a repository is sound
    Check(RepositoryCheck),
    /// Delete the data that no snapshot in it needs
    Prune(OneArgs),
    /// Restore some files of the newest snapshots, drawn by lot, and compare them: proves that they can be restored
    Verify(OneArgs),
    /// Copy the snapshots of a repository to another one; those that are there already are left out
    Copy(RepositoryCopy),
    /// Make the names in a repository searchable, after it was adopted; what a policy backs up is so by itself
    Catalog(OneArgs),
    /// Remove a repository from the server; what is stored stays
    Remove(RemoveArgs),
}

/// A repository to add.
#[derive(Debug, Args)]
pub struct RepositoryAdd {
    /// What it is to be called
    pub name: String,
    /// Where it is, seen from the server: a directory, or s3:…, sftp:…, rest:…, b2:…, rclone:… as restic spells them
    pub uri: String,
    /// Where its hot part is, spelled likewise: a fast place with copies of what is read often, for a repository on storage that
    /// is slow or costly to read. It is filled with --init, now or by 'repository prepare'
    #[arg(long, value_name = "URI")]
    pub hot: Option<String>,
    /// Create it where there is none
    #[arg(long)]
    pub init: bool,
    /// How files are cut into chunks in a new one, for good
    #[arg(long, value_enum, default_value_t = InitChunker::Gear, requires = "init")]
    pub chunker: InitChunker,
    /// Where the server finds the password, instead of sealing it: env:NAME, file:/PATH, cred:NAME or sealed:NAME
    #[arg(long, value_name = "SOURCE")]
    pub password_source: Option<String>,
    /// What the storage asks for, and where the server finds it; can be given several times. With HOT_ before the variable
    /// for the hot part alone
    #[arg(long = "credential", value_name = "VARIABLE=SOURCE")]
    pub credentials: Vec<String>,
    /// A word for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub description: String,
    /// How hard to compress
    #[arg(long, value_enum, default_value_t = Strength::Auto)]
    pub compression: Strength,
    /// Add it, and do not open it now
    #[arg(long, conflicts_with = "init")]
    pub no_prepare: bool,
}

/// How hard to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Strength {
    /// As suits the data
    Auto,
    /// Not at all, where the format can do without
    Off,
    /// As little as is worth while
    Fast,
    /// As small as can be
    Best,
}

/// A repository to open.
#[derive(Debug, Args)]
pub struct RepositoryPrepare {
    /// Its name or id
    pub name: String,
    /// Create it where there is none, and copy into its hot part what is missing there
    #[arg(long)]
    pub init: bool,
    /// How files are cut into chunks in a new one, for good
    #[arg(long, value_enum, default_value_t = InitChunker::Gear, requires = "init")]
    pub chunker: InitChunker,
}

/// A repository to copy from.
#[derive(Debug, Args)]
pub struct RepositoryCopy {
    /// Its name or id
    pub name: String,
    /// The repository to copy to, of the same tenant, by name or id
    #[arg(long, value_name = "NAME")]
    pub to: String,
    /// Only snapshots of this client, by name or id
    #[arg(long, value_name = "NAME")]
    pub client: Option<String>,
    /// Only the newest snapshot, of each client and policy
    #[arg(long)]
    pub newest: bool,
}

/// A repository to check.
#[derive(Debug, Args)]
pub struct RepositoryCheck {
    /// Its name or id
    pub name: String,
    /// Read and verify all data too
    #[arg(long)]
    pub read_data: bool,
}
