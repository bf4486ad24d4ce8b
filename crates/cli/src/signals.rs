//! SIGINT, SIGTERM and SIGHUP ask the work to stop; a second one ends the program at once.
//!
//! Both are safe: whatever was stored is a valid repository at any moment.

use anyhow::{Context, Result};
use holdfast_model::CancelToken;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::exit::Exit;

/// Cancels the token at the first signal.
pub fn cancel_on_signal(cancel: &CancelToken) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot watch for signals")?;
    let cancel = cancel.clone();
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for _ in &mut signals {
                if cancel.is_cancelled() {
                    std::process::exit(Exit::Interrupted as i32);
                }
                cancel.cancel();
            }
        })
        .context("cannot watch for signals")?;
    Ok(())
}
