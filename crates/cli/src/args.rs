//! The command line: verbs and options, with the help that people read first.
//!
//! Only what is given is parsed here; defaults from the environment and what options mean together are decided by
//! the commands.

#![allow(rustdoc::broken_intra_doc_links, reason = "help texts: brackets stand for what may be left out")]

pub mod api;
mod backup;
mod maintenance;
mod repository;
mod restore;
mod run;
mod server;
mod snapshots;

use clap::{Parser, Subcommand};

pub use api::ApiVerb;
pub use backup::{BackupArgs, ConnectionArgs, ExcludeArgs};
pub use maintenance::{
    CheckArgs, CopyArgs, ForgetArgs, GroupBy, KeepArgs, PruneArgs, RepairArgs, RepairCommand, UnlockArgs,
};
pub use repository::{GlobalArgs, InitArgs, InitChunker, KeyArgs, KeyCommand, NewPassword};
pub use restore::{OverwriteMode, RestoreArgs};
pub use run::RunArgs;
pub use server::{ConfigArgs, ConfigCommand, ServeArgs, ServerArgs, WorkerArgs};
pub use snapshots::{DiffArgs, DumpArgs, FindArgs, LsArgs, SnapshotFilter, SnapshotsArgs, StatsArgs, StatsMode};

/// What every verb shares, at the end of its help.
const AFTER_HELP: &str = "\
Examples:
  holdfast init -r /srv/backup
  holdfast backup -r /srv/backup root@web1:/etc root@web1:/var/www --tag nightly
  holdfast snapshots -r /srv/backup
  holdfast restore -r /srv/backup latest:/etc --host web1 --target /tmp/out

With a server, which does it all by itself:
  holdfast repository add main /srv/backup --init
  holdfast client add web1 --user root
  holdfast schedule add nightly '30 2 * * *'
  holdfast policy add web --path /etc --client web1 --repository main --schedule nightly
  holdfast status

The repository is in restic's open format: restic and rustic read it too.
The password is taken from --password-file, --password-command, HOLDFAST_PASSWORD, HOLDFAST_PASSWORD_FILE or
HOLDFAST_PASSWORD_COMMAND, then from the RESTIC_ variables of the same names, else asked for on the terminal.

Exit codes: 0 done; 1 failed; 3 done, but some sources could not be read
(or a job that was waited for ended with warnings); 10 no repository there; 11 the repository
is locked; 12 wrong password; 130 interrupted.";

/// Backs up hosts that it does not trust: pulls over SSH, stores encrypted and deduplicated, restores anywhere.
#[derive(Debug, Parser)]
#[command(name = "holdfast", version, about, after_help = AFTER_HELP, max_term_width = 110)]
#[command(propagate_version = true, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Create a repository
    Init(InitArgs),
    /// Back up paths of a host over SSH, or of this machine
    Backup(BackupArgs),
    /// Restore a snapshot, or a part of it, to this machine or onto a host
    Restore(RestoreArgs),
    /// List snapshots
    Snapshots(SnapshotsArgs),
    /// List the files of a snapshot
    Ls(LsArgs),
    /// Find files by name in all snapshots
    Find(FindArgs),
    /// Show what differs between two snapshots
    Diff(DiffArgs),
    /// Write a file, or a directory as a tar archive, to standard output
    Dump(DumpArgs),
    /// Show how much snapshots hold
    Stats(StatsArgs),
    /// Remove snapshots by a rule, or by their ids
    Forget(ForgetArgs),
    /// Delete data that no snapshot needs
    Prune(PruneArgs),
    /// Check that the repository is sound
    Check(CheckArgs),
    /// Fill the hot part of a repository again
    Repair(RepairArgs),
    /// Copy snapshots to another repository
    Copy(CopyArgs),
    /// Manage the passwords of the repository
    Key(KeyArgs),
    /// Remove locks that nobody holds any more
    Unlock(UnlockArgs),
    /// Back up everything that a small configuration names: for cron and systemd timers
    Run(RunArgs),
    /// Run the server: it pulls its clients on their schedules, and answers the API
    Serve(ServeArgs),
    /// Work for a server whose database is PostgreSQL, on another machine
    Worker(WorkerArgs),
    /// Check the server's configuration, or show it
    Config(ConfigArgs),
    #[command(flatten)]
    Api(ApiVerb),
    /// Print the completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// Reads one client's bytes; started by the other verbs
    #[command(hide = true)]
    Puller(PullerArgs),
    /// Maintains a repository for a server; told what to do over standard input
    #[command(hide = true)]
    Maintenance,
}

/// What the puller is told; descriptors are passed by number.
#[derive(Debug, clap::Args)]
pub struct PullerArgs {
    /// The architecture of an agent; their files are the last descriptors
    #[arg(long = "agent")]
    pub agents: Vec<String>,
    /// Numbers of the descriptors: the memory, its two bells, the agents
    pub descriptors: String,
}
