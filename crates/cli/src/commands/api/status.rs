//! `holdfast status`

use std::cmp::Reverse;
use std::collections::BTreeSet;

use anyhow::Result;
use holdfast_api::Protected;
use holdfast_api::client::ProtectionQuery;
use holdfast_model::ClientUid;
use holdfast_model::client::ClientSpec;
use holdfast_model::policy::PolicySpec;
use holdfast_model::protection::Protection;

use super::Session;
use crate::args::api::StatusArgs;
use crate::exit::Exit;
use crate::local_time;
use crate::output::{self, Table, printable};

/// So many rows are shown if nothing is said; all that are bad in any case.
const FEW: usize = 50;

/// Shows how well clients are protected.
pub fn run(session: &Session<'_>, args: &StatusArgs) -> Result<Exit> {
    let client = args.client.as_ref().map(|name| session.find::<ClientSpec>(name)).transpose()?;
    let policy = args.policy.as_ref().map(|name| session.find::<PolicySpec>(name)).transpose()?;
    let query = ProtectionQuery {
        tenant: session.tenant,
        client: client.map(|client| client.id),
        policy: policy.map(|policy| policy.id),
    };
    let mut rows = session.api.protection(&query)?;
    rows.sort_by(|a, b| key(a).cmp(&key(b)));
    let output = &session.context.output;
    if output.is_json() {
        output.document(&rows)?;
    } else {
        let bad = rows.iter().filter(|row| row.protection.is_bad()).count();
        let shown = if args.all { rows.len() } else { rows.len().min(FEW.max(bad)) };
        if shown > 0 {
            output.lines(&table(&rows[..shown]).lines())?;
        }
        if shown < rows.len() {
            output.line(format!("… and {} more that are no worse: --all shows them", rows.len() - shown))?;
        }
        // Whoever has it checked wants this line in any case.
        if args.check { output.result(summary(&rows))? } else { output.line(summary(&rows))? }
    }
    let is_bad = rows.iter().any(|row| row.protection.is_bad());
    Ok(if args.check && is_bad { Exit::Failed } else { Exit::Done })
}

/// The worst first.
fn key(row: &Protected) -> (Reverse<Protection>, &str, &str) {
    (Reverse(row.protection), row.client.name.as_str(), policy(row))
}

fn table(rows: &[Protected]) -> Table {
    let mut table = Table::new(&["Client", "Policy", "Protection", "Newest snapshot", "Next expected by", "Why"]);
    for row in rows {
        let time = |time| Option::map(time, local_time::show_time);
        table.row([
            row.client.name.to_string(),
            policy(row).to_owned(),
            word(row.protection).to_owned(),
            time(row.newest).unwrap_or_else(|| "none".to_owned()),
            time(row.expected_by).unwrap_or_else(|| "-".to_owned()),
            why(row),
        ]);
    }
    table
}

/// The policy's name; none has the client, if there is none.
fn policy(row: &Protected) -> &str {
    row.policy.as_ref().map_or("-", |policy| policy.name.as_str())
}

/// Why its newest backup failed and what to do, or why it does not run.
fn why(row: &Protected) -> String {
    let cause = row.cause.and_then(|cause| serde_json::to_value(cause).ok());
    let cause = cause.as_ref().and_then(|cause| cause.as_str()).map(|word| word.replace('_', " "));
    let failed = cause.zip(row.fix.as_ref()).map(|(cause, fix)| format!("{cause}: {}", printable(fix)));
    let parts: Vec<_> = failed.into_iter().chain(row.idle.as_ref().map(|idle| printable(idle))).collect();
    parts.join("; ")
}

/// `412 clients: 409 protected, 2 overdue, 1 failing`. A client counts for each of its policies: neither does one that fails
/// hide those that protect it, nor the other way round.
fn summary(rows: &[Protected]) -> String {
    let clients: BTreeSet<ClientUid> = rows.iter().map(|row| row.client.id).collect();
    if clients.is_empty() {
        return "there is no client: nothing is backed up".to_owned();
    }
    let of = |protection: Protection| rows.iter().filter(|row| row.protection == protection).count();
    let mut counts: Vec<_> = Protection::ALL.into_iter().map(|protection| (of(protection), protection)).collect();
    counts.retain(|(count, _)| *count > 0);
    // What most are comes first; of as many, the worse.
    counts.sort_by_key(|count| Reverse(*count));
    let counts: Vec<_> = counts.iter().map(|(count, protection)| format!("{count} {}", word(*protection))).collect();
    let forgotten = match rows.iter().filter(|row| row.policy.is_none()).count() {
        0 => String::new(),
        count => format!("; {count} in no policy"),
    };
    let counted = if rows.len() > clients.len() { ", counted for each policy" } else { "" };
    format!("{}{counted}: {}{forgotten}", output::count(clients.len() as u64, "client"), counts.join(", "))
}

const fn word(protection: Protection) -> &'static str {
    match protection {
        Protection::Paused => "paused",
        Protection::Protected => "protected",
        Protection::Running => "running",
        Protection::Due => "due",
        Protection::Never => "never backed up",
        Protection::Overdue => "overdue",
        Protection::Unreachable => "unreachable",
        Protection::Failing => "failing",
        Protection::Damaged => "damaged",
    }
}
