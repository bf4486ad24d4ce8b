//! A rule that a client broke, as it is recorded. The session ends, and nothing of it becomes a snapshot.
//!
//! What merely happens on a real file system (a vanished file, a name too long) is no violation: the agent reports it.

use holdfast_wire::ViolationClass;

use crate::text::printable_path;

/// A broken rule, with the evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{evidence} ({class})")]
pub struct Violation {
    /// Which rule.
    pub class: ViolationClass,
    /// What was seen, bounded and safe to print.
    pub evidence: String,
}

impl Violation {
    /// A violation with its evidence.
    pub fn new(class: ViolationClass, evidence: impl Into<String>) -> Self {
        let evidence: String = evidence.into();
        let evidence: String = evidence.chars().take(500).collect();
        Self { class, evidence: printable_path(evidence.as_bytes()) }
    }
}

impl From<holdfast_wire::Violation> for Violation {
    fn from(violation: holdfast_wire::Violation) -> Self {
        Self::new(violation.class(), violation.to_string())
    }
}
