//! Prepares a client: which key it shows, whether it lets the server in, whether the agent runs there, what the host is.
//!
//! What the host says of itself decides nothing but what people read; every word of it is bounded.

mod checklist;
mod facts;

use std::time::Duration;

use holdfast_model::client::{Checked, Facts, HostKey};
use holdfast_model::policy::RootPath;
use holdfast_model::{CancelToken, Monitor, Timestamp};
use holdfast_pull::{RunCommandError, run_command};

use super::client::{CallError, Caller};
use super::time_limit::within;
use super::{Failure, Workplace};
use checklist::Checklist;
pub(in crate::work) use facts::quoted;

/// What was found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The agent that runs there.
    pub agent_version: String,
    /// What the host is.
    pub facts: Facts,
}

/// What a client said, or why it cannot be backed up; and the keys that it shows, if they are not those that are believed.
pub struct Preparation {
    /// What was found out.
    pub result: Result<Prepared, Failure>,
    /// All that was looked at.
    pub checklist: Vec<Checked>,
    /// Keys that somebody has to decide about.
    pub offered: Vec<HostKey>,
}

/// A host has so long to say what it is: something that is mounted there may be gone, and holds whoever looks.
const PATIENCE: Duration = Duration::from_secs(120);
/// What the host says of itself has no more bytes.
const MOST_WORDS: usize = 64 << 10;

/// Calls a client to see whether it can be backed up. These are the paths that are to be.
pub fn prepare(
    caller: &Caller,
    roots: &[RootPath],
    place: &Workplace,
    now: Timestamp,
    monitor: &dyn Monitor,
    cancel: &CancelToken,
) -> Preparation {
    let mut checklist = Checklist::new(caller, place);
    let own = CancelToken::new();
    let hear = own.clone();
    cancel.on_cancel(move || hear.cancel());
    let called = caller.call(place, &own);
    let (result, offered) = match called {
        Ok(mut session) => {
            let skew = session.hello.now.seconds.saturating_sub(now.seconds);
            let architecture = shortened(&session.hello.architecture);
            let agent_version = shortened(&session.hello.release);
            checklist.runs(&agent_version, &architecture, skew);
            let ask = || run_command(&mut session.link, &facts::script(roots), MOST_WORDS, &own);
            let said = match within(PATIENCE, &own, ask).0 {
                Ok(output) => output.stdout,
                Err(RunCommandError::Cancelled(_)) if cancel.is_cancelled() => {
                    return checklist.ended(Err(Failure::Cancelled), Vec::new());
                }
                Err(RunCommandError::Cancelled(_)) => {
                    monitor.note(&format!("the host does not say within {} s what it is", PATIENCE.as_secs()));
                    Vec::new()
                }
                Err(RunCommandError::Link(error)) => {
                    monitor.note(&format!("the host does not say what it is: {error}"));
                    Vec::new()
                }
            };
            let mut facts = facts::read(&said);
            (facts.found, facts.clock_skew_seconds) = (Some(now.to_time()), skew);
            facts.architecture = architecture;
            checklist.knows(&facts, &facts::unreadable(&said, roots), !said.is_empty());
            (Ok(Prepared { agent_version, facts }), Vec::new())
        }
        Err(error) if is_about_key(&error) => match caller.offered_keys(place) {
            Ok(keys) => (Err(Failure::from(error)), keys),
            // Then it does not even answer: that is what is to be mended first.
            Err(asked) => (Err(asked.into()), Vec::new()),
        },
        Err(error) => (Err(Failure::from(error)), Vec::new()),
    };
    if let Err(Failure::Failed(error)) = &result {
        checklist.failed(error);
    }
    checklist.ended(result, offered)
}

fn is_about_key(error: &CallError) -> bool {
    use holdfast_pull::LinkError;
    use holdfast_pull::ssh::SshFailure::{HostKeyChanged, HostKeyUnknown};
    match error {
        CallError::NoHostKey(_) | CallError::OtherHostKey { .. } => true,
        CallError::Link(LinkError::Ssh { failure, .. }) => matches!(failure, HostKeyChanged | HostKeyUnknown),
        _ => false,
    }
}

/// A word of the client, as long as such words are.
fn shortened(text: &str) -> String {
    holdfast_pull::printable_path(text.as_bytes()).chars().take(100).collect()
}
