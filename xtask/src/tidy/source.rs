//! The rules for one Rust file: how long, how it begins, and what it must not hold.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Violation;
use super::tokens::{Facts, facts};

/// The most lines that are not for tests in a file. Think again long before: at 350.
const FILE_LINES: usize = 600;

/// The most lines of a function, its signature included. Think again long before: at 60.
const FUNCTION_LINES: usize = 100;

/// Everything about a file that is not as agreed. `for_tests` are the modules that [`test_modules`] found.
pub(super) fn check(path: &Path, text: &str, for_tests: &BTreeSet<PathBuf>) -> Vec<Violation> {
    let place = path.display().to_string();
    let violation = |line: usize, what: String| Violation { place: place.clone(), line, what };
    let mut found = Vec::new();
    if !begins_with_doc(text) {
        found.push(violation(
            1,
            "begins without `//!`: say what the file is and what it deliberately does not know".into(),
        ));
    }
    let facts = match facts(text) {
        Ok(facts) => facts,
        Err(error) => {
            found.push(violation(error.span().start().line, "is no Rust that can be read".to_owned()));
            return found;
        }
    };
    for line in &facts.bare_ignores {
        found.push(violation(*line, "#[ignore] without a reason: write #[ignore = \"why\"]".to_owned()));
    }
    for (name, line) in &facts.unfinished {
        found.push(violation(*line, format!("`{name}!` marks unfinished work: finish it")));
    }
    if is_test_code(path, for_tests) {
        return found;
    }
    for line in &facts.unwraps {
        found.push(violation(
            *line,
            "unwrap() outside a test: return an error, or expect(\"why this cannot fail\")".into(),
        ));
    }
    for (name, line, length) in facts.functions.iter().filter(|(_, _, length)| *length > FUNCTION_LINES) {
        found
            .push(violation(*line, format!("`{name}` is {length} lines long, {FUNCTION_LINES} are allowed: split it")));
    }
    let length = production_lines(text, &facts);
    if length > FILE_LINES {
        found.push(violation(0, format!("has {length} lines beside its tests, {FILE_LINES} are allowed: split it")));
    }
    found
}

fn begins_with_doc(text: &str) -> bool {
    text.lines().find(|line| !line.trim().is_empty()).is_none_or(|line| line.starts_with("//!"))
}

fn production_lines(text: &str, facts: &Facts) -> usize {
    let tests: usize = facts.test_lines.iter().map(|lines| lines.end() + 1 - lines.start()).sum();
    text.lines().count() - tests
}

/// The modules in files of their own that this file declares for tests only: their files' paths without `.rs`.
pub(super) fn test_modules(path: &Path, text: &str) -> Vec<PathBuf> {
    let root = path.file_name().is_some_and(|name| name == "lib.rs" || name == "main.rs");
    let beneath = if root { path.with_file_name("") } else { path.with_extension("") };
    facts(text).map_or_else(|_| Vec::new(), |facts| facts.test_modules.iter().map(|name| beneath.join(name)).collect())
}

/// Whether the whole file is for tests: one of cargo's directories for such, or declared so, or beneath what is.
fn is_test_code(path: &Path, for_tests: &BTreeSet<PathBuf>) -> bool {
    let in_directory = path.iter().any(|part| part == "tests" || part == "benches");
    in_directory || path.with_extension("").ancestors().any(|module| for_tests.contains(module))
}

#[cfg(test)]
mod tests;
