//! The limits of the regression guard: counts that a piece of work may not exceed, all in `testdata/limits.toml`.
//!
//! A limit is a sum: so many a file, so many a directory, so many once. What is counted depends on the code alone, not
//! on the machine or its load, so that a step too many fails the test wherever it runs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use toml::{Table, Value};

/// What was counted, by kind.
pub type Counted = BTreeMap<String, u64>;

/// The limits of one piece of work.
struct Limits {
    section: String,
    kinds: BTreeMap<String, Table>,
}

/// Holds what was counted against the limits, and says at the end everything that is too much.
#[derive(Debug, Default)]
#[must_use = "call `finish`"]
pub struct Guard {
    over: String,
}

impl Guard {
    /// Notes what was counted more often than a section of the file allows. `units` says how many files, directories and
    /// whatever else the limits are given for there were. What has no limit is not allowed at all.
    ///
    /// The figures are printed: the test runner shows them with `--no-capture`, and when the test fails.
    pub fn check(&mut self, section: &str, counted: &Counted, units: &[(&str, u64)]) {
        self.over.push_str(&Limits::of(section).over(counted, units));
    }

    /// Demands that nothing was too much.
    #[track_caller]
    pub fn finish(self) {
        assert!(
            self.over.is_empty(),
            "more work than {FILE} allows:\n{}\
             Find the step that got in and take it out again. If a new feature cannot do without it, raise the limit \
             there and say why.\n",
            self.over
        );
    }
}

/// Where the limits stand, as messages name it.
const FILE: &str = "testdata/limits.toml";

impl Limits {
    /// The limits of a section of the file, as `backup-first.local.files`.
    fn of(section: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(FILE);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {FILE}: {error}"));
        Self::parse(&text, section)
    }

    fn parse(text: &str, section: &str) -> Self {
        let mut table: Table = text.parse().unwrap_or_else(|error| panic!("{FILE}: {error}"));
        for name in section.split('.') {
            table = match table.remove(name) {
                Some(Value::Table(inner)) => inner,
                _ => panic!("{FILE} has no section [{section}]"),
            };
        }
        let kinds = table.into_iter().filter_map(|(kind, limit)| match limit {
            // A section within this one is somebody else's.
            Value::Table(terms) if terms.values().all(|term| !term.is_table()) => Some((kind, terms)),
            Value::Table(_) => None,
            other => panic!("{FILE}: [{section}] {kind} = {other}: write {{ file = 1, once = 20 }}"),
        });
        Self { section: section.to_owned(), kinds: kinds.collect() }
    }

    #[expect(clippy::print_stdout, reason = "a guard shows its figures")]
    fn over(&self, counted: &Counted, units: &[(&str, u64)]) -> String {
        let mut over = String::new();
        println!("[{}] with {}", self.section, sum(units.iter().map(|(unit, count)| format!("{count} {unit}"))));
        let kinds: std::collections::BTreeSet<_> = counted.keys().chain(self.kinds.keys()).collect();
        for kind in kinds {
            let measured = counted.get(kind).copied().unwrap_or(0);
            let (limit, terms) =
                self.kinds.get(kind).map_or((0, "no limit".to_owned()), |terms| self.sum(terms, units));
            println!("    {kind}: {measured} counted, {limit} allowed ({terms})");
            if measured > limit {
                writeln!(over, "    [{}] {kind}: {measured} counted, {limit} allowed ({terms})", self.section)
                    .expect("a string takes all");
            }
        }
        over
    }

    /// A limit for so many files and so on, and how it comes about.
    fn sum(&self, terms: &Table, units: &[(&str, u64)]) -> (u64, String) {
        let mut total = 0.0;
        let mut texts = Vec::new();
        for (unit, factor) in terms {
            let factor = factor.as_float().or_else(|| factor.as_integer().map(|number| number as f64));
            let factor = factor.unwrap_or_else(|| panic!("{FILE}: a limit in [{}] is no number", self.section));
            let count = units.iter().find(|(name, _)| *name == unit.as_str()).map(|(_, count)| *count);
            match (unit.as_str(), count) {
                (_, Some(count)) => {
                    total += factor * count as f64;
                    texts.push(format!("{factor} a {unit}"));
                }
                ("once", None) => {
                    total += factor;
                    texts.push(format!("{factor} once"));
                }
                _ => panic!("{FILE}: [{}] counts by {unit}, which this work does not know", self.section),
            }
        }
        (total.floor() as u64, sum(texts.into_iter()))
    }
}

fn sum(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(" + ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[work.near]\nstat = { file = 1.5, once = 3 }\nopen = { dir = 2 }\n[work.near.inner]\nx = {}\n";

    fn over(counted: &[(&str, u64)]) -> String {
        let counted = counted.iter().map(|(kind, count)| (kind.to_string(), *count)).collect();
        Limits::parse(TEXT, "work.near").over(&counted, &[("file", 10), ("dir", 4)])
    }

    #[test]
    fn a_limit_is_a_sum_and_what_has_none_is_forbidden() {
        assert_eq!(over(&[("stat", 18), ("open", 8)]), "");
        assert_eq!(over(&[("stat", 19)]), "    [work.near] stat: 19 counted, 18 allowed (1.5 a file + 3 once)\n");
        assert_eq!(over(&[("open", 9)]), "    [work.near] open: 9 counted, 8 allowed (2 a dir)\n");
        assert_eq!(over(&[("read", 1)]), "    [work.near] read: 1 counted, 0 allowed (no limit)\n");
    }

    #[test]
    #[should_panic(expected = "no section [work.far]")]
    fn a_section_that_is_not_there_is_missed() {
        Limits::parse(TEXT, "work.far");
    }

    #[test]
    #[should_panic(expected = "counts by dir")]
    fn a_unit_that_nobody_counts_is_missed() {
        Limits::parse(TEXT, "work.near").over(&Counted::new(), &[("file", 1)]);
    }
}
