//! A hook on the client: the agent gives it to the shell there, each word quoted, in a session of its own.

use holdfast_model::CancelToken;
use holdfast_model::policy::Hook;
use holdfast_pull::{LinkError, RunCommandError, run_command};

use super::{MOST_OUTPUT, Said, Told};
use crate::work::client::Caller;
use crate::work::prepare::quoted;
use crate::work::{Failure, Workplace};

pub(super) fn run(
    hook: &Hook,
    told: &Told,
    caller: &Caller,
    place: &Workplace,
    cancel: &CancelToken,
) -> Result<Said, Failure> {
    let mut session = caller.call(place, cancel)?;
    match run_command(&mut session.link, &command(hook, told), MOST_OUTPUT, cancel) {
        Ok(mut said) => {
            said.stdout.push(b'\n');
            said.stdout.extend_from_slice(said.stderr.as_bytes());
            Ok(Said { output: said.stdout, failed: said.failed })
        }
        Err(RunCommandError::Cancelled(_)) => Err(Failure::Cancelled),
        Err(RunCommandError::Link(error @ LinkError::Refused(_))) => Err(super::failed(error.to_string())),
        Err(RunCommandError::Link(error)) => Err(crate::work::client::CallError::from(error).into()),
    }
}

/// The words for the shell there. What the hook itself starts is a program, as it was said.
fn command(hook: &Hook, told: &Told) -> String {
    let variables = told.variables.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
    let words = hook.command.iter().map(|word| quoted(word));
    let words: Vec<String> = ["exec env".to_owned()].into_iter().chain(variables).chain(words).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_more_than_a_word_to_the_shell() {
        let json = r#"{"command": ["printf", "%s|%s|", "a b'; touch /x; '", "$(id)"]}"#;
        let hook: Hook = serde_json::from_str(json).unwrap();
        let told = Told { variables: vec![("HOLDFAST_CLIENT", "it's $HOME".into())] };
        let run = |command: &str| std::process::Command::new("sh").args(["-c", command]).output().unwrap().stdout;
        assert_eq!(run(&command(&hook, &told)), b"a b'; touch /x; '|$(id)|");
        let hook: Hook = serde_json::from_str(r#"{"command": ["printenv", "HOLDFAST_CLIENT"]}"#).unwrap();
        assert_eq!(run(&command(&hook, &told)), b"it's $HOME\n");
    }
}
