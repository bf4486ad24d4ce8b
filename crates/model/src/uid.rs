//! Ids of what a server keeps: UUIDs of version 7 (RFC 9562), which sort by the time they were made.
//!
//! Each kind of thing has its own type, so that a policy's id can never be asked for as a job's. They say nothing of what
//! they name, and are no secret. Ids of what lies in a repository are others (see [`Id`](crate::Id)).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::Timestamp;

/// A text that is not the id of something that a server keeps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id: an id looks like 0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c41")]
pub struct ParseUidError {
    text: String,
}

macro_rules! uids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, made of the time and of random bytes.
            pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
                Self(version_7(now, random))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseUidError;

            fn from_str(text: &str) -> Result<Self, ParseUidError> {
                parse(text).map(Self)
            }
        }

        impl From<$name> for Uuid {
            fn from(uid: $name) -> Self {
                uid.0
            }
        }
    )*};
}

uids! {
    /// A tenant.
    TenantUid;
    /// A client.
    ClientUid;
    /// A repository as a server keeps it; the repository's own id is a [`RepositoryId`](crate::RepositoryId).
    RepositoryUid;
    /// A schedule.
    ScheduleUid;
    /// A policy.
    PolicyUid;
    /// One run of a policy: all jobs that one due time, or one request, made.
    RunUid;
    /// A job. The snapshot that a backup makes carries it as a tag.
    JobUid;
}

impl JobUid {
    /// The tag of the snapshot that this job makes: so the two find each other without a database.
    pub fn tag(&self) -> String {
        format!("{}{self}", Self::TAG)
    }

    /// The job that made a snapshot with these tags.
    pub fn of_tags<'a>(tags: impl IntoIterator<Item = &'a String>) -> Option<Self> {
        tags.into_iter().find_map(|tag| tag.strip_prefix(Self::TAG)?.parse().ok())
    }

    const TAG: &str = "job:";
}

fn version_7(now: Timestamp, random: [u8; 10]) -> Uuid {
    let milliseconds = u64::try_from(now.seconds).unwrap_or(0).saturating_mul(1000);
    let milliseconds = milliseconds.saturating_add(u64::from(now.nanoseconds / 1_000_000));
    Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid()
}

/// Only the form that is written is read: one thing has one name.
fn parse(text: &str) -> Result<Uuid, ParseUidError> {
    let uuid = text.parse::<Uuid>().ok().filter(|uuid| uuid.to_string() == text);
    uuid.ok_or_else(|| ParseUidError { text: text.chars().take(80).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> JobUid {
        JobUid::new(Timestamp { seconds, nanoseconds: 999_999_999 }, [7; 10])
    }

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        assert!(at(1) < at(2) && at(2) < at(4_000_000_000));
        assert_eq!(at(-5), at(0).min(at(-5)));
    }

    #[test]
    fn an_id_is_read_back_as_written_and_in_no_other_form() {
        let uid = at(1_764_000_000);
        assert_eq!(uid.to_string().parse(), Ok(uid));
        assert_eq!(serde_json::from_str::<JobUid>(&serde_json::to_string(&uid).unwrap()).unwrap(), uid);
        let text = uid.to_string();
        for other in [text.to_uppercase(), text.replace('-', ""), format!("{{{text}}}"), format!("urn:uuid:{text}")] {
            assert!(other.parse::<JobUid>().is_err(), "{other}");
        }
    }

    #[test]
    fn a_job_is_found_by_the_tags_of_its_snapshot() {
        let uid = at(5);
        assert_eq!(JobUid::of_tags(&["daily".to_owned(), uid.tag()]), Some(uid));
        assert_eq!(JobUid::of_tags(&["job:".to_owned(), "daily".to_owned()]), None);
    }
}
