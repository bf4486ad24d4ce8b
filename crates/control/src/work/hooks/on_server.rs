//! A hook on the server: one of the programs in the folder for them, by its name alone. It gets no more of the server's
//! environment than where programs are.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use holdfast_model::CancelToken;
use holdfast_model::policy::Hook;
use rustix::process::{Pid, Signal, kill_process_group};

use super::{MOST_OUTPUT, Said, Told, failed};
use crate::work::Failure;

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
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // All that it has started ends with it.
    cancel.on_cancel(move || {
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    });
    let errors = child.stderr.take().map(|stderr| thread::spawn(move || beginning(stderr)));
    let mut output = child.stdout.take().map(beginning).unwrap_or_default();
    output.push(b'\n');
    output.extend(errors.and_then(|errors| errors.join().ok()).unwrap_or_default());
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    Ok(Said { output, failed: (!status.success()).then(|| status.to_string()) })
}

/// The beginning of what comes; the rest is read too, so that nobody waits for it to be.
fn beginning(mut from: impl Read) -> Vec<u8> {
    let mut taken = Vec::new();
    let _ = from.by_ref().take(MOST_OUTPUT as u64 / 2).read_to_end(&mut taken);
    let _ = std::io::copy(&mut from, &mut std::io::sink());
    taken
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
    fn one_that_takes_too_long_is_ended_with_all_that_it_has_started() {
        let dir = temp_dir();
        program(dir.path(), "hang", "#!/bin/sh\nsleep 1000 & sleep 1000\n");
        let why = run_in(dir.path(), &hook(r#"{"command": ["hang"], "timeout_seconds": 1}"#)).err().unwrap();
        assert_eq!(why, "hang took longer than 1 s, and was ended");
    }
}
