//! The queue as a server and its workers use it: over a real database, by a clock that moves when it is told.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod queue {
    pub(crate) mod clocks;
    pub(crate) mod failing;
    pub(crate) mod random;
    pub(crate) mod running;
    pub(crate) mod scene;
    pub(crate) mod upkeep;
}
