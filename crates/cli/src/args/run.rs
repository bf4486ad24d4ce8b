//! Options of `holdfast run`.

use std::path::PathBuf;

use clap::Args;

/// `holdfast run`
#[derive(Debug, Args)]
#[command(after_help = "\
A configuration, holdfast.toml:
  repository = \"/srv/backup\"
  password-file = \"/etc/holdfast/password\"
  init = true                                   # create the repository if it is not there
  sources = [\"root@web1:/etc\", \"root@web1:/var/www\", \"root@db1:/srv\"]
  excludes = [\"*.log\", \"/var/cache\"]

  prune = true                                  # give back the space of what was forgotten

  [keep]
  daily = 7
  weekly = 5
  monthly = 12

Also: repository-hot, password-command, tags, iexcludes, exclude-files, exclude-if-present, exclude-caches, exclude-larger-than,
one-file-system, ssh, sudo, ephemeral, compression, limit-rate, parallel, trust-group, state, agents; and in [keep] last,
hourly, yearly, within, within-hourly and so on, tags. Relative paths begin at the current directory.

Or the same in a .env file: HOLDFAST_REPOSITORY, HOLDFAST_PASSWORD_FILE, HOLDFAST_INIT, HOLDFAST_SOURCES (one a line
or separated by blanks), HOLDFAST_EXCLUDES, HOLDFAST_KEEP_DAILY and so on.

Examples:
  holdfast run --config /etc/holdfast/holdfast.toml
  holdfast run --env-file .env --print-timer       # what to install so that it runs every night

One snapshot is made per host, of several hosts at the same time; what hosts have in common is stored once. Each line
of the output begins with the host's name, each JSON event has it as host. A host that fails does not stop the others;
the exit code is the worst of all. Afterwards what [keep] does not name is forgotten, for the hosts that were backed up; with prune, its
space is given back.
A run that finds another one running says so, starts nothing and ends with 0.")]
pub struct RunArgs {
    /// The configuration [default: ./holdfast.toml if it is there]
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Read variables from this file [default: ./.env if it is there and there is no configuration]
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
    /// Back up so many hosts at once [default: 4]
    #[arg(long, value_name = "N")]
    pub parallel: Option<String>,
    /// Print a systemd timer, and a crontab line, that make it run every night with what the file says
    #[arg(long)]
    pub print_timer: bool,
    /// Show what would be stored and removed, and change nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}
