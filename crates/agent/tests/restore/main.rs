//! Restores, played through from the server's first node to the agent's last word, on real file systems.

mod deleting;
mod interrupted;
mod overwriting;
mod round_trip;
mod safety;
mod server;
mod snapshot;
mod troubles;
mod unprivileged;
