//! A hook on the server: one of the programs in the folder for them, by its name alone. It gets no more of the server's
//! environment than where programs are.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use holdfast_model::CancelToken;
use holdfast_model::policy::Hook;
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process_group};

use super::{MOST_OUTPUT, Said, Told, failed};
use crate::work::Failure;

/// So often it is seen whether it has ended.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(20);
/// So long its last words may take when it has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(super) fn run(hook: &Hook, told: &Told, folder: &Path, cancel: &CancelToken) -> Result<Said, Failure> {
    let (name, arguments) = hook.command.split_first().ok_or_else(|| failed("a hook has no program".to_owned()))?;
    let is_name = !name.is_empty() && !name.starts_with('.') && !name.contains('/');
    let program = folder.join(name);
    if !is_name || !program.is_file() {
        let folder = folder.display();
        return Err(failed(format!("there is no program {name:?} in {folder}, where hooks of the server must be")));
    }
    let mut command = Command::new(&program);
    command.args(arguments).env_clear().current_dir(folder).process_group(0);
    command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    command.envs(told.variables.iter().map(|(name, value)| (*name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        command.spawn().map_err(|error| failed(format!("{} cannot be started: {error}", program.display())))?;
    let (output, errors) = (child.stdout.take().map(reader), child.stderr.take().map(reader));
    let status = Group::of(child).wait(cancel).map_err(|error| failed(error.to_string()))?;
    // What it has left running may hold its output open for ever.
    let mut said = output.map(|output| output.so_far()).unwrap_or_default();
    said.push(b'\n');
    said.extend(errors.map(|errors| errors.so_far()).unwrap_or_default());
    Ok(Said { output: said, failed: (!status.success()).then(|| status.to_string()) })
}

/// A program, with all that it has started and that stays with it.
struct Group(Arc<Mutex<Option<Child>>>);

impl Group {
    fn of(child: Child) -> Self {
        Self(Arc::new(Mutex::new(Some(child))))
    }

    /// Waits for its end, and ends it when the work is cancelled. Its number is another's as soon as it was waited for: then
    /// nobody kills it any more.
    fn wait(self, cancel: &CancelToken) -> std::io::Result<ExitStatus> {
        let late = self.0.clone();
        cancel.on_cancel(move || {
            let child = late.lock();
            let group = child.as_ref().and_then(|child| Pid::from_raw(i32::try_from(child.id()).ok()?));
            if let Some(group) = group {
                let _ = kill_process_group(group, Signal::KILL);
            }
        });
        loop {
            let mut child = self.0.lock();
            if let Some(running) = child.as_mut()
                && let Some(status) = running.try_wait()?
            {
                *child = None;
                return Ok(status);
            }
            drop(child);
            thread::sleep(LOOKED_AT_EVERY);
        }
    }
}

/// Takes the beginning of what comes, in a thread; the rest is read too, so that nobody waits for it to be.
struct Reading {
    taken: Arc<Mutex<Vec<u8>>>,
    ended: Receiver<()>,
}

fn reader(mut from: impl Read + Send + 'static) -> Reading {
    let (end, ended) = channel();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let into = taken.clone();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let mut taken = into.lock();
            let room = (MOST_OUTPUT / 2).saturating_sub(taken.len());
            taken.extend_from_slice(&buffer[..count.min(room)]);
        }
        drop(end);
    });
    Reading { taken, ended }
}

impl Reading {
    /// What has come; all of it, if it ends within a moment.
    fn so_far(&self) -> Vec<u8> {
        let _ = self.ended.recv_timeout(LAST_WORDS);
        self.taken.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use holdfast_testkit::temp_dir;

    use super::super::time_limit;
    use super::*;

    fn hook(json: &str) -> Hook {
        serde_json::from_str(json).unwrap()
    }

    fn run_in(folder: &Path, hook: &Hook) -> Result<Said, String> {
        let told = Told { variables: vec![("HOLDFAST_CLIENT", "web1".into())] };
        let cancel = CancelToken::new();
        let said = time_limit::run(hook, &cancel, |cancel| run(hook, &told, folder, cancel));
        said.map_err(|failure| match failure {
            Failure::Failed(error) => error.message,
            Failure::Cancelled => "cancelled".into(),
        })
    }

    fn program(folder: &Path, name: &str, text: &str) {
        std::fs::write(folder.join(name), text).unwrap();
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn only_programs_of_the_folder_are_run_and_know_nothing_of_the_server() {
        let dir = temp_dir();
        program(dir.path(), "say", "#!/bin/sh\necho \"$HOLDFAST_CLIENT $1 $HOME\"; echo wrong >&2; exit 3\n");
        let said = run_in(dir.path(), &hook(r#"{"command": ["say", "$(id)"]}"#)).unwrap();
        assert_eq!(String::from_utf8(said.output).unwrap(), "web1 $(id) \n\nwrong\n");
        assert_eq!(said.failed.unwrap(), "exit status: 3");
        for name in ["/bin/sh", "../say", "", ".", "gone"] {
            let refused = run_in(dir.path(), &Hook { command: vec![name.into()], ..hook(r#"{"command": []}"#) });
            assert!(refused.is_err_and(|why| why.contains("where hooks of the server must be")), "{name}");
        }
    }

    #[test]
    fn one_that_leaves_something_running_has_ended_all_the_same() {
        let dir = temp_dir();
        program(dir.path(), "leave", "#!/bin/sh\necho done; setsid sleep 30 &\n");
        let said = run_in(dir.path(), &hook(r#"{"command": ["leave"], "timeout_seconds": 20}"#)).unwrap();
        assert_eq!((said.failed, said.output.starts_with(b"done\n")), (None, true));
    }

    #[test]
    fn one_that_takes_too_long_is_ended_with_all_that_it_has_started() {
        let dir = temp_dir();
        program(dir.path(), "hang", "#!/bin/sh\nsleep 1000 & sleep 1000\n");
        let why = run_in(dir.path(), &hook(r#"{"command": ["hang"], "timeout_seconds": 1}"#)).err().unwrap();
        assert_eq!(why, "hang took longer than 1 s, and was ended");
    }
}
