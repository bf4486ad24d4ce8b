//! Options of `holdfast snapshot`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

pub const EXAMPLES: &str = "\
Examples:
  holdfast snapshot list --client web1
  holdfast snapshot files web1:/etc                        # of the newest snapshot of a client
  holdfast snapshot versions web1:/etc/hosts               # all versions of one file
  holdfast snapshot download web1:/etc/hosts               # a file, to standard output
  holdfast snapshot download 4f2a91c0:/etc --output etc.zip
  holdfast snapshot download web1:/etc | tar --zstd -x

Without a server, `holdfast snapshots`, `ls` and `dump` read a repository themselves; `holdfast find` finds names in all
snapshots, and `holdfast job restore` restores.";

/// What to do with snapshots.
#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// List snapshots, the newest first
    List(SnapshotChoice),
    /// List a directory of a snapshot
    Files(SnapshotFiles),
    /// List all versions of a file, that of the newest snapshot first
    Versions(SnapshotVersions),
    /// Download a file as it is, or a directory as an archive
    Download(SnapshotDownload),
}

/// Which snapshots to list.
#[derive(Debug, Args)]
pub struct SnapshotChoice {
    /// Of this client, by name or id
    #[arg(long, value_name = "NAME")]
    pub client: Option<String>,
    /// Made by this policy, by name or id
    #[arg(long, value_name = "NAME")]
    pub policy: Option<String>,
    /// In this repository of the server, by name or id
    // The id is that of the option of every verb, whose place this takes.
    #[arg(short, long, value_name = "NAME")]
    pub repository: Option<String>,
    /// At most so many [default: 50; with --json all]
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub limit: Option<u32>,
}

/// Which directory to list.
#[derive(Debug, Args)]
pub struct SnapshotFiles {
    /// A client, of which the newest snapshot is taken, or the beginning of a snapshot's id; with :PATH that directory
    #[arg(value_name = "CLIENT|SNAPSHOT[:PATH]")]
    pub source: String,
    /// Show mode, owner, size and time
    #[arg(short, long)]
    pub long: bool,
    /// In this repository of the server, by name or id
    #[arg(short, long, value_name = "NAME")]
    pub repository: Option<String>,
}

/// Which file's versions to list.
#[derive(Debug, Args)]
pub struct SnapshotVersions {
    /// A client, and a whole path there
    #[arg(value_name = "CLIENT:PATH")]
    pub file: String,
    /// In snapshots that this policy made, by name or id
    #[arg(long, value_name = "NAME")]
    pub policy: Option<String>,
    /// In this repository of the server, by name or id
    #[arg(short, long, value_name = "NAME")]
    pub repository: Option<String>,
}

/// What to download.
#[derive(Debug, Args)]
pub struct SnapshotDownload {
    /// A client, of which the newest snapshot is taken, or the beginning of a snapshot's id; with :PATH only what lies there
    #[arg(value_name = "CLIENT|SNAPSHOT[:PATH]")]
    pub source: String,
    /// The file to write, which only you can read; it is there when all has come [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace that file, if there is one already
    #[arg(long, requires = "output")]
    pub force: bool,
    /// In which form [default: as the ending of the file says, .zip, .tar or .tar.zst; else a file raw, a directory as tar.zst]
    #[arg(long, value_enum)]
    pub format: Option<DownloadForm>,
    /// In this repository of the server, by name or id
    #[arg(short, long, value_name = "NAME")]
    pub repository: Option<String>,
}

/// Forms of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DownloadForm {
    /// An archive with all but sockets, compressed
    #[value(name = "tar.zst")]
    TarZst,
    /// The same, not compressed
    Tar,
    /// An archive with files, directories and links alone
    Zip,
    /// One file, as it is
    Raw,
}

impl DownloadForm {
    /// As the API has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TarZst => "tar.zst",
            Self::Tar => "tar",
            Self::Zip => "zip",
            Self::Raw => "raw",
        }
    }
}
