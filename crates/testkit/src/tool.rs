//! Where the programs are that tests run: other people's, and ours.
//!
//! `cargo xtask test` names each in an environment variable. Without it (a plain `cargo test`) they are looked for
//! where `cargo xtask tools`, `cargo xtask agent` and cargo put them: in the target directory this test lies in.

use std::path::{Path, PathBuf};

use crate::skip;

/// A program of somebody else that tests are measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// restic, 0.18 or newer.
    Restic,
    /// restic's REST server.
    RestServer,
    /// rclone.
    Rclone,
    /// schemathesis, which asks an API for whatever its document allows, and for what it does not.
    Schemathesis,
}

impl Tool {
    /// The variable that says where it is.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Restic => "HOLDFAST_RESTIC",
            Self::RestServer => "HOLDFAST_REST_SERVER",
            Self::Rclone => "HOLDFAST_RCLONE",
            Self::Schemathesis => "HOLDFAST_SCHEMATHESIS",
        }
    }

    /// Its name as a file.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Restic => "restic",
            Self::RestServer => "restic-rest-server",
            Self::Rclone => "rclone",
            Self::Schemathesis => "schemathesis",
        }
    }

    /// Where it is; `None` if it is nowhere.
    pub fn find(self) -> Option<PathBuf> {
        find(self.variable(), &format!("tools/{}", self.file_name()))
    }

    /// Where it is; without it the test is skipped and must return.
    pub fn require(self) -> Option<PathBuf> {
        let found = self.find();
        if found.is_none() {
            skip(&format!("needs {}; `cargo xtask tools` fetches it", self.file_name()));
        }
        found
    }
}

/// The directory with the agents and their manifest; panics if it was not built.
pub fn agents_dir() -> PathBuf {
    find("HOLDFAST_AGENTS", "agents").expect("no agents: run `cargo xtask agent` first")
}

/// The `holdfast` program; panics if it was not built. (A test of the `cli` crate asks cargo instead.)
pub fn holdfast_program() -> PathBuf {
    let profile = if cfg!(debug_assertions) { "debug/holdfast" } else { "release/holdfast" };
    find("HOLDFAST_BIN", profile).expect("no holdfast: run `cargo build --bin holdfast` first")
}

fn find(variable: &str, beneath_target: &str) -> Option<PathBuf> {
    if let Some(given) = std::env::var_os(variable).filter(|given| !given.is_empty()) {
        let given = PathBuf::from(given);
        assert!(given.exists(), "{variable} names {}, which is not there", given.display());
        return Some(given);
    }
    let program = std::env::current_exe().expect("a running test knows its own file");
    find_above(&program, beneath_target)
}

fn find_above(start: &Path, wanted: &str) -> Option<PathBuf> {
    start.ancestors().skip(1).map(|dir| dir.join(wanted)).find(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_found_in_the_target_directory_that_the_test_lies_in() {
        let dir = crate::temp_dir();
        std::fs::create_dir_all(dir.path().join("target/debug/deps")).unwrap();
        std::fs::create_dir_all(dir.path().join("target/tools")).unwrap();
        let test = dir.path().join("target/debug/deps/some_test");
        assert_eq!(find_above(&test, "tools/restic"), None);
        let restic = dir.path().join("target/tools/restic");
        std::fs::write(&restic, "").unwrap();
        assert_eq!(find_above(&test, "tools/restic"), Some(restic));
    }
}
