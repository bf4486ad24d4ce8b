//! How much of the machine a process may take.

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::error::ConfineError;

/// What a process may take at most. It can take less afterwards, and never more.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of addresses.
    pub addresses: u64,
    /// Bytes of memory of its own.
    pub memory: u64,
    /// Descriptors that are open.
    pub descriptors: u64,
}

/// Holds this process to limits. It writes no file and leaves no image of its memory behind, either.
pub fn limit(limits: Limits) -> Result<(), ConfineError> {
    let set = |resource, value| {
        let limit = Rlimit { current: Some(value), maximum: Some(value) };
        setrlimit(resource, limit).map_err(ConfineError::during("a resource limit"))
    };
    set(Resource::As, limits.addresses)?;
    set(Resource::Data, limits.memory)?;
    set(Resource::Nofile, limits.descriptors)?;
    set(Resource::Fsize, 0)?;
    set(Resource::Core, 0)
}
