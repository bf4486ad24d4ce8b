//! The regression guard of the conversation with an agent, and of what a repository's storage is asked for: messages,
//! round trips and requests, counted, held against `testdata/limits.toml`.
//!
//! The agent is the real one, in this process, at the far end of a link that never overlaps the work of the two sides
//! ([`lockstep`]): what they say does not depend on who is faster.

mod lockstep;
mod scene;
mod tests;
