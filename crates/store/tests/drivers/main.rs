//! The drivers for storage elsewhere, each against the real server: restic's REST server, rclone, OpenSSH.
//!
//! A server is taken from the environment or the path; where there is none, its tests say so and are skipped.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "all of this is test code")]

#[cfg(feature = "opendal")]
mod object;
mod rclone;
mod rest;
mod restic;
mod servers;
mod sftp;
