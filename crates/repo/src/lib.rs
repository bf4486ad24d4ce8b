//! The engine: a repository of restic's format, opened, read, written, checked and cleaned up.
//!
//! Everything here works on a [`Store`](holdfast_store::Store) and knows neither clients nor networks. Nothing is printed.

pub mod crypto;
pub mod index;
mod json;
pub mod pack;
pub mod time;
pub mod tree;
