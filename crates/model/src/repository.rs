//! A repository as a server knows it: where it is, how it is opened, how it is looked after.
//!
//! What lies in it is the engine's matter. Its password is named here, or sealed elsewhere; it never stands here.

mod reading;

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::object::{Kind, Object, Spec};
use crate::schedule::{Cron, ScheduleSpec, Zone};
use crate::secret::SecretSource;
use crate::{JobUid, Name, RepositoryId, RepositoryUid, Time};

pub use reading::{FirstBytes, ReadAt, Reading};

/// A repository as it is kept.
pub type Repository = Object<RepositorySpec>;

/// A repository as a person says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RepositorySpec {
    /// What it is called.
    pub name: Name,
    /// Where it is, as restic spells it: `/srv/backup`, `sftp:backup@store:/srv`, `s3:https://s3.example.net/bucket`.
    /// It holds no password. A new repository that is not told gets the address that its tenant's `repository_template` makes.
    #[serde(default)]
    pub uri: String,
    /// Its hot part, spelled as `uri` is: a fast place with copies of all that is read often (keys, index, snapshots, trees), for
    /// a repository on storage that is slow or costly to read. `uri` holds everything all the same. An empty place is filled
    /// when the repository is prepared with `create`.
    #[serde(default)]
    pub hot: Option<String>,
    /// What the storage's driver asks for beside it, by the names of environment variables (`AWS_ACCESS_KEY_ID`). Those that
    /// begin with `HOT_` are for the storage of the hot part, where it asks for others (`HOT_AWS_ACCESS_KEY_ID`).
    #[serde(default)]
    pub credentials: BTreeMap<String, SecretSource>,
    /// Its password.
    pub password: SecretSource,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// The effort that compressing is worth.
    #[serde(default)]
    pub compression: Compression,
    /// Jobs that may write to it at the same time.
    #[serde(default = "concurrency")]
    #[cfg_attr(feature = "schema", schema(value_type = u32, minimum = 1))]
    pub concurrency: NonZeroU32,
    /// How it is looked after.
    #[serde(default)]
    pub maintenance: Maintenance,
    /// Whether it takes part.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

/// The effort that compressing is worth, in the words of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// What suits the data.
    #[default]
    Auto,
    /// None, where the format can do without.
    Off,
    /// As little as is worth while.
    Fast,
    /// As small as can be.
    Best,
}

/// When a repository is looked into, checked and cleaned up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Maintenance {
    /// When it is looked into: whether it opens, which snapshots others have made or removed, how large it is.
    pub survey: Option<Cron>,
    /// When its structure is checked, and a part of its data read.
    pub check: Option<Cron>,
    /// Within so many days all its data is read, in parts, one with each check. 0 reads none.
    #[cfg_attr(feature = "schema", schema(maximum = 65535))]
    pub read_data_within_days: u16,
    /// When what no snapshot needs is deleted.
    pub prune: Option<Cron>,
    /// When a random sample of the newest snapshot of each client is restored, to prove that it can be.
    pub verify: Option<Cron>,
    /// So many files of each client, at most.
    #[cfg_attr(feature = "schema", schema(value_type = u32, minimum = 1))]
    pub verify_files: NonZeroU32,
    /// So many bytes of each client, at most: files that are larger are passed over.
    #[cfg_attr(feature = "schema", schema(value_type = u64, minimum = 1))]
    pub verify_bytes: NonZeroU64,
    /// Where those are times of the day.
    pub time_zone: Zone,
}

/// What the server knows of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RepositoryStatus {
    /// When it was found to open with its password; `None` while it does not.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub ready_since: Option<Time>,
    /// Why it does not.
    pub problem: Option<String>,
    /// Its own id.
    pub id: Option<RepositoryId>,
    /// What was found damaged in it; `None` if nothing is known to be.
    pub damage: Option<Damage>,
    /// How large it is.
    pub size: Option<RepositorySize>,
    /// When all of its structure was found to be in order last.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub checked: Option<Time>,
    /// When it was pruned last.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub pruned: Option<Time>,
    /// Up to this time all surveys that were due have been made.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub surveys_accounted: Option<Time>,
    /// Up to this time all checks that were due have been made.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub checks_accounted: Option<Time>,
    /// Up to this time all prunes that were due have been made.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub prunes_accounted: Option<Time>,
    /// When the newest snapshots of all clients were proven to be restorable last.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub verified: Option<Time>,
    /// Up to this time all verifications that were due have been made.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub verifies_accounted: Option<Time>,
    /// Which part of the data was read when.
    pub reading: Reading,
}

/// Damage in a repository. It counts until checks that came after it have read all data and found none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Damage {
    /// When a job came upon it last.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub found: Time,
    /// Which: its log names what is damaged.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = "uuid"))]
    pub job: JobUid,
    /// What it said.
    pub message: String,
}

