//! Options of `holdfast tenant`.

use clap::{Args, Subcommand, ValueEnum};

use super::{EditArgs, ListArgs, OneArgs, RemoveArgs};

pub const EXAMPLES: &str = "\
Examples:
  holdfast tenant add smith --description 'Smith & Sons'
  holdfast client list --tenant smith

Who has one customer needs none of this: everything belongs to the tenant `default`.";

/// What to do with tenants.
#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Add a customer
    Add(TenantAdd),
    /// List customers
    List(ListArgs),
    /// Show a customer
    Show(OneArgs),
    /// Change what is said of a customer
    Edit(EditArgs),
    /// Remove a customer to whom nothing belongs any more
    Remove(RemoveArgs),
}

/// A tenant to add.
#[derive(Debug, Args)]
pub struct TenantAdd {
    /// What it is to be called
    pub name: String,
    /// A word for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub description: String,
    /// What keeps a run from starting: one of the same client that has not ended, or any of the tenant's
    #[arg(long, value_enum, default_value_t = OverlapChoice::Client)]
    pub overlap: OverlapChoice,
    /// Where its repositories are made: an address in which {tenant} and {resource} stand for names
    #[arg(long, value_name = "URI")]
    pub repository_template: Option<String>,
}

/// What keeps a run from starting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OverlapChoice {
    /// For each client by itself, that the run before has not ended there
    Client,
    /// That any run of the tenant has not ended
    Tenant,
}
