//! Ends a hook that takes longer than it may.

use std::time::Duration;

use holdfast_model::CancelToken;
use holdfast_model::policy::Hook;

use super::{Said, failed};
use crate::work::Failure;
use crate::work::time_limit::within;

/// Runs a hook with a token that is cancelled when its time is over, or the whole work is.
pub(super) fn run(
    hook: &Hook,
    cancel: &CancelToken,
    work: impl FnOnce(&CancelToken) -> Result<Said, Failure>,
) -> Result<Said, Failure> {
    let limit = Duration::from_secs(hook.timeout_seconds.get().into());
    let own = CancelToken::new();
    let hear = own.clone();
    cancel.on_cancel(move || hear.cancel());
    let (result, is_late) = within(limit, &own, || work(&own));
    match result {
        _ if cancel.is_cancelled() => Err(Failure::Cancelled),
        Err(_) | Ok(Said { failed: Some(_), .. }) if is_late => {
            let what = hook.command.join(" ");
            Err(failed(format!("{what} took longer than {} s, and was ended", limit.as_secs())))
        }
        result => result,
    }
}
