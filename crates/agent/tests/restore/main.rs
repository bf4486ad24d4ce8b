//! Restores, played through from the server's first node to the agent's last word, on real file systems.

#![expect(clippy::unwrap_used, reason = "what plays the server is a test too, though not marked as one")]

mod canary;
mod deleting;
mod interrupted;
mod overwriting;
mod races;
mod round_trip;
mod safety;
mod server;
mod snapshot;
mod troubles;
mod unprivileged;
