//! The server of the demonstration, as long as it lasts.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use holdfast_testkit::process::{Signal, signal};

/// A running server.
pub(super) struct Server {
    child: Child,
    /// Where it answers.
    pub(super) url: String,
}

impl Server {
    /// Starts it with all that it keeps in a folder, on a free port of this machine.
    pub(super) fn start(program: &Path, agents: &Path, data: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["serve", "--json", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        // Whatever is configured on this machine is for another server.
        command.arg("--config").arg("/dev/null").arg("--agents").arg(agents);
        let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start the server")?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let url = line.split("\"url\":\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned);
        match url {
            Some(url) => Ok(Self { child, url }),
            None => bail!("the server did not start: {}", child.wait()?),
        }
    }

    /// Waits until somebody interrupts it.
    pub(super) fn wait(mut self) -> Result<()> {
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            signal(self.child.id(), Signal::INT);
            let _ = self.child.wait();
        }
    }
}
