//! Options of the verbs that change or check what is stored.

use clap::{Args, Subcommand, ValueEnum};

use super::SnapshotFilter;

/// What to keep.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What to keep")]
pub struct KeepArgs {
    /// The last N snapshots ('unlimited' for all, here and below)
    #[arg(short = 'l', long, value_name = "N")]
    pub keep_last: Option<String>,
    /// The last of each of N hours
    #[arg(long, value_name = "N")]
    pub keep_hourly: Option<String>,
    /// The last of each of N days
    #[arg(short = 'd', long, value_name = "N")]
    pub keep_daily: Option<String>,
    /// The last of each of N weeks
    #[arg(short = 'w', long, value_name = "N")]
    pub keep_weekly: Option<String>,
    /// The last of each of N months
    #[arg(short = 'm', long, value_name = "N")]
    pub keep_monthly: Option<String>,
    /// The last of each of N quarters of a year
    #[arg(long, value_name = "N")]
    pub keep_quarterly: Option<String>,
    /// The last of each of N years
    #[arg(short = 'y', long, value_name = "N")]
    pub keep_yearly: Option<String>,
    /// All within this time of the newest, like 1y5m7d2h
    #[arg(long, value_name = "DURATION")]
    pub keep_within: Option<String>,
    /// The last of each hour within this time
    #[arg(long, value_name = "DURATION")]
    pub keep_within_hourly: Option<String>,
    /// The last of each day within this time
    #[arg(long, value_name = "DURATION")]
    pub keep_within_daily: Option<String>,
    /// The last of each week within this time
    #[arg(long, value_name = "DURATION")]
    pub keep_within_weekly: Option<String>,
    /// The last of each month within this time
    #[arg(long, value_name = "DURATION")]
    pub keep_within_monthly: Option<String>,
    /// The last of each quarter of a year within this time
    #[arg(long, value_name = "DURATION")]
    pub keep_within_quarterly: Option<String>,
    /// The last of each year within this time
    #[arg(long, value_name = "DURATION")]
    pub keep_within_yearly: Option<String>,
    /// All with these tags
    #[arg(long, value_name = "TAG,…")]
    pub keep_tag: Vec<String>,
}

/// `holdfast forget`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast forget -r /srv/backup --keep-daily 7 --keep-weekly 5 --keep-monthly 12 --keep-yearly 3 --dry-run
  holdfast forget -r /srv/backup --host web1 --keep-last 10 --prune
  holdfast forget -r /srv/backup 4f2a81c0

Snapshots are grouped by host and paths, and the rule applies to each group. Space is freed by 'holdfast prune'.")]
pub struct ForgetArgs {
    /// Remove just these snapshots, whatever the rule
    #[arg(value_name = "SNAPSHOT")]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub keep: KeepArgs,
    #[command(flatten)]
    pub filter: SnapshotFilter,
    /// What makes a group
    #[arg(
        short,
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "host,paths",
        value_name = "host,paths,tags"
    )]
    pub group_by: Vec<GroupBy>,
    /// Prune afterwards, if anything was removed
    #[arg(long)]
    pub prune: bool,
    /// Show what would be removed and why the rest is kept, and remove nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// What makes a group of snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GroupBy {
    /// The host name
    Host,
    /// The paths
    Paths,
    /// The tags
    Tags,
}

/// `holdfast prune`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast prune -r /srv/backup --dry-run
  holdfast prune -r /srv/backup --max-unused 10%

Nothing that a snapshot needs is ever deleted. While it runs, nobody else can use the repository.")]
pub struct PruneArgs {
    /// How much unused data may stay: a share like 5%, a size like 2G, or 'unlimited'
    #[arg(long, default_value = "5%", value_name = "LIMIT")]
    pub max_unused: String,
    /// Rewrite at most so much data, like 10G
    #[arg(long, value_name = "SIZE")]
    pub max_repack_size: Option<String>,
    /// Rewrite only packs of trees, and read no data for it [default: in a repository with a hot part]
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub repack_cacheable_only: Option<bool>,
    /// Also rewrite packs that are much smaller than they should be
    #[arg(long)]
    pub repack_small: bool,
    /// Also rewrite data that is not compressed
    #[arg(long)]
    pub repack_uncompressed: bool,
    /// Delete everything if no snapshot is left; otherwise that is refused, as the snapshots may be missing by mistake
    #[arg(long)]
    pub unsafe_allow_remove_all: bool,
    /// Show what would be done, and do nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// `holdfast check`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast check -r /srv/backup                              # structure: everything that snapshots need is there
  holdfast check -r /srv/backup --read-data                  # also read and verify every byte
  holdfast check -r /srv/backup --read-data-subset 5%")]
pub struct CheckArgs {
    /// Read and verify all data
    #[arg(long)]
    pub read_data: bool,
    /// Read and verify a part: n/t for the n-th of t parts, x% or a size for a random choice
    #[arg(long, value_name = "PART", conflicts_with = "read_data")]
    pub read_data_subset: Option<String>,
}

/// `holdfast copy`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast copy -r /srv/backup --to s3:https://s3.example.com/offsite --to-password-file /etc/holdfast/offsite
  holdfast copy -r /srv/backup --to /mnt/disk/backup --host web1 latest")]
pub struct CopyArgs {
    /// Only these snapshots [default: all that are not there yet]
    #[arg(value_name = "SNAPSHOT")]
    pub ids: Vec<String>,
    /// The repository to copy to
    #[arg(long, value_name = "REPOSITORY")]
    pub to: String,
    /// Its hot part, if it has one
    #[arg(long, value_name = "REPOSITORY")]
    pub to_hot: Option<String>,
    /// Its password's file [default: the same password, HOLDFAST_TO_PASSWORD or HOLDFAST_TO_PASSWORD_FILE]
    #[arg(long, value_name = "FILE")]
    pub to_password_file: Option<std::path::PathBuf>,
    #[command(flatten)]
    pub filter: SnapshotFilter,
}

/// `holdfast repair`
#[derive(Debug, Args)]
pub struct RepairArgs {
    #[command(subcommand)]
    pub command: RepairCommand,
}

/// What to repair.
#[derive(Debug, Subcommand)]
pub enum RepairCommand {
    /// Copy into the hot part what is missing or damaged there
    #[command(after_help = "\
Examples:
  holdfast repair hot -r s3:https://s3.example.com/slow --repository-hot /srv/hot

For a hot part that was lost, or was not there when a backup ran; and for a repository that has none yet: name an empty
place, and it is filled. All copies that are there are read and compared with their names. The main part is only read.")]
    Hot,
}

/// `holdfast unlock`
#[derive(Debug, Args)]
pub struct UnlockArgs {
    /// Remove all locks, also of those that may still be at work: be sure that nobody is
    #[arg(long)]
    pub remove_all: bool,
}
