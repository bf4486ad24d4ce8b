//! The first words: who the agent is and which versions it speaks.

use holdfast_model::Timestamp;
use serde::{Deserialize, Serialize};

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
}
