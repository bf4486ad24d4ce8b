//! The receiving half of a restore: on a client in the agent, for a local target within the server's process.
//!
//! Whatever the snapshot and whoever else works in the target meanwhile, nothing outside of the target is touched
//! ([`confine`]), no content is written that was not proven ([`blob`]), and no file is given owner, setuid bits or times
//! before its last byte ([`files`], [`metadata`]). A restore that was interrupted is completed by another run.
//! What to restore, and where the content comes from, is the server's matter.

mod blob;
mod confine;
mod content;
mod delete;
mod dirs;
mod files;
mod links;
mod metadata;
mod node;
mod node_path;
mod overwrite;
mod queue;
mod receive;
mod recent;
mod report;
mod session;
mod sparse;
mod special;
mod trouble;

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;

use holdfast_wire::{FromAgent, RestoreJob};

pub use self::confine::target::TargetError;
pub use self::report::RestoreSummary;
pub use self::trouble::RestoreError;
use crate::outbox::shortened;
use crate::{Downlink, Uplink};

use confine::Beneath;
use confine::target::{Target, open_target, open_up, usual_dir_mode};
use metadata::Metadata;
use metadata::owners::Owners;
use queue::Queue;
use receive::Receiver;
use report::Report;
use session::{Session, explain};
use trouble::Trouble;

/// Threads that write, at most. Each may hold a blob.
const MAX_WORKERS: usize = 8;

/// Restores what the server sends, from after [`ToAgent::Restore`](holdfast_wire::ToAgent::Restore) to
/// [`ToAgent::Finish`](holdfast_wire::ToAgent::Finish), and tells it what became of every node.
///
/// The server hears of a directory only when it is closed; [`CloseDirs`](holdfast_wire::ToAgent::CloseDirs) waits for
/// everything that came before it. A node's outcome may come before its need. Nodes of the next window may come before
/// the blobs of this one.
///
/// # Errors
/// Whatever ends the session early. The server has then been told ([`FromAgent::Refused`]), unless it is gone, and is
/// expected to close the link.
pub fn run(job: RestoreJob, up: Arc<dyn Uplink>, down: impl Downlink) -> Result<RestoreSummary, RestoreError> {
    let report = Report::new(up, &job.target);
    let Target { root, existed, made } = match open_target(&job.target, job.dry_run) {
        Ok(target) => target,
        Err(source) => {
            let target = String::from_utf8_lossy(&job.target).escape_debug().to_string();
            let error = RestoreError::Target { target, source };
            report.send(FromAgent::Refused { message: shortened(&explain(&error)) });
            return Err(error);
        }
    };
    let owners = if job.owners_by_name { Owners::of_this_machine() } else { Owners::default() };
    let metadata = Metadata::new(owners);
    let session = Session::new(job, Beneath::new(root), report, metadata);
    let queue = Queue::new();
    let workers = thread::available_parallelism().map_or(1, usize::from).clamp(1, MAX_WORKERS);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(|| receive::work(&session, &queue))).collect();
        let mut receiver = Receiver::new(&session, &queue, down, existed);
        if let Err(why) = receiver.run() {
            session.stop(why);
        }
        open_made(&session, &made, !existed && receiver.restores_target());
        queue.close();
        if threads.into_iter().any(|thread| thread.join().is_err()) {
            session.stop(RestoreError::Defect);
        }
    });
    if session.is_stopped() {
        session.reopen_untouched();
    }
    session.into_end()
}

/// Opens the directories that were made on the way to the target to others, as `mkdir` would have; the target itself
/// only if no node says what it is to be like.
fn open_made(session: &Session, made: &[OwnedFd], target_is_set: bool) {
    let mode = usual_dir_mode();
    let made = match made {
        [parents @ .., _] if target_is_set => parents,
        all => all,
    };
    for dir in made {
        if let Err(errno) = open_up(dir, mode) {
            session.trouble_at(b"", &Trouble::os("set the permissions")(errno));
        }
    }
}
