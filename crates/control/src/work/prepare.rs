//! Prepares a client: which key it shows, whether it lets the server in, whether the agent runs there.

use holdfast_model::CancelToken;
use holdfast_model::client::HostKey;

use super::client::{CallError, Caller};
use super::{Failure, Workplace};

/// What was found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The agent that runs there.
    pub agent_version: String,
    /// As the client's kernel names it.
    pub architecture: String,
    /// How far its clock is ahead of ours, in seconds.
    pub clock_skew_seconds: i64,
}

/// What a client said, or why it cannot be backed up; and the keys that it shows, if they are not those that are believed.
pub struct Preparation {
    /// What was found out.
    pub result: Result<Prepared, Failure>,
    /// Keys that somebody has to decide about.
    pub offered: Vec<HostKey>,
}

/// Calls a client to see whether it can be backed up.
pub fn prepare(
    caller: &Caller,
    place: &Workplace,
    now: holdfast_model::Timestamp,
    cancel: &CancelToken,
) -> Preparation {
    let called = caller.call(place, cancel);
    let offered = match &called {
        Err(error) if is_about_key(error) => match caller.offered_keys() {
            Ok(keys) => keys,
            // Then it does not even answer: that is what is to be mended first.
            Err(asked) => return Preparation { result: Err(asked.into()), offered: Vec::new() },
        },
        _ => Vec::new(),
    };
    let prepared = called.map(|mut session| {
        // It was called only to be seen.
        let _ = holdfast_pull::ClientLink::send(&mut session.link, holdfast_pull::ToAgent::Finish);
        Prepared {
            agent_version: shortened(&session.hello.release),
            architecture: shortened(&session.hello.architecture),
            clock_skew_seconds: session.hello.now.seconds.saturating_sub(now.seconds),
        }
    });
    Preparation { result: prepared.map_err(Failure::from), offered }
}

fn is_about_key(error: &CallError) -> bool {
    use holdfast_pull::LinkError;
    use holdfast_pull::ssh::SshFailure::{HostKeyChanged, HostKeyUnknown};
    match error {
        CallError::NoHostKey(_) => true,
        CallError::Link(LinkError::Ssh { failure, .. }) => matches!(failure, HostKeyChanged | HostKeyUnknown),
        _ => false,
    }
}

/// A word of the client, as long as such words are.
fn shortened(text: &str) -> String {
    holdfast_pull::printable_path(text.as_bytes()).chars().take(100).collect()
}
