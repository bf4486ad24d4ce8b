//! What a rule decided, for people and as `restic forget --json` has it.

use std::collections::HashMap;

use anyhow::Result;
use holdfast_model::SnapshotId;
use holdfast_model::retention::{GroupPlan, Retention};
use holdfast_repo::SavedSnapshot;
use serde::Serialize;

use crate::commands::snapshots::Listed;
use crate::output::{self, Table};
use crate::{Context, local_time};

/// One group. What restic leaves out it writes as `null`.
#[derive(Serialize)]
struct Group<'a> {
    tags: Option<&'a [String]>,
    host: &'a str,
    paths: Option<&'a [String]>,
    keep: Option<Vec<Listed<'a>>>,
    remove: Option<Vec<Listed<'a>>>,
    reasons: Option<Vec<Reasons<'a>>>,
}

#[derive(Serialize)]
struct Reasons<'a> {
    snapshot: Listed<'a>,
    matches: Vec<String>,
}

/// Knows the snapshots that are spoken of.
pub struct Report<'a>(HashMap<SnapshotId, &'a SavedSnapshot>);

impl<'a> Report<'a> {
    /// About these snapshots.
    pub fn new(snapshots: &'a [SavedSnapshot]) -> Self {
        Self(snapshots.iter().map(|snapshot| (snapshot.id, snapshot)).collect())
    }

    /// Shows what becomes of all groups.
    pub fn groups(&self, context: &Context, rule: &Retention, plans: &[GroupPlan<'_>], dry_run: bool) -> Result<()> {
        if context.output.is_json() {
            let groups: Vec<Group<'_>> = plans.iter().map(|plan| self.json(plan)).collect();
            return Ok(context.output.document(&groups)?);
        }
        context.output.line(format!("rule: {rule}"))?;
        for plan in plans {
            let (keep, remove) = (&plan.decision.keep, &plan.decision.remove);
            context.output.line(format!("\nsnapshots of {}", group_name(plan)))?;
            let rows = keep.iter().map(|kept| {
                let reasons: Vec<String> = kept.reasons.iter().map(ToString::to_string).collect();
                (kept.snapshot.id, reasons.join("\n"))
            });
            context.output.line(format!("  keep {}:", output::count(keep.len() as u64, "snapshot")))?;
            self.table(context, true, rows)?;
            if !remove.is_empty() {
                let verb = if dry_run { "would remove" } else { "remove" };
                context.output.line(format!("  {verb} {}:", output::count(remove.len() as u64, "snapshot")))?;
                self.table(context, false, remove.iter().map(|candidate| (candidate.id, String::new())))?;
            }
        }
        Ok(context.output.line("")?)
    }

    /// Shows snapshots that were named to be removed.
    pub fn named(&self, context: &Context, dry_run: bool) -> Result<()> {
        let mut snapshots: Vec<&&SavedSnapshot> = self.0.values().collect();
        snapshots.sort_by_key(|snapshot| (snapshot.time, snapshot.id));
        if context.output.is_json() {
            let remove = Some(snapshots.iter().map(|snapshot| Listed::new(snapshot)).collect());
            let group = Group { tags: None, host: "", paths: None, keep: None, remove, reasons: None };
            return Ok(context.output.document(&[group])?);
        }
        context.output.line(if dry_run { "would remove:" } else { "remove:" })?;
        self.table(context, false, snapshots.iter().map(|snapshot| (snapshot.id, String::new())))
    }

    fn table(&self, context: &Context, reasons: bool, rows: impl Iterator<Item = (SnapshotId, String)>) -> Result<()> {
        let mut table = Table::new(if reasons {
            &["ID", "Time", "Host", "Tags", "Reasons", "Paths"]
        } else {
            &["ID", "Time", "Host", "Tags", "Paths"]
        });
        for (id, why) in rows {
            let snapshot = self.0[&id];
            let paths: Vec<String> = snapshot.paths.iter().map(|path| output::path(path.as_bytes())).collect();
            let mut cells = vec![
                if super::is_upcoming(&id) { "(new)".to_owned() } else { id.short() },
                local_time::show(snapshot.time),
                output::path(snapshot.hostname.as_bytes()),
                output::path(snapshot.tags.join(",").as_bytes()),
            ];
            cells.extend(reasons.then_some(why));
            cells.push(paths.join("\n"));
            table.row(cells);
        }
        for line in table.lines() {
            context.output.line(format!("  {line}"))?;
        }
        Ok(())
    }

    fn json<'b>(&'b self, plan: &'b GroupPlan<'_>) -> Group<'b> {
        let listed = |id: &SnapshotId| Listed::new(self.0[id]);
        let keep: Vec<_> = plan.decision.keep.iter().map(|kept| listed(&kept.snapshot.id)).collect();
        let remove: Vec<_> = plan.decision.remove.iter().map(|candidate| listed(&candidate.id)).collect();
        let reasons: Vec<_> = plan
            .decision
            .keep
            .iter()
            .map(|kept| Reasons {
                snapshot: listed(&kept.snapshot.id),
                matches: kept.reasons.iter().map(ToString::to_string).collect(),
            })
            .collect();
        let texts = |texts: &'b [String]| (!texts.is_empty()).then_some(texts);
        Group {
            tags: texts(&plan.group.tags),
            host: &plan.group.host,
            paths: texts(&plan.group.paths),
            keep: (!keep.is_empty()).then_some(keep),
            remove: (!remove.is_empty()).then_some(remove),
            reasons: (!reasons.is_empty()).then_some(reasons),
        }
    }
}

fn group_name(plan: &GroupPlan<'_>) -> String {
    let name = output::path(plan.group.to_string().as_bytes());
    if name.is_empty() { "all hosts".to_owned() } else { name }
}
