//! Backups of real trees, against a server that keeps everything in memory and rebuilds what it was told.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "the helpers of tests are tests, too")]

mod binary;
mod command;
mod compare;
mod digests;
mod excludes;
mod link;
mod local_only;
mod problems;
mod process;
mod roots;
mod server;
mod sizes;
mod tree;
mod whole;
