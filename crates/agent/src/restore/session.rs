//! What all threads of one restore share, and how they report.
//!
//! The first trouble that means that nothing more can be written stops the session; what is still queued is then dropped.

use std::sync::OnceLock;

use holdfast_wire::{FromAgent, RestoreJob, RestoreOutcome};

use super::confine::Beneath;
use super::content::ZeroChunks;
use super::files::Files;
use super::links::Links;
use super::metadata::{Current, Handle, Metadata};
use super::node::Node;
use super::report::Report;
use super::trouble::{RestoreError, Trouble};
use crate::outbox::shortened;

/// One restore.
pub(super) struct Session {
    pub(super) job: RestoreJob,
    pub(super) tree: Beneath,
    pub(super) report: Report,
    pub(super) metadata: Metadata,
    pub(super) files: Files,
    pub(super) links: Links,
    pub(super) zeros: ZeroChunks,
    end: OnceLock<RestoreError>,
}

impl Session {
    pub(super) fn new(job: RestoreJob, tree: Beneath, report: Report, metadata: Metadata) -> Self {
        Self {
            job,
            tree,
            report,
            metadata,
            files: Files::new(),
            links: Links::default(),
            zeros: ZeroChunks::default(),
            end: OnceLock::new(),
        }
    }

    /// Ends the session; only the first reason counts. The server hears it, unless it is gone.
    pub(super) fn stop(&self, why: RestoreError) {
        self.stop_after(why, || {});
    }

    /// As [`stop`](Self::stop). If it is the first reason, something is told before it.
    fn stop_after(&self, why: RestoreError, tell: impl FnOnce()) {
        let message = shortened(&explain(&why));
        let heard = !matches!(why, RestoreError::LinkClosed(_));
        if self.end.set(why).is_ok() {
            tell();
            if heard {
                self.report.send(FromAgent::Refused { message });
            }
        }
    }

    /// Whether the session is to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.end.get().is_some() || self.report.check().is_err()
    }

    /// Why the session ended early, if it did.
    pub(super) fn into_end(self) -> Result<super::RestoreSummary, RestoreError> {
        let summary = self.report.summary();
        let closed = self.report.check();
        match self.end.into_inner() {
            Some(why) => Err(why),
            None => Ok(closed.map(|()| summary)?),
        }
    }

    /// Reports what is wrong with a node; the node's outcome is told separately.
    pub(super) fn trouble(&self, node: &Node, trouble: &Trouble) {
        self.trouble_at(node.path.as_bytes(), trouble);
    }

    /// Reports what is wrong at a path beneath the target.
    pub(super) fn trouble_at(&self, path: &[u8], trouble: &Trouble) {
        if self.is_stopped() {
            return;
        }
        let tell = || self.report.problem(path, trouble);
        match trouble.ends_all(&self.report.absolute(path)) {
            None => tell(),
            // Of several threads that find the disk full at the same moment, one says so.
            Some(end) => self.stop_after(end, tell),
        }
    }

    /// A node is not restored.
    pub(super) fn fail_node(&self, node: &Node, trouble: &Trouble) {
        self.trouble(node, trouble);
        self.links_failed(node);
        self.report.outcome(node.number, RestoreOutcome::Failed);
    }

    /// Sets a node's metadata and reports what could not be set; `true` if that is nothing to worry about. `bare` says that
    /// the node is new and has no attributes.
    pub(super) fn apply_metadata(&self, handle: Handle<'_>, current: Current, node: &Node, bare: bool) -> bool {
        let shortfall = self.metadata.apply(handle, current, node, bare);
        if shortfall.only_root {
            self.report.owner_kept();
        }
        for trouble in &shortfall.troubles {
            self.trouble(node, trouble);
        }
        shortfall.troubles.is_empty()
    }
}

/// An error with its causes, in one sentence.
pub(super) fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
