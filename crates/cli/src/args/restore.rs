//! Options of `holdfast restore`.

use clap::{Args, ValueEnum};

use super::SnapshotFilter;
use super::backup::ConnectionArgs;

/// `holdfast restore`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast restore -r /srv/backup latest --host web1 --target /tmp/out
  holdfast restore -r /srv/backup latest:/etc --host web1 --target /tmp/etc      # the content of /etc alone
  holdfast restore -r /srv/backup 4f2a --target root@web2:/srv/restored          # onto a host, through its agent
  holdfast restore -r /srv/backup 4f2a --target / --include /etc/nginx --overwrite if-changed --dry-run

Nothing outside the target is ever touched: names and links of the snapshot can't lead out of it.")]
pub struct RestoreArgs {
    /// The snapshot: an id, the beginning of one, or 'latest'; with :PATH only what lies beneath it, which is put into the target
    /// itself, or one file, which is put there by its name
    #[arg(value_name = "SNAPSHOT[:PATH]")]
    pub snapshot: String,
    /// Where to: a directory of this machine, or [USER@]HOST:DIRECTORY; without a / first it lies in the user's home there
    #[arg(short, long, value_name = "TARGET")]
    pub target: String,
    /// Restore only what matches this pattern
    #[arg(short, long, value_name = "PATTERN")]
    pub include: Vec<String>,
    /// As --include, whatever the case
    #[arg(long, value_name = "PATTERN")]
    pub iinclude: Vec<String>,
    /// Leave out what matches this pattern
    #[arg(short, long, value_name = "PATTERN", conflicts_with_all = ["include", "iinclude"])]
    pub exclude: Vec<String>,
    /// As --exclude, whatever the case
    #[arg(long, value_name = "PATTERN", conflicts_with_all = ["include", "iinclude"])]
    pub iexclude: Vec<String>,
    /// What to do with files that exist
    #[arg(long, value_enum, default_value_t = OverwriteMode::Always)]
    pub overwrite: OverwriteMode,
    /// Delete what the snapshot does not hold, in the directories that are restored: also what the backup left out, by
    /// --exclude and the like or because it could not be read. Nothing that lies directly in TARGET goes
    #[arg(long, conflicts_with_all = ["include", "iinclude", "exclude", "iexclude"])]
    pub delete: bool,
    /// Give files to the users and groups of the same names, where the target's machine knows them [default: of the
    /// same numbers]
    #[arg(long)]
    pub ownership_by_name: bool,
    /// Read back everything that was written and compare
    #[arg(long)]
    pub verify: bool,
    /// Show what would be done, and do nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub filter: SnapshotFilter,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

/// What to do with files that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OverwriteMode {
    /// Make every file as in the snapshot
    Always,
    /// As always, but files of the same size and time count as the same
    IfChanged,
    /// Replace only files that are older than the snapshot's
    IfNewer,
    /// Leave alone what exists
    Never,
}
