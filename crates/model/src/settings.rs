//! What holds for a whole server, and can be changed while it runs.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::duration::CalendarDuration;
use crate::retention::{Count, Retention};
use crate::schedule::Zone;

/// The settings of a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether the names in each snapshot become searchable.
    pub catalog: bool,
    /// Whether snapshots that the retention does not keep are removed after each backup.
    pub forget_after_backup: bool,
    /// Whether the repository is pruned after something was removed, beside its own schedule.
    pub prune_after_forget: bool,
    /// Which snapshots stay where a policy does not say.
    pub retention: Retention,
    /// Jobs that run at the same time, on all workers.
    #[cfg_attr(feature = "schema", schema(value_type = u32, minimum = 1))]
    pub jobs_at_once: NonZeroU32,
    /// Days for which finished jobs and their logs are kept.
    #[cfg_attr(feature = "schema", schema(value_type = u32, minimum = 1))]
    pub keep_jobs_days: NonZeroU32,
    /// Seconds that a backup may take after it was due, before its client counts as late.
    pub grace_seconds: u32,
    /// The time zone of what is said without one.
    pub time_zone: Zone,
}

impl Default for Settings {
    fn default() -> Self {
        let count = Count::Limited;
        Self {
            catalog: true,
            forget_after_backup: true,
            prune_after_forget: false,
            retention: Retention {
                within: CalendarDuration { days: 2, ..CalendarDuration::default() },
                daily: count(14),
                weekly: count(8),
                monthly: count(12),
                yearly: count(3),
                ..Retention::default()
            },
            jobs_at_once: const { NonZeroU32::new(8).expect("8 is not 0") },
            keep_jobs_days: const { NonZeroU32::new(400).expect("400 is not 0") },
            grace_seconds: 2 * 3600,
            time_zone: Zone::default(),
        }
    }
}
