//! Reads the counts in what test runners say.

/// How tests went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) ignored: usize,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// Who runs the tests, and so how the counts are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runner {
    /// `test result: ok. 1 passed; 0 failed; ...`, once for each program.
    Cargo,
    /// `Summary [ 1.0s] 2 tests run: 1 passed (1 slow), 1 failed, 0 skipped`; what tests that failed have said comes
    /// with cargo's lines in it.
    Nextest,
}

impl Runner {
    /// The counts in a line, if it is a summary.
    pub(super) fn counts_in(self, line: &str) -> Counts {
        let line = without_colours(line);
        let line = line.trim_start();
        let is_summary = match self {
            Self::Cargo => line.starts_with("test result: "),
            Self::Nextest => line.starts_with("Summary [") && line.contains(" run: "),
        };
        if !is_summary {
            return Counts::default();
        }
        let number = |word: &str| {
            let (before, _) = line.split_once(&format!(" {word}"))?;
            before.rsplit([' ', '(']).next()?.parse::<usize>().ok()
        };
        Counts {
            passed: number("passed").unwrap_or(0),
            // nextest tells those apart that did not start or did not end.
            failed: ["failed", "exec failed", "timed out"].into_iter().filter_map(number).sum(),
            // nextest's "skipped" are those that a filter left out; it does not tell ignored ones apart.
            ignored: if self == Self::Cargo { number("ignored").unwrap_or(0) } else { 0 },
        }
    }
}

/// Takes out terminal sequences of the form ESC [ ... m.
fn without_colours(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: usize, failed: usize, ignored: usize) -> Counts {
        Counts { passed, failed, ignored }
    }

    #[test]
    fn cargos_summary_is_counted() {
        let line =
            "test result: FAILED. 47 passed; 8 failed; 2 ignored; 0 measured; 5 filtered out; finished in 34.13s";
        assert_eq!(Runner::Cargo.counts_in(line), counts(47, 8, 2));
    }

    #[test]
    fn nextests_summary_is_counted_with_and_without_colours() {
        let line =
            "     Summary [   8.546s] 55/60 tests run: 53 passed (2 slow, 1 flaky), 1 failed, 1 timed out, 3 skipped";
        assert_eq!(Runner::Nextest.counts_in(line), counts(53, 2, 0));
        let line = "\u{1b}[32;1m     Summary\u{1b}[0m [   8.5s] \u{1b}[1m55\u{1b}[0m tests run: \u{1b}[1m55\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m0\u{1b}[0m skipped";
        assert_eq!(Runner::Nextest.counts_in(line), counts(55, 0, 0));
    }

    #[test]
    fn other_lines_count_nothing() {
        for runner in [Runner::Cargo, Runner::Nextest] {
            assert_eq!(runner.counts_in("test a::b ... ok"), counts(0, 0, 0));
            assert_eq!(runner.counts_in("the 5 passed away"), counts(0, 0, 0));
        }
        let of_one_that_failed = "test result: FAILED. 0 passed; 1 failed; 0 ignored";
        assert_eq!(Runner::Nextest.counts_in(of_one_that_failed), counts(0, 0, 0));
    }
}
