//! Ends what takes longer than it may: whoever waits for a client is woken, whatever the client does.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use holdfast_model::CancelToken;

/// Works, and cancels the token of the work when its time is over. Gives back whether it was.
pub(super) fn within<T>(limit: Duration, own: &CancelToken, work: impl FnOnce() -> T) -> (T, bool) {
    let (done, ended) = channel::<()>();
    let late = own.clone();
    let timer = thread::spawn(move || {
        let is_late = ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
        if is_late {
            late.cancel();
        }
        is_late
    });
    let result = work();
    drop(done);
    (result, timer.join().unwrap_or(false))
}
