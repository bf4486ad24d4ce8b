//! Options of `holdfast backup`.

use std::path::PathBuf;

use clap::Args;

/// `holdfast backup`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast backup -r /srv/backup root@web1:/etc root@web1:/var/www --exclude '*.log' --tag nightly
  holdfast backup -r /srv/backup admin@web1:/home --sudo --ssh 'ssh -p 2222 -i /root/.ssh/backup'
  holdfast backup -r /srv/backup ssh://root@[2001:db8::7]:2222/srv
  holdfast backup -r /srv/backup /home --one-file-system
  holdfast backup -r /srv/backup root@db1: --command 'pg_dumpall' --as /dumps/all.sql

The host needs nothing but sshd: the agent is brought along over the same session and kept in the user's cache
directory. It holds no key and no password; what it sends is checked, compressed and encrypted here.")]
pub struct BackupArgs {
    /// What to back up: [USER@]HOST:PATH, ssh://[USER@]HOST[:PORT]/PATH, or a path of this machine. A PATH on a host that
    /// does not begin with / lies in the user's home there, which HOST: itself stands for.
    /// Several paths of one host make one snapshot
    #[arg(value_name = "SOURCE", required_unless_present = "files_from")]
    pub sources: Vec<String>,
    /// Read further paths from this file, one a line: of this machine, or of the host of the other sources
    #[arg(long, value_name = "FILE")]
    pub files_from: Vec<PathBuf>,

    #[command(flatten)]
    pub exclude: ExcludeArgs,
    #[command(flatten)]
    pub connection: ConnectionArgs,

    /// Back up the standard output of this command, run on the host, as one file
    #[arg(long, value_name = "COMMAND", requires = "as_path", help_heading = "Commands")]
    pub command: Option<String>,
    /// The path of that file in the snapshot
    #[arg(long = "as", id = "as_path", value_name = "PATH", requires = "command", help_heading = "Commands")]
    pub as_path: Option<String>,

    /// Mark the snapshot with these words
    #[arg(long, value_name = "TAG,…", value_delimiter = ',')]
    pub tag: Vec<String>,
    /// The host name in the snapshot [default: the host as addressed, or this machine's name]
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// The time of the snapshot, like '2026-11-21 03:00:00' [default: now]
    #[arg(long, value_name = "TIME")]
    pub time: Option<String>,
    /// Compare with this snapshot [default: the newest of the same host and paths]
    #[arg(long, value_name = "SNAPSHOT")]
    pub parent: Option<String>,
    /// Read every file again, whatever its times say
    #[arg(short, long, conflicts_with = "parent")]
    pub force: bool,
    /// Store access times
    #[arg(long)]
    pub with_atime: bool,
    /// How hard to compress: auto, off, fast, best, or a level from 1 to 19
    #[arg(long, default_value = "auto", value_name = "LEVEL")]
    pub compression: String,
    /// At most so many bytes a second from the host, like 20M
    #[arg(long, value_name = "RATE")]
    pub limit_rate: Option<String>,
    /// Clients of the same group may skip sending what another of them has sent: for hosts that trust each other
    #[arg(long, value_name = "NAME")]
    pub trust_group: Option<String>,
    /// Show what would be stored, and store nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// What to leave out.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What to leave out")]
pub struct ExcludeArgs {
    /// Leave out what matches this pattern; a later one that begins with ! takes back
    #[arg(short, long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    /// As --exclude, whatever the case
    #[arg(long, value_name = "PATTERN")]
    pub iexclude: Vec<String>,
    /// Read patterns from this file, one a line
    #[arg(long, value_name = "FILE")]
    pub exclude_file: Vec<PathBuf>,
    /// As --exclude-file, whatever the case
    #[arg(long, value_name = "FILE")]
    pub iexclude_file: Vec<PathBuf>,
    /// Leave out the content of directories that hold this file, and, with a header, whose file begins with it
    #[arg(long, value_name = "NAME[:HEADER]")]
    pub exclude_if_present: Vec<String>,
    /// Leave out the content of directories marked as caches by a CACHEDIR.TAG
    #[arg(long)]
    pub exclude_caches: bool,
    /// Leave out files larger than this, like 2G
    #[arg(long, value_name = "SIZE")]
    pub exclude_larger_than: Option<String>,
    /// Stay on the file systems of the sources
    #[arg(short = 'x', long)]
    pub one_file_system: bool,
}

/// How to reach a host and its agent.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "The host")]
pub struct ConnectionArgs {
    /// The ssh command with options, like 'ssh -p 2222 -i KEY' [default: ssh]
    #[arg(long, value_name = "COMMAND", env = "HOLDFAST_SSH")]
    pub ssh: Option<String>,
    /// Run the agent through 'sudo -n' on the host
    #[arg(long)]
    pub sudo: bool,
    /// Leave nothing on the host, not even the agent in its cache
    #[arg(long)]
    pub ephemeral: bool,
    /// The directory with the agents [default: beside the program]
    #[arg(long, env = "HOLDFAST_AGENTS", value_name = "DIR", hide = true)]
    pub agents: Option<PathBuf>,
}
