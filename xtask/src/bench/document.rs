//! `docs/benchmarks.md`, generated whole from the results.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::goal;
use super::results::{Book, WorkResult};
use super::table::Table;
use super::work::{self, Work};

const INTRODUCTION: &str = "\
# Benchmarks

Written by `cargo xtask bench`; changes made here by hand are lost. Why a figure is what it is, and what was tried,
stands in [performance.md](performance.md).

Every program does the same work on the same data in the same run, each in its default, encrypted configuration, with
its cache warm. The programs take turns, A B A B. A time is the median of the runs with the least and the greatest
beside it; a ratio is the median of the ratios of the rounds. CPU seconds are the kernel's, of the program and of
everything that it waited for. Memory is the most that one process ever had resident. A first backup, a change and a
prune start from a fresh copy each time; a restore counts only if all files with all bytes are there.
";

const REPEAT: &str = "\
## To repeat it

```sh
cargo xtask bench --install-peers    # everything, against all peers; takes hours
cargo xtask bench --quick            # less than five minutes, against restic
cargo xtask bench --work first,again # single works; the others' results are kept
```

On a machine that does nothing else. The data is made on the spot, from fixed seeds, in memory if there is room;
`source` is a kernel's source from Debian's archive where that can be reached.
";

/// The document.
pub(super) fn write(book: &Book) -> String {
    let mut text = INTRODUCTION.to_owned();
    text.push('\n');
    text.push_str(&machine(book));
    text.push('\n');
    text.push_str(REPEAT);
    text.push_str("\n## What is to be reached\n\n");
    text.push_str(&targets(book));
    let mut described = BTreeSet::new();
    for work in work::ALL {
        if let Some(result) = book.works.get(work.name) {
            text.push_str(&section(work, result, described.insert(result.corpus.clone())));
        }
    }
    text
}

fn machine(book: &Book) -> String {
    let machine = &book.machine;
    let dates: BTreeSet<&str> = book.works.values().map(|work| work.date.as_str()).collect();
    let date = match (dates.first(), dates.last()) {
        (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
        (Some(first), _) => (*first).to_owned(),
        _ => "never".to_owned(),
    };
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for contestant in book.works.values().flat_map(|work| &work.contestants) {
        if !contestant.version.is_empty() {
            versions.entry(&contestant.name).or_default().insert(&contestant.version);
        }
    }
    let versions = versions
        .into_iter()
        .map(|(name, versions)| format!("{name} {}", versions.into_iter().collect::<Vec<_>>().join(" and ")));
    let place = if machine.in_memory { "in memory (tmpfs)" } else { "on a disk" };
    format!(
        "| | |\n|---|---|\n| date | {date} |\n| processor | {}, {} cores |\n| memory | {} GiB |\n| kernel | {} |\n\
         | data and repositories | {place} |\n| programs | {} |\n",
        machine.processor,
        machine.cores,
        machine.memory,
        machine.kernel,
        versions.collect::<Vec<_>>().join(", ")
    )
}

fn targets(book: &Book) -> String {
    let mut text = "| work | to be reached | measured | |\n|---|---|---|---|\n".to_owned();
    for row in goal::ALL {
        let (measured, met) = match row.judge(book) {
            Some(verdict) => (verdict.measured, if verdict.met { "met" } else { "**missed**" }),
            None => ("not measured".to_owned(), "–"),
        };
        writeln!(text, "| {} | {} | {measured} | {met} |", row.work, row.goal).expect("a string takes everything");
    }
    text
}

fn section(work: &Work, result: &WorkResult, first_of_corpus: bool) -> String {
    let extent = result.extent;
    let mut text = format!("\n## `{}`: {} (`{}`)\n\n", work.name, work.title, result.corpus);
    if first_of_corpus {
        let megabytes = |bytes: u64| bytes / 1_000_000;
        writeln!(
            text,
            "`{}`: {}; {} files in {} directories, {} MB, {} MB on disk.\n",
            result.corpus,
            result.description,
            extent.files,
            extent.dirs,
            megabytes(extent.bytes),
            megabytes(extent.allocated)
        )
        .expect("a string takes everything");
    }
    text.push_str(&Table::of(result).markdown());
    let runs = result.contestants.first().map_or(0, |contestant| contestant.runs.len());
    writeln!(text, "\n{}, {runs} runs each, load before {:.1}.", result.date, result.load_before)
        .expect("a string takes everything");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::measure::Run;
    use crate::bench::results::Contestant;

    #[test]
    fn the_document_has_every_target_and_what_was_measured_of_it() {
        let mut book = Book::default();
        let contestant = |name: &str, wall| Contestant {
            name: name.to_owned(),
            version: "1.2".to_owned(),
            runs: vec![Run { wall, user: wall, ..Run::default() }],
        };
        let contestants = vec![contestant("holdfast", 2.0), contestant("restic", 8.0)];
        let date = "2026-01-02".to_owned();
        book.works.insert("first".to_owned(), WorkResult { date, contestants, ..WorkResult::default() });
        let text = write(&book);
        assert!(text.contains("| date | 2026-01-02 |"), "{text}");
        assert!(text.contains("holdfast 1.2, restic 1.2"), "{text}");
        assert!(text.contains("| wall ≤ 0.75 of the fastest | 0.25 of restic (0.25–0.25) | met |"), "{text}");
        assert_eq!(text.matches("not measured").count(), goal::ALL.len() - 3);
        assert!(text.contains("## `first`: first backup"), "{text}");
    }
}