/// How large a repository was at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RepositorySize {
    /// When.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub measured: Time,
    /// Bytes of all its packs.
    pub stored_bytes: u64,
    /// Snapshots.
    pub snapshots: u64,
}

fn enabled() -> bool {
    true
}

const fn concurrency() -> NonZeroU32 {
    NonZeroU32::new(4).expect("4 is not 0")
}

/// Looked into once a day; checked, pruned and verified once a week, all read within a quarter of a year.
impl Default for Maintenance {
    fn default() -> Self {
        let cron = |text: &str| text.parse().expect("a test reads it");
        Self {
            survey: Some(cron("10 11 * * *")),
            check: Some(cron("30 11 * * SAT")),
            read_data_within_days: 90,
            prune: Some(cron("30 11 * * SUN")),
            verify: Some(cron("30 11 * * WED")),
            verify_files: const { NonZeroU32::new(100).expect("100 is not 0") },
            verify_bytes: const { NonZeroU64::new(1 << 30).expect("it is not 0") },
            time_zone: Zone::default(),
        }
    }
}

impl Maintenance {
    /// Its surveys as a schedule.
    pub fn surveys(&self) -> Option<ScheduleSpec> {
        self.schedule(self.survey.as_ref())
    }

    /// Its checks as a schedule.
    pub fn checks(&self) -> Option<ScheduleSpec> {
        self.schedule(self.check.as_ref())
    }

    /// Its prunes as a schedule.
    pub fn prunes(&self) -> Option<ScheduleSpec> {
        self.schedule(self.prune.as_ref())
    }

    /// Its verifications as a schedule.
    pub fn verifies(&self) -> Option<ScheduleSpec> {
        self.schedule(self.verify.as_ref())
    }

    /// Which data the check of `now` reads, so that all of it is read within the days that were said.
    pub fn part_to_read(&self, reading: &Reading, now: Time) -> Option<FirstBytes> {
        let checks = self.checks()?;
        if self.read_data_within_days == 0 {
            return None;
        }
        let days = Duration::from_secs(u64::from(self.read_data_within_days) * 86_400);
        // More than one for each part are never needed.
        let times: Vec<Time> = checks.times_after(now).take(255).collect();
        let until = |end: Time| 1 + times.iter().take_while(|time| **time <= end).count() as u16;
        Some(reading.part(days, until))
    }

    fn schedule(&self, cron: Option<&Cron>) -> Option<ScheduleSpec> {
        Some(ScheduleSpec {
            name: "maintenance".parse().expect("it is a name"),
            cron: cron?.clone(),
            time_zone: self.time_zone.clone(),
            jitter_seconds: 0,
            enabled: true,
        })
    }
}

impl Spec for RepositorySpec {
    type Uid = RepositoryUid;
    type Status = RepositoryStatus;

    const KIND: Kind = Kind::Repository;

    fn name(&self) -> &Name {
        &self.name
    }

    fn is_enabled(&self) -> bool {
        self.enabled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_place_and_password_are_all_that_must_be_said() {
        let json = r#"{"name": "main", "uri": "/srv/backup", "password": "file:/etc/holdfast/main"}"#;
        let repository: RepositorySpec = serde_json::from_str(json).unwrap();
        assert!(repository.enabled && repository.concurrency.get() == 4);
        assert_eq!(repository.maintenance.read_data_within_days, 90);
        assert_eq!(repository.hot, None);
        assert_eq!(repository, serde_json::from_str(&serde_json::to_string(&repository).unwrap()).unwrap());
    }

    #[test]
    fn all_data_is_read_within_the_days_that_were_said() {
        let now: Time = "2026-11-24T12:00:00Z".parse().unwrap();
        let mut reading = Reading::default();
        reading.begin(now);
        let part = |json: &str| {
            let maintenance: Maintenance = serde_json::from_str(json).unwrap();
            maintenance.part_to_read(&reading, now).map(|part| part.count)
        };
        assert_eq!(part(r#"{"read_data_within_days": 28}"#), Some(52), "the first of five within four weeks");
        assert_eq!(part(r#"{"read_data_within_days": 2}"#), Some(256), "rarer checks read all of it");
        assert_eq!(part(r#"{"check": "* * * * *", "read_data_within_days": 90}"#), Some(1));
        assert_eq!(part(r#"{"read_data_within_days": 0}"#), None);
        assert_eq!(part(r#"{"check": null}"#), None);
    }

    #[test]
    fn maintenance_can_be_left_out() {
        let json = r#"{"check": null, "read_data_within_days": 0, "prune": null}"#;
        let maintenance: Maintenance = serde_json::from_str(json).unwrap();
        assert_eq!((maintenance.check, maintenance.prune), (None, None));
    }
}
