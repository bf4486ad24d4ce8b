//! What a backup did, for people and for programs.

use anyhow::Result;
use holdfast_pull::Summary;
use serde::Serialize;

use crate::Context;
use crate::output;

/// restic's summary event, with what we know beyond it.
#[derive(Serialize)]
struct Event {
    message_type: &'static str,
    dry_run: bool,
    files_new: u64,
    files_changed: u64,
    files_unmodified: u64,
    dirs_new: u64,
    dirs_changed: u64,
    dirs_unmodified: u64,
    data_blobs: u64,
    tree_blobs: u64,
    data_added: u64,
    data_added_packed: u64,
    total_files_processed: u64,
    total_bytes_processed: u64,
    total_duration: f64,
    bytes_received: u64,
    bytes_sent: u64,
    error_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_id: Option<String>,
}

/// Shows a summary.
pub fn show(context: &Context, summary: &Summary, dry_run: bool) -> Result<()> {
    context.output.finish();
    if context.output.is_json() {
        return Ok(context.output.document(&event(summary, dry_run))?);
    }
    Ok(context.output.lines(&lines(summary, dry_run))?)
}

fn lines(summary: &Summary, dry_run: bool) -> Vec<String> {
    let counts = |new, changed, same| format!("{new} new, {changed} changed, {same} unmodified");
    let (verb, added) = (if dry_run { "Would add" } else { "Added" }, output::bytes(summary.data_added));
    let mut lines = vec![
        format!("Files:   {}", counts(summary.files_new, summary.files_changed, summary.files_unmodified)),
        format!("Dirs:    {}", counts(summary.dirs_new, summary.dirs_changed, summary.dirs_unmodified)),
        format!("{verb}: {added} ({} stored)", output::bytes(summary.data_added_packed)),
    ];
    if summary.traffic.received > 0 {
        let (received, sent) = (output::bytes(summary.traffic.received), output::bytes(summary.traffic.sent));
        lines.push(format!("Network: {received} received, {sent} sent"));
    }
    let files = output::count(summary.total_files_processed, "file");
    let bytes = output::bytes(summary.total_bytes_processed);
    lines.push(format!("Processed {files}, {bytes} in {}", output::duration(summary.total_duration)));
    lines.push(match summary.snapshot.filter(|_| !dry_run) {
        Some(id) => format!("snapshot {} saved", id.short()),
        None => "nothing was stored: this was a dry run".into(),
    });
    if summary.errors > 0 {
        lines.push(format!("{} could not be read; see the messages above", output::count(summary.errors, "item")));
    }
    lines
}

fn event(summary: &Summary, dry_run: bool) -> Event {
    Event {
        message_type: "summary",
        dry_run,
        files_new: summary.files_new,
        files_changed: summary.files_changed,
        files_unmodified: summary.files_unmodified,
        dirs_new: summary.dirs_new,
        dirs_changed: summary.dirs_changed,
        dirs_unmodified: summary.dirs_unmodified,
        data_blobs: summary.data_blobs,
        tree_blobs: summary.tree_blobs,
        data_added: summary.data_added,
        data_added_packed: summary.data_added_packed,
        total_files_processed: summary.total_files_processed,
        total_bytes_processed: summary.total_bytes_processed,
        total_duration: summary.total_duration.as_secs_f64(),
        bytes_received: summary.traffic.received,
        bytes_sent: summary.traffic.sent,
        error_count: summary.errors,
        snapshot_id: summary.snapshot.filter(|_| !dry_run).map(|id| id.to_string()),
    }
}
