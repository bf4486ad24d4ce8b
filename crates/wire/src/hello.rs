//! The first words: who the agent is and which versions it speaks.

use holdfast_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::entry::check_time;
use crate::limits::{MAX_HOME, MAX_TEXT};
use crate::name::check_absolute_path;
use crate::violation::{Violation, check_len, check_text};

/// A version of the protocol. This program speaks [`Version::CURRENT`] and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version(pub u16);

impl Version {
    /// The version that this program prefers.
    pub const CURRENT: Self = Self(1);
    /// The oldest version that this program still speaks: the one before the current, from version 2 on.
    pub const OLDEST: Self = Self(1);

    /// The newest version that both sides speak, if any.
    pub fn common(theirs_oldest: Self, theirs_newest: Self) -> Option<Self> {
        let newest = Self::CURRENT.min(theirs_newest);
        (newest >= Self::OLDEST && newest >= theirs_oldest).then_some(newest)
    }

    /// Checks that this program speaks the version that a server chose.
    pub fn accept(self) -> Result<Self, NoCommonVersion> {
        Self::common(self, self).ok_or(NoCommonVersion { oldest: self, newest: self })
    }
}

/// Two sides that have no version in common. The session ends before any job is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this program speaks version{plural} {ours} of the protocol, the other side {theirs}: {advice}",
    plural = if Version::OLDEST == Version::CURRENT { "" } else { "s" },
    ours = range(Version::OLDEST, Version::CURRENT),
    theirs = range(*oldest, *newest),
    advice = if *newest < Version::OLDEST { "update the other side" } else { "update this program" },
)]
pub struct NoCommonVersion {
    /// The oldest version that the other side speaks.
    pub oldest: Version,
    /// The newest version that the other side speaks.
    pub newest: Version,
}

fn range(oldest: Version, newest: Version) -> String {
    if oldest == newest { oldest.0.to_string() } else { format!("{} to {}", oldest.0, newest.0) }
}

/// What an agent says of itself. Nothing of it is believed where it would matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentHello {
    /// The oldest version that the agent speaks.
    pub oldest: Version,
    /// The newest version that the agent speaks.
    pub newest: Version,
    /// The release of the agent, for people.
    pub release: String,
    /// `uname -m`.
    pub architecture: String,
    /// The user that the agent runs as.
    pub uid: u32,
    /// The client's clock, to tell how far it is off.
    pub now: Timestamp,
    /// The home directory of the login, an absolute path; empty if it is not known. Paths that do not begin with `/` are
    /// meant beneath it.
    pub home: ByteBuf,
}

impl AgentHello {
    /// The version to speak with this agent: the newest that both sides speak.
    pub fn negotiate(&self) -> Result<Version, NoCommonVersion> {
        Version::common(self.oldest, self.newest).ok_or(NoCommonVersion { oldest: self.oldest, newest: self.newest })
    }

    pub(crate) fn validate(&self) -> Result<(), Violation> {
        if self.oldest > self.newest {
            return Err(Violation::Contradiction { what: "the oldest version is above the newest" });
        }
        check_text("release of the agent", &self.release, MAX_TEXT)?;
        check_text("architecture", &self.architecture, MAX_TEXT)?;
        check_time(self.now)?;
        if self.home.is_empty() {
            return Ok(());
        }
        check_len("home directory", self.home.len(), MAX_HOME)?;
        check_absolute_path(&self.home)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_without_a_common_version_do_not_talk() {
        assert_eq!(Version::common(Version(1), Version(9)), Some(Version::CURRENT));
        assert_eq!(Version::common(Version(Version::CURRENT.0 + 1), Version(9)), None);
        assert_eq!(Version::common(Version(0), Version(0)), None);
    }

    #[test]
    fn only_this_version_and_the_one_before_are_spoken() {
        let oldest_allowed = Version::CURRENT.0.saturating_sub(1).max(1);
        assert_eq!(Version::OLDEST, Version(oldest_allowed));
    }

    #[test]
    fn the_newest_common_version_is_chosen() {
        for oldest in 0..4 {
            for newest in oldest..6 {
                let both = (Version::OLDEST.0..=Version::CURRENT.0).filter(|v| (oldest..=newest).contains(v));
                assert_eq!(Version::common(Version(oldest), Version(newest)), both.max().map(Version));
            }
        }
    }

    #[test]
    fn a_refusal_says_who_must_be_updated() {
        let hello = |oldest, newest| AgentHello {
            oldest: Version(oldest),
            newest: Version(newest),
            release: String::new(),
            architecture: String::new(),
            uid: 0,
            now: Timestamp::default(),
            home: ByteBuf::new(),
        };
        assert_eq!(hello(1, 4).negotiate(), Ok(Version(1)));
        assert_eq!(
            hello(4, 5).negotiate().unwrap_err().to_string(),
            "this program speaks version 1 of the protocol, the other side 4 to 5: update this program"
        );
        assert!(hello(0, 0).negotiate().unwrap_err().to_string().ends_with("update the other side"));
        assert_eq!(Version::CURRENT.accept(), Ok(Version::CURRENT));
        assert!(Version(9).accept().is_err());
        assert!(hello(5, 4).validate().is_err());
    }
}
