//! What tests stand on: a real SSH server, trees of every kind of file, a comparison that misses nothing,
//! other people's programs, and a clock that moves when told.
//!
//! Only tests and `xtask` use this crate; nothing that is shipped may. It panics where a product would return an
//! error, because a test that cannot set its scene has failed.

pub mod compare;
mod corpus;
mod counting_allocator;
mod fake_clock;
mod limits;
mod postgres;
mod prng;
pub mod process;
mod restic;
mod skip;
mod sshd;
pub mod strace;
mod temp_dir;
mod tool;
mod tree;

pub use compare::{CompareOptions, Difference, DifferenceKind, Holes, compare_trees};
pub use corpus::Corpus;
pub use counting_allocator::CountingAllocator;
pub use fake_clock::FakeClock;
pub use limits::{Counted, Guard};
pub use postgres::Postgres;
pub use prng::Prng;
pub use restic::Restic;
pub use skip::{require_root, runs_as_root, skip};
pub use sshd::{Sshd, SshdBuilder};
pub use strace::{Opened, Strace};
pub use temp_dir::{TempDir, temp_dir};
pub use tool::{Tool, agents_dir, holdfast_program};
pub use tree::{Acl, AclEntry, Tree};
