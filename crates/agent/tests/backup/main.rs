//! Backups of real trees, against a server that keeps everything in memory and rebuilds what it was told.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, too")]

mod changes;
mod compare;
mod digests;
mod link;
mod problems;
mod roots;
mod server;
mod sizes;
mod tree;
mod whole;
