//! Clients that do not keep to the rules, each a short script: what they get, and what becomes of their session.
//!
//! A test makes a [`Scene`](scene::Scene), plays honest clients where it needs their data, and then lets one misbehave.

mod dawdling;
mod flooding;
mod placing;
mod posing;
mod restoring;
mod scene;
mod stealing;
mod talking;
