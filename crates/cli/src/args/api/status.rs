//! Options of `holdfast status`.

use clap::Args;

use super::ScopeArgs;

/// `holdfast status`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast status
  holdfast status --client web1
  holdfast status --check --quiet                  # for monitoring: ends with 1 if a backup is late

A client is protected while its newest good snapshot is as young as its schedule wants it, whatever its last job did.")]
pub struct StatusArgs {
    /// Only this client, by name or id
    #[arg(long, value_name = "NAME")]
    pub client: Option<String>,
    /// Only this policy, by name or id
    #[arg(long, value_name = "NAME")]
    pub policy: Option<String>,
    /// Show also what is as it should be, however much that is [default: only the first 50 rows]
    #[arg(short, long)]
    pub all: bool,
    /// End with 1 if anything is overdue, unreachable or failing
    #[arg(long)]
    pub check: bool,
    // Last: its heading would stand over what follows.
    #[command(flatten)]
    pub scope: ScopeArgs,
}
