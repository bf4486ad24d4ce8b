//! Options of the verbs that only look.

use clap::{Args, ValueEnum};

/// Which snapshots count, and which one `latest` is.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which snapshots")]
pub struct SnapshotFilter {
    /// Only snapshots of this host
    #[arg(short = 'H', long, value_name = "NAME")]
    pub host: Vec<String>,
    /// Only snapshots with all of these tags; give the option again for another choice
    #[arg(long, value_name = "TAG,…")]
    pub tag: Vec<String>,
    /// Only snapshots of these paths
    #[arg(long, value_name = "PATH")]
    pub path: Vec<String>,
}

/// `holdfast snapshots`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast snapshots -r /srv/backup
  holdfast snapshots -r /srv/backup --host web1 --latest 3 --json")]
pub struct SnapshotsArgs {
    /// Only these: ids, beginnings of ids, or 'latest'
    #[arg(value_name = "SNAPSHOT")]
    pub ids: Vec<String>,
    /// Only the newest N of each host and set of paths
    #[arg(long, value_name = "N")]
    pub latest: Option<usize>,
    #[command(flatten)]
    pub filter: SnapshotFilter,
}

/// `holdfast ls`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast ls -r /srv/backup latest --host web1
  holdfast ls -r /srv/backup 4f2a:/etc -l")]
pub struct LsArgs {
    /// The snapshot: an id, the beginning of one, or 'latest'; with :PATH only what lies beneath it
    #[arg(value_name = "SNAPSHOT[:PATH]")]
    pub snapshot: String,
    /// Only these paths and what lies beneath
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
    /// Show mode, owner, size and time
    #[arg(short, long)]
    pub long: bool,
    #[command(flatten)]
    pub filter: SnapshotFilter,
}

/// `holdfast find`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast find -r /srv/backup nginx.conf
  holdfast find -r /srv/backup '*.pem' --host web1 -l
  holdfast find '*.pem' --host web1                     # asks the server, where no repository is given

Without -r, HOLDFAST_REPOSITORY and RESTIC_REPOSITORY the server is asked, which knows the names in the snapshots of all its
clients. It finds names alone, not parts of paths; --host is then a client, and the case counts only where a pattern has
a large letter.")]
pub struct FindArgs {
    /// Names or patterns
    #[arg(value_name = "PATTERN", required = true)]
    pub patterns: Vec<String>,
    /// Whatever the case
    #[arg(short, long)]
    pub ignore_case: bool,
    /// Show mode, owner, size and time
    #[arg(short, long)]
    pub long: bool,
    /// Only in these snapshots
    #[arg(short, long, value_name = "SNAPSHOT")]
    pub snapshot: Vec<String>,
    #[command(flatten)]
    pub filter: SnapshotFilter,
    /// Ask this server, whatever repository the environment names [default: HOLDFAST_SERVER, what `holdfast login`
    /// remembered, or http://127.0.0.1:8420]
    #[arg(long, value_name = "URL", conflicts_with = "repository", help_heading = "Which server")]
    pub server: Option<String>,
    /// Only in snapshots of this tenant, by name or id
    #[arg(long, value_name = "TENANT", conflicts_with = "repository", help_heading = "Which server")]
    pub tenant: Option<String>,
    /// At most so many paths [default: 1000; with --json all]
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "repository", help_heading = "Which server",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub limit: Option<u32>,
}

impl FindArgs {
    /// Whether an option says that a server is meant.
    pub fn asks_server(&self) -> bool {
        self.server.is_some() || self.tenant.is_some() || self.limit.is_some()
    }
}

/// `holdfast diff`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  holdfast diff -r /srv/backup 4f2a latest

Signs: + added, - removed, M content changed, U metadata changed, T became something else.")]
pub struct DiffArgs {
    /// The earlier snapshot, with :PATH a part of it
    pub from: String,
    /// The later snapshot, with :PATH a part of it
    pub to: String,
    /// Also show what differs in metadata alone
    #[arg(long)]
    pub metadata: bool,
}

/// `holdfast dump`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast dump -r /srv/backup latest /dumps/all.sql --host db1 | psql
  holdfast dump -r /srv/backup latest /etc --host web1 > etc.tar")]
pub struct DumpArgs {
    /// The snapshot
    pub snapshot: String,
    /// A file, or a directory
    #[arg(id = "dumped", value_name = "PATH")]
    pub path: String,
    #[command(flatten)]
    pub filter: SnapshotFilter,
}

/// `holdfast stats`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast stats -r /srv/backup
  holdfast stats -r /srv/backup --mode raw-data latest")]
pub struct StatsArgs {
    /// Only these snapshots
    #[arg(value_name = "SNAPSHOT")]
    pub snapshots: Vec<String>,
    /// What to count
    #[arg(long, value_enum, default_value_t = StatsMode::RestoreSize)]
    pub mode: StatsMode,
    #[command(flatten)]
    pub filter: SnapshotFilter,
}

/// What to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatsMode {
    /// What a restore would write
    RestoreSize,
    /// Files with different contents
    FilesByContents,
    /// Blobs as stored
    RawData,
    /// Blobs, counted once for each file
    BlobsPerFile,
}
