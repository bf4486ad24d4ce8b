//! The system calls that a process keeps.
//!
//! All others fail with `EPERM`, for all its threads: a library that tries one goes on without, and an attacker gets nothing.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter_all_threads,
};

use crate::error::ConfineError;

const FILTER: &str = "a filter of system calls";

/// What an argument of a call must be.
#[derive(Debug, Clone, Copy)]
pub enum Argument {
    /// The argument of this number, from 0, must be this.
    Is(u8, u64),
    /// It must have none of these bits.
    Lacks(u8, u64),
}

/// The calls that stay.
#[derive(Debug, Default)]
pub struct Filter(BTreeMap<i64, Vec<SeccompRule>>);

impl Filter {
    /// No call stays.
    pub fn new() -> Self {
        Self::default()
    }

    /// These stay.
    #[must_use]
    pub fn allow(mut self, calls: &[i64]) -> Self {
        self.0.extend(calls.iter().map(|call| (*call, Vec::new())));
        self
    }

    /// This one stays, with such arguments.
    #[must_use]
    pub fn allow_if(mut self, call: i64, arguments: &[Argument]) -> Self {
        let conditions = arguments.iter().map(|argument| argument.condition()).collect();
        let rule = SeccompRule::new(conditions).expect("a rule has conditions");
        self.0.entry(call).or_default().push(rule);
        self
    }

    /// From here on only these calls work, in all threads of this process and in all that they start.
    pub fn apply(self) -> Result<(), ConfineError> {
        let architecture = std::env::consts::ARCH.try_into().map_err(ConfineError::during(FILTER))?;
        let denied = SeccompAction::Errno(libc::EPERM.unsigned_abs());
        let filter = SeccompFilter::new(self.0, denied, SeccompAction::Allow, architecture);
        let program = filter.and_then(BpfProgram::try_from).map_err(ConfineError::during(FILTER))?;
        apply_filter_all_threads(&program).map_err(ConfineError::during(FILTER))
    }
}

impl Argument {
    fn condition(self) -> SeccompCondition {
        let (number, operation, value) = match self {
            Self::Is(number, value) => (number, SeccompCmpOp::Eq, value),
            Self::Lacks(number, bits) => (number, SeccompCmpOp::MaskedEq(bits), 0),
        };
        SeccompCondition::new(number, SeccompCmpArgLen::Qword, operation, value).expect("calls have six arguments")
    }
}
