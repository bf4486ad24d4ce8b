//! What the machine is: figures mean nothing without it.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::room;
use crate::command::output;

/// What decides how fast it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Machine {
    pub(super) processor: String,
    pub(super) cores: usize,
    /// In GiB, rounded.
    pub(super) memory: u64,
    pub(super) kernel: String,
    /// Whether the corpora and repositories were in memory.
    pub(super) in_memory: bool,
}

impl Machine {
    pub(super) fn look(dir: &Path) -> Result<Self> {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
        let kib: u64 = kib.and_then(|kib| kib.parse().ok()).unwrap_or(0);
        Ok(Self {
            processor: processor(&cpuinfo),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: (kib + (1 << 19)) >> 20,
            kernel: output(Command::new("uname").args(["-s", "-r", "-m"]))?.trim().to_owned(),
            in_memory: room::in_memory(dir)?,
        })
    }
}

fn processor(cpuinfo: &str) -> String {
    let name = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.trim_start().strip_prefix(':'));
    name.map_or_else(|| "unknown".to_owned(), |name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named() {
        assert_eq!(processor("processor\t: 0\nmodel name\t: Acme X 3\n"), "Acme X 3");
        assert_eq!(processor(""), "unknown");
    }
}
