//! The verbs that talk to a server: the real program against the real API over a real socket.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

mod checking;
mod clients;
mod config;
mod failures;
mod finding;
mod following;
mod jobs;
mod objects;
mod repositories;
mod restoring;
mod running;
mod scene;
mod settings;
mod snapshots;
mod status;
mod whole;
