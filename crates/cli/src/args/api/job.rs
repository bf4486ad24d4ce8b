//! Options of `holdfast job`.

use clap::{Args, Subcommand};

use crate::args::OverwriteMode;

pub const EXAMPLES: &str = "\
Examples:
  holdfast job list --status failed --status lost
  holdfast job list --client web1 --kind backup
  holdfast job log -f 0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c41
  holdfast job retry 0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c41
  holdfast job restore web1:/etc --target web2:/tmp/restored --dry-run

`job log -f` and `job restore` end as the job does: 0 done; 3 done, but something is missing; 1 not done.";

const RESTORE_EXAMPLES: &str = "\
Examples:
  holdfast job restore web1:/etc --target web2:/tmp/etc --dry-run    # /etc/hosts would be /tmp/etc/hosts
  holdfast job restore web1:/etc/hosts --target web1:/tmp            # a file by its name: /tmp/hosts
  holdfast job restore web1:/etc --target web1:/ --in-place          # /etc/hosts is /etc/hosts again
  holdfast job restore 4f2a91c3 --target for-the-lawyers             # /etc/hosts is DATA/restores/for-the-lawyers/etc/hosts

What lies beneath PATH is put into the target itself, as by `holdfast restore`, which reads a repository without a server; only
the target CLIENT:/ gives every file the whole path that it had. The first line of the log says where files go.";

/// What to do with jobs.
#[derive(Debug, Subcommand)]
pub enum JobCommand {
    /// List jobs, the newest first
    List(JobChoice),
    /// Show all that is known of a job
    Show {
        /// Its id
        id: String,
    },
    /// Print the log of a job
    Log(JobLog),
    /// End a job, or keep it from starting
    Cancel {
        /// Its id
        id: String,
    },
    /// Have the server restore, to a client or to a directory of its own, and show the log until that has ended
    #[command(after_help = RESTORE_EXAMPLES)]
    Restore(JobRestore),
    /// Try again what a job failed at, or what it left out
    Retry {
        /// Its id
        id: String,
        /// Show the log of the new job until it has ended, and of those that try again what it fails at, and end as the last
        /// did
        #[arg(short, long)]
        follow: bool,
    },
}

/// Which jobs to list.
#[derive(Debug, Args)]
pub struct JobChoice {
    /// Of this client, by name or id
    #[arg(long, value_name = "NAME")]
    pub client: Option<String>,
    /// Of this policy, by name or id
    #[arg(long, value_name = "NAME")]
    pub policy: Option<String>,
    /// With this status: queued, blocked, running, succeeded, warning, failed, cancelled, skipped, lost; can be given
    /// several times
    #[arg(long = "status", value_name = "STATUS")]
    pub statuses: Vec<String>,
    /// Of this kind: prepare, backup, catalog, forget, prune, check, restore, verify, copy; can be given several times
    #[arg(long = "kind", value_name = "KIND")]
    pub kinds: Vec<String>,
    /// At most so many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
}

/// Which log to print.
#[derive(Debug, Args)]
pub struct JobLog {
    /// The job's id
    pub id: String,
    /// Go on until the job has ended, and end as it did
    #[arg(short, long)]
    pub follow: bool,
}

/// What to restore, and where to.
#[derive(Debug, Args)]
pub struct JobRestore {
    /// A client, of which the newest snapshot is taken, or the beginning of a snapshot's id; with :PATH only what lies there
    #[arg(value_name = "CLIENT|SNAPSHOT[:PATH]")]
    pub source: String,
    /// A directory of a client, or a relative path: a directory of the server, beneath `restores` in its data folder
    #[arg(short, long, value_name = "CLIENT:PATH|DIRECTORY")]
    pub target: String,
    /// Only say what would be done, and which files would be replaced
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Restore only what matches this pattern, seen from what is put into the target; can be given several times
    #[arg(short, long, value_name = "PATTERN")]
    pub include: Vec<String>,
    /// As --include, whatever the case
    #[arg(long, value_name = "PATTERN")]
    pub iinclude: Vec<String>,
    /// Leave out what matches this pattern; can be given several times
    #[arg(short, long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    /// As --exclude, whatever the case
    #[arg(long, value_name = "PATTERN")]
    pub iexclude: Vec<String>,
    /// What to do with files that exist
    #[arg(long, value_enum, default_value_t = OverwriteMode::Always)]
    pub overwrite: OverwriteMode,
    /// Delete what the snapshot does not hold, in the directories that it holds as a whole; nothing that lies directly in the
    /// target goes
    #[arg(long)]
    pub delete: bool,
    /// Give files to the users and groups of the same names, where the target's machine knows them [default: of the same
    /// numbers]
    #[arg(long)]
    pub ownership_by_name: bool,
    /// Read back everything that was written and compare
    #[arg(long)]
    pub verify: bool,
    /// Put files where they were: must be said with a target CLIENT:/, and with the directory that they were in
    #[arg(long)]
    pub in_place: bool,
}
