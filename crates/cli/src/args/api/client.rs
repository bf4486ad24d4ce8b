//! Options of `holdfast client`.

use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{EditArgs, ListArgs, OneArgs, RemoveArgs};

pub const EXAMPLES: &str = "\
Examples:
  holdfast client add web1 --user root --tag web
  holdfast client add db1 --address 192.0.2.7 --user backup --sudo --jump-host gate
  holdfast client list --tag web
  holdfast client edit web1 --set connection.port=2222
  holdfast client accept-key web1                  # shows the fingerprints and asks

A client is a machine that SSH reaches. When it is added, the server tries to log in. The first time
you are shown the fingerprints of its host keys: compare them with what the machine itself shows
(ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub).";

/// What to do with clients.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Add a machine, and prepare it
    Add(ClientAdd),
    /// List machines
    List(ListArgs),
    /// Show all that is known of a machine
    Show(OneArgs),
    /// Change what is said of a machine
    Edit(EditArgs),
    /// Find out whether a machine can be backed up, and what it is
    Prepare(ClientPrepare),
    /// Believe the host keys that a machine has shown
    AcceptKey(ClientPrepare),
    /// Remove a machine that no policy names; its snapshots stay
    Remove(RemoveArgs),
}

/// A machine to add.
#[derive(Debug, Args)]
pub struct ClientAdd {
    /// Its hostname: what its snapshots are stamped with
    pub hostname: String,
    /// A tag by which policies and people find it; can be given several times
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// A word for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub description: String,
    /// Add it, but do not back it up yet
    #[arg(long)]
    pub disabled: bool,
    /// Add it, and do not log in now
    #[arg(long)]
    pub no_prepare: bool,
    /// Believe a host key of this fingerprint without asking; can be given several times
    #[arg(long = "accept-key", value_name = "SHA256:…", conflicts_with = "no_prepare")]
    pub accept_keys: Vec<String>,
    // Last: its heading would stand over what follows.
    #[command(flatten)]
    pub connection: ConnectionChoice,
}

/// How a machine is reached. What is not said is left to ssh and its configuration.
#[derive(Debug, Args)]
#[command(next_help_heading = "How it is reached")]
pub struct ConnectionChoice {
    /// Where it is, if not under its hostname: a name, an alias of ssh_config, or an address
    #[arg(long, value_name = "HOST")]
    pub address: Option<String>,
    /// Whom to log in as
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// The port of its SSH server
    #[arg(long, value_name = "PORT")]
    pub port: Option<NonZeroU16>,
    /// The file on the server with the private key to log in with
    #[arg(long, value_name = "FILE")]
    pub identity_file: Option<PathBuf>,
    /// A host to go through: another client of the server, which may be disabled
    #[arg(long, value_name = "[USER@]HOST[:PORT]")]
    pub jump_host: Option<String>,
    /// Become root there with sudo, without a password
    #[arg(long)]
    pub sudo: bool,
}

/// A machine to prepare, or whose keys to believe.
#[derive(Debug, Args)]
pub struct ClientPrepare {
    /// Its name or id
    pub name: String,
    /// Believe a host key of this fingerprint without asking; can be given several times
    #[arg(long = "accept-key", visible_alias = "key", value_name = "SHA256:…")]
    pub accept_keys: Vec<String>,
}
