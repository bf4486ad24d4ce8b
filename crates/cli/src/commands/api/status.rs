//! `holdfast status`

use std::cmp::Reverse;
use std::collections::BTreeMap;

use anyhow::Result;
use holdfast_api::client::{ProtectionQuery, ProtectionRow};
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

/// The worst first.
const ORDER: [Protection; 8] = [
    Protection::Failing,
    Protection::Unreachable,
    Protection::Overdue,
    Protection::Never,
    Protection::Due,
    Protection::Running,
    Protection::Protected,
    Protection::Paused,
];

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

fn rank(protection: Protection) -> usize {
    ORDER.iter().position(|one| *one == protection).unwrap_or(ORDER.len())
}

fn key(row: &ProtectionRow) -> (usize, &str, &str) {
    (rank(row.protection), row.client.name.as_str(), row.policy.name.as_str())
}

fn table(rows: &[ProtectionRow]) -> Table {
    let mut table = Table::new(&["Client", "Policy", "Protection", "Newest snapshot", "Next expected by", ""]);
    for row in rows {
        let time = |time| Option::map(time, local_time::show_time);
        table.row([
            row.client.name.to_string(),
            row.policy.name.to_string(),
            word(row.protection).to_owned(),
            time(row.newest).unwrap_or_else(|| "none".to_owned()),
            time(row.expected_by).unwrap_or_else(|| "-".to_owned()),
            row.idle.as_deref().map(printable).unwrap_or_default(),
        ]);
    }
    table
}

/// `412 clients: 409 protected, 2 overdue, 1 failing`, each client counted once, by its worst.
fn summary(rows: &[ProtectionRow]) -> String {
    let mut worst: BTreeMap<ClientUid, usize> = BTreeMap::new();
    for row in rows {
        let rank = rank(row.protection);
        worst.entry(row.client.id).and_modify(|worst| *worst = rank.min(*worst)).or_insert(rank);
    }
    let clients = output::count(worst.len() as u64, "client");
    let mut counts: Vec<(usize, Protection)> = ORDER
        .iter()
        .enumerate()
        .map(|(rank, protection)| (worst.values().filter(|worst| **worst == rank).count(), *protection))
        .filter(|(count, _)| *count > 0)
        .collect();
    // What most are comes first, as long as nothing is bad it is all that there is to say.
    counts.sort_by_key(|(count, _)| Reverse(*count));
    let counts: Vec<_> = counts.iter().map(|(count, protection)| format!("{count} {}", word(*protection))).collect();
    if counts.is_empty() {
        return "no client is named by a policy: nothing is backed up".to_owned();
    }
    format!("{clients}: {}", counts.join(", "))
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
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows() -> Vec<ProtectionRow> {
        let id = |number: u8| format!("0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c{number:02}");
        let row = |client: u8, policy: &str, protection: &str, idle: Option<&str>| {
            json!({
                "client": {"id": id(client), "name": format!("web{client}")}, "policy": {"id": id(90), "name": policy},
                "protection": protection, "expected_by": "2026-11-25T04:00:00Z", "newest": null, "idle": idle,
            })
        };
        let rows = json!([
            row(1, "web", "protected", None),
            row(1, "etc", "overdue", None),
            row(2, "web", "failing", None),
            row(3, "web", "protected", None),
            row(4, "web", "protected", None),
            row(5, "web", "paused", Some("its client web5 is disabled")),
        ]);
        let mut rows: Vec<ProtectionRow> = serde_json::from_value(rows).unwrap();
        rows.sort_by(|a, b| key(a).cmp(&key(b)));
        rows
    }

    #[test]
    fn the_worst_comes_first_and_a_client_counts_once_by_its_worst() {
        let rows = rows();
        let order: Vec<_> = rows.iter().map(|row| (row.client.name.as_str(), word(row.protection))).collect();
        assert_eq!(order[..3], [("web2", "failing"), ("web1", "overdue"), ("web1", "protected")]);
        assert_eq!(summary(&rows), "5 clients: 2 protected, 1 failing, 1 overdue, 1 paused");
        assert_eq!(summary(&[]), "no client is named by a policy: nothing is backed up");
    }

    #[test]
    fn every_protection_has_its_place() {
        for protection in ORDER {
            assert!(ORDER[rank(protection)] == protection);
        }
        let lines = table(&rows()[..1]).lines();
        assert!(lines[2].starts_with("web2    web     failing     none             2026-11-2"), "{lines:?}");
    }
}
