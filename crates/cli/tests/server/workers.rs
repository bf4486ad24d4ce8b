//! A worker of its own beside the server of a scene: with another data folder, and the same keys and database.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use crate::scene::{Scene, kill};

/// A worker that runs. It ends with this.
pub(crate) struct Worker(Option<Child>);

impl Worker {
    /// Starts one that has what an administrator gives it: the master key and the SSH key of the server.
    pub(crate) fn start(scene: &Scene, name: &str, jobs: u32) -> Self {
        let data = format!("data of {name}");
        for folder in ["server", "ssh"] {
            copy(Path::new(&scene.path("data")).join(folder).as_path(), &Path::new(&scene.path(&data)).join(folder));
        }
        let mut command = scene.command("worker", &data, jobs);
        command.args(["--name", name]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains(&format!("works as {name}")), "the worker does not start: {line}");
        Self(Some(child))
    }

    /// Kills it, and what it has started too if that is wanted.
    pub(crate) fn kill(mut self, with_all: bool) {
        kill(self.0.take().unwrap(), with_all);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Copies the files of a folder that are not there yet, with their modes.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let there = to.join(entry.file_name());
        if entry.file_type().unwrap().is_file() && !there.exists() {
            fs::copy(entry.path(), there).unwrap();
        }
    }
}
