//! Repositories that restic wrote, as we see them, and ours, as restic sees them.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "restic/catalogue.rs"]
mod catalogue;
#[path = "restic/check.rs"]
mod check;
#[path = "restic/engine.rs"]
mod engine;
#[path = "restic/fixture.rs"]
mod fixture;
#[path = "restic/format.rs"]
mod format;
#[path = "restic/lock.rs"]
mod lock;
