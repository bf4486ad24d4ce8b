//! The names of what can be configured.

use std::fmt;

/// What can be configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// The folder with everything that the server keeps.
    Data,
    /// Where it listens.
    Listen,
    /// Its database.
    Database,
    /// Jobs that this process does at the same time.
    Jobs,
    /// A folder with agents.
    Agents,
    /// The folder with programs for hooks.
    Hooks,
    /// The name of this process among others.
    Name,
    /// Where clients find the server.
    PublicUrl,
    /// Memory that the process which maintains a repository may take.
    MaintenanceMemory,
}

impl Key {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Data,
        Self::Listen,
        Self::Database,
        Self::Jobs,
        Self::Agents,
        Self::Hooks,
        Self::Name,
        Self::PublicUrl,
        Self::MaintenanceMemory,
    ];

    /// As it stands in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Listen => "listen",
            Self::Database => "database",
            Self::Jobs => "jobs",
            Self::Agents => "agents",
            Self::Hooks => "hooks",
            Self::Name => "name",
            Self::PublicUrl => "public-url",
            Self::MaintenanceMemory => "maintenance-memory",
        }
    }

    /// Its variable, behind `HOLDFAST_`.
    pub fn variable(self) -> String {
        self.as_str().to_ascii_uppercase().replace('-', "_")
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
