//! One work's results as rows, for the terminal and for the document.

use super::measure::Run;
use super::program::Kind;
use super::results::{Contestant, WorkResult};
use super::statistics::{Spread, ratios};

/// Rows of equal length; the first is the head.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table(pub(super) Vec<Vec<String>>);

impl Table {
    /// One row for each program. Columns that nobody fills are left out.
    pub(super) fn of(work: &WorkResult) -> Self {
        let rows: Vec<Vec<(&str, String)>> = work.contestants.iter().map(|contestant| row(work, contestant)).collect();
        let head = rows.first().map_or_else(Vec::new, |row| row.iter().map(|(name, _)| (*name).to_owned()).collect());
        let cells = rows.into_iter().map(|row| row.into_iter().map(|(_, cell)| cell).collect());
        let mut table = Self(std::iter::once(head).chain(cells).collect());
        table.drop_empty_columns();
        table
    }

    fn drop_empty_columns(&mut self) {
        let width = self.0[0].len();
        let used: Vec<bool> = (0..width).map(|at| self.0[1..].iter().any(|row| !row[at].is_empty())).collect();
        for row in &mut self.0 {
            let mut used = used.iter();
            row.retain(|_| used.next().is_some_and(|used| *used));
        }
    }

    /// For the terminal: aligned, the first column to the left.
    pub(super) fn text(&self) -> String {
        let width = |at: usize| self.0.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.0[0].len()).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).enumerate();
            let cells = cells.map(|(at, (cell, &width))| match at {
                0 => format!("{cell:width$}"),
                _ => format!("{cell:>width$}"),
            });
            format!("  {}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
        };
        self.0.iter().map(line).collect()
    }

    /// For the document.
    pub(super) fn markdown(&self) -> String {
        let line = |row: &[String]| {
            let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let mut text = line(&self.0[0]);
        text.push_str("|---|");
        text.push_str(&"---:|".repeat(self.0[0].len() - 1));
        text.push('\n');
        text.extend(self.0[1..].iter().map(|row| line(row)));
        text
    }
}

/// Each column's name and what stands in it.
fn row(work: &WorkResult, contestant: &Contestant) -> Vec<(&'static str, String)> {
    let wall = contestant.spread(|run| run.wall);
    let ratio = |metric| {
        let ours = work.ours().filter(|ours| ours.name != contestant.name)?;
        ratios((ours, 0.0), (contestant, 0.0), metric)
    };
    let wall_ratio = ratio(|run| run.wall);
    let kilo = |bytes| format!("{:.0}", bytes / 1e3);
    let mega = |bytes| format!("{:.1}", bytes / 1e6);
    let bytes = |metric: fn(&Run) -> Option<u64>| {
        Spread::of(contestant.runs.iter().filter_map(metric).map(|bytes| bytes as f64)).map(|bytes| bytes.median)
    };
    let remote = Spread::of(contestant.runs.iter().filter_map(|run| run.remote)).map(|remote| remote.median);
    let shown = |cell: Option<String>| cell.unwrap_or_default();
    vec![
        ("program", format!("{} {}", contestant.name, contestant.version).trim_end().to_owned()),
        ("wall s", shown(wall.map(|wall| seconds(wall.median)))),
        ("(spread)", shown(wall.map(|wall| format!("{}–{}", seconds(wall.least), seconds(wall.greatest))))),
        ("CPU s", shown(contestant.median(Run::cpu).map(seconds))),
        ("of the other side", shown(remote.map(seconds))),
        ("memory MiB", memory(contestant)),
        ("repository MB", shown(bytes(|run| run.repository).map(mega))),
        ("received kB", shown(bytes(|run| run.received).map(kilo))),
        ("sent kB", shown(bytes(|run| run.sent).map(kilo))),
        ("on disk MB", shown(bytes(|run| run.allocated).map(mega))),
        ("ours / it, wall", shown(wall_ratio.map(|ratio| format!("{:.2}", ratio.median)))),
        ("(spread)", shown(wall_ratio.map(|ratio| format!("{:.2}–{:.2}", ratio.least, ratio.greatest)))),
        ("CPU", shown(ratio(Run::cpu).map(|ratio| format!("{:.2}", ratio.median)))),
    ]
}

/// The largest process; of ours, each.
fn memory(contestant: &Contestant) -> String {
    let peak = |name: &str| contestant.peak_of(name).map(mebibytes);
    if contestant.name != Kind::Holdfast.name() {
        let peak = contestant.runs.iter().map(Run::peak).max();
        return peak.map_or(String::new(), mebibytes);
    }
    let parts = [("holdfast", "server"), ("puller", "puller"), ("agent", "agent")];
    let found: Vec<(&str, String)> = parts.iter().filter_map(|(name, role)| Some((*role, peak(name)?))).collect();
    match &found[..] {
        [(_, only)] => only.clone(),
        parts => parts.iter().map(|(role, peak)| format!("{role} {peak}")).collect::<Vec<_>>().join(", "),
    }
}

impl Contestant {
    /// The most memory that a process of this name had in any run, in bytes.
    pub(super) fn peak_of(&self, name: &str) -> Option<u64> {
        self.runs.iter().filter_map(|run| run.peaks.get(name).copied()).max()
    }
}

pub(super) fn mebibytes(bytes: u64) -> String {
    format!("{:.0}", bytes as f64 / f64::from(1 << 20))
}

/// With as many places as mean something.
pub(super) fn seconds(seconds: f64) -> String {
    if seconds < 1.0 { format!("{seconds:.3}") } else { format!("{seconds:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let rows = [["program", "wall s", "CPU s"], ["tar | cat", "1.50", ""], ["find", "0.200", ""]];
        Table(rows.map(|row| row.map(str::to_owned).to_vec()).to_vec())
    }

    #[test]
    fn a_table_is_aligned_on_the_terminal() {
        assert_eq!(table().text(), "  program    wall s  CPU s\n  tar | cat    1.50\n  find        0.200\n");
    }

    #[test]
    fn in_a_document_bars_within_cells_do_not_end_them() {
        let mut table = table();
        table.drop_empty_columns();
        assert_eq!(table.markdown(), "| program | wall s |\n|---|---:|\n| tar \\| cat | 1.50 |\n| find | 0.200 |\n");
    }
}
