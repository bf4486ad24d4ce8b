//! What a server does: when policies are due, which jobs run, and what becomes of them.
//!
//! What is decided is decided by functions of what is known and the time; what is done is kept in the database first.

mod ask;
mod browse;
mod control;
mod database_clock;
mod depot;
pub mod dispatch;
pub mod drive;
pub mod find;
mod fingerprint;
mod launch;
mod place;
mod plans;
mod protection;
mod queue;
mod restore;
pub mod run;
pub mod scheduler;
mod trust;
mod upkeep;
pub mod work;
mod worker;

pub use ask::{Asker, Care};
pub use browse::{BrowseError, Download, Form, Found, Listed, Outlet, Shelf};
pub use control::{Control, ControlError};
pub use database_clock::DatabaseClock;
pub use depot::Depot;
pub use fingerprint::fingerprint;
pub use launch::Launched;
pub use place::{PlaceRefused, check_place};
pub use plans::Plans;
pub use protection::{Position, Protected, ProtectionPage, ProtectionQuery, ProtectionSort};
pub use queue::{LEASE, Leases};
pub use restore::{RestoreAsked, RestoreRefused, RestoreSource};
pub use trust::MOST_KEYS;
pub use worker::{Worker, WorkerOptions};
