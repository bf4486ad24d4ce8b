//! When the jobs of a policy may start, how long they may take, and how often they are tried.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::WeekSpan;

/// When jobs may start and when they must pause, in the time zone of the policy's schedule.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Windows {
    /// A job starts in one of these; at any time, if there are none.
    pub start: Vec<WeekSpan>,
    /// A job that runs when one of these begins ends in order, and goes on after it; none starts in it.
    pub pause: Vec<WeekSpan>,
}

/// How often a job that failed is tried again. Only what may pass by itself is tried again: a wrong password is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Retries {
    /// At most so often.
    #[cfg_attr(feature = "schema", schema(maximum = 255))]
    pub count: u8,
    /// The first time after so many seconds, then after twice as many each time.
    pub delay_seconds: u32,
    /// But never after more.
    pub longest_delay_seconds: u32,
}

/// How long a job may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// Seconds from its start to its end.
    pub whole_seconds: Option<u32>,
    /// Seconds without any progress.
    pub idle_seconds: Option<u32>,
}

/// However long it takes, as long as something goes on: what hangs for two hours hangs for ever.
impl Default for Timeouts {
    fn default() -> Self {
        Self { whole_seconds: None, idle_seconds: Some(7200) }
    }
}

impl Default for Retries {
    fn default() -> Self {
        Self { count: 3, delay_seconds: 60, longest_delay_seconds: 3600 }
    }
}

impl Retries {
    /// How long to wait before the try of this number, the first being 1; `None` if there are to be no more.
    pub fn delay(&self, retry: u32) -> Option<Duration> {
        if retry == 0 || retry > u32::from(self.count) {
            return None;
        }
        let factor = 1u64.checked_shl(retry - 1).unwrap_or(u64::MAX);
        let seconds = u64::from(self.delay_seconds).saturating_mul(factor).min(self.longest_delay_seconds.into());
        Some(Duration::from_secs(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let retries = Retries { count: 5, delay_seconds: 60, longest_delay_seconds: 300 };
        let delays: Vec<_> = (0..=6).map(|retry| retries.delay(retry).map(|delay| delay.as_secs())).collect();
        assert_eq!(delays, [None, Some(60), Some(120), Some(240), Some(300), Some(300), None]);
        let many = Retries { count: 255, delay_seconds: u32::MAX, longest_delay_seconds: u32::MAX };
        assert_eq!(many.delay(255), Some(Duration::from_secs(u32::MAX.into())));
    }
}
