//! Options of `holdfast job`.

use clap::{Args, Subcommand};

pub const EXAMPLES: &str = "\
Examples:
  holdfast job list --status failed --status lost
  holdfast job list --client web1 --kind backup
  holdfast job log -f 0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c41
  holdfast job retry 0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c41

`job log -f` ends as the job does: 0 done; 3 done, but something is missing; 1 not done.";

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
    /// Try again what a job failed at
    Retry {
        /// Its id
        id: String,
        /// Show the log of the new job until it has ended, and end as it did
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
