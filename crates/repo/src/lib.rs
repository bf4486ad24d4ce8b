//! See ARCHITECTURE.md.

pub mod index;
pub mod pack;
