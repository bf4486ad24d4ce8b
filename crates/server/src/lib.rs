//! The API over HTTP: router, handlers, and the document that describes them.
//!
//! Whatever is asked, the answer is what was asked for or one problem that says what is wrong. What a policy means, and what
//! runs when, is not known here. There are no accounts yet: only who is on this very machine is answered.

mod actions;
mod actor;
mod admit;
mod answer;
mod body;
mod by_time;
mod check;
mod cursor;
mod document;
mod envelope;
mod events;
mod failure;
mod find;
mod health;
mod host;
mod id;
mod jobs;
mod log;
mod objects;
mod once;
mod page;
mod part;
mod permission;
mod policy_types;
mod protection;
mod query;
mod restores;
mod retention;
mod revision;
mod router;
mod serve;
mod server;
mod settings;
mod sizes;
mod snapshots;
mod standing;
mod tenant;
mod upcoming;

pub use document::document;
pub use permission::Permission;
pub use router::router;
pub use serve::{ServeError, check_address, serve};
pub use server::{Failures, RandomBytes, Server, SystemRandom};
pub use tenant::{DEFAULT_TENANT, ensure_default_tenant};
