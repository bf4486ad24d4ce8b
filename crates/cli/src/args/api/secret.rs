//! Options of `holdfast secret` and `holdfast settings`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub const EXAMPLES: &str = "\
Examples:
  holdfast secret set s3-key                       # asks for it on the terminal
  holdfast secret set s3-key --file /root/s3-key
  pass show backup/s3 | holdfast secret set s3-key
  holdfast repository edit offsite --set credentials.AWS_SECRET_ACCESS_KEY=sealed:s3-key

The server seals a secret under its master key. It is used there, and never shown again.";

pub const SETTINGS_EXAMPLES: &str = "\
Examples:
  holdfast settings show
  holdfast settings set jobs_at_once=4 time_zone=Europe/Berlin
  holdfast settings set 'retention={daily: 14, weekly: 8, monthly: 12}'
  holdfast settings unset jobs_at_once";

/// What to do with secrets.
#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// Seal a secret, in place of one of this name
    Set(SecretSet),
    /// List the names of all secrets
    List,
    /// Remove a secret for good
    Remove {
        /// Its name
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// A secret to seal.
#[derive(Debug, Args)]
pub struct SecretSet {
    /// Its name: letters, digits, `-`, `_` and `.`
    pub name: String,
    /// Read it from this file [default: standard input, or asked for on a terminal]
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// What to do with settings.
#[derive(Debug, Subcommand)]
pub enum SettingsCommand {
    /// Show all settings, and where each value comes from
    Show,
    /// Change settings
    Set {
        /// What to change
        #[arg(value_name = "NAME=VALUE", required = true)]
        sets: Vec<String>,
    },
    /// Take settings back to their defaults
    Unset {
        /// Their names
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
}
