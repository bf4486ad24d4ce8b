//! The regression guard: what a run costs, counted and not timed, so that it says the same on every machine.
//!
//! The limits and their reasons stand in `testdata/limits.toml`. Here are the system calls of the real program and of
//! the real agent, and the bytes on a real connection; the conversation is counted in the `pull` crate.

mod corpus;
mod local;
mod order;
mod remote;
