//! The clock as a port, so that no test waits and no rule reads the wall clock behind our back.

use std::time::Instant;

use crate::Timestamp;

/// Tells the time. Wall-clock time is for what people read and for what is stored; durations are monotonic.
pub trait Clock: Send + Sync {
    /// The time of day, in UTC.
    fn now(&self) -> Timestamp;

    /// A point in monotonic time, for durations.
    fn instant(&self) -> Instant;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from(std::time::SystemTime::now())
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }
}
