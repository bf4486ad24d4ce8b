//! The promises of `docs/security.md`: each names the tests that show it, and those are there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Violation;

/// Where the promises stand.
pub(super) const PLACE: &str = "docs/security.md";

/// How the last column of their tables is called.
const COLUMN: &str = "shown by";

/// The rows that name no test, or one that is not there. `rust` are all files of code.
pub(super) fn check(text: &str, rust: &[(PathBuf, String)]) -> Vec<Violation> {
    let tests: BTreeSet<&str> = rust.iter().flat_map(|(path, text)| tests_of(path, text)).collect();
    let mut found = Vec::new();
    for (line, row) in rows(text) {
        let mut tell = |what: String| found.push(Violation { place: PLACE.to_owned(), line, what });
        let named: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
        if named.is_empty() {
            tell("the promise names no test that shows it; write one, or take the promise back".to_owned());
        }
        for name in named.into_iter().filter(|name| !tests.contains(name)) {
            tell(format!("there is no test {name}"));
        }
    }
    found
}

/// The last cell of each row that promises something, with its line from 1.
fn rows(text: &str) -> Vec<(usize, &str)> {
    let mut is_promise = false;
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some(cells) = line.trim().strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
            is_promise = false;
            continue;
        };
        let last = cells.rsplit('|').next().unwrap_or_default().trim();
        if last == COLUMN {
            is_promise = true;
        } else if is_promise && !last.bytes().all(|byte| byte == b'-' || byte == b':') {
            found.push((number + 1, last));
        }
    }
    found
}

/// The names of the tests in a file: functions with the attribute, and in folders of tests all, since a suite that is run on
/// several things has its claims as plain functions.
fn tests_of<'a>(path: &Path, text: &'a str) -> Vec<&'a str> {
    let is_suite = path.components().any(|part| part.as_os_str() == "tests");
    let mut is_test = false;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        let words = line.split(' ').skip_while(|word| word.starts_with("pub") || *word == "async");
        let mut words = words.skip_while(|word| word.is_empty());
        if words.next() == Some("fn") {
            let name = words.next().unwrap_or_default().split(['(', '<']).next().unwrap_or_default();
            if is_test || is_suite {
                found.push(name);
            }
            is_test = false;
        } else if line.starts_with("#[") && line.contains("test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if !line.starts_with("#[") && !line.starts_with("//") {
            is_test = false;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "#[test]\nfn a() {}\n#[tokio::test]\n// Why.\nasync fn b() {}\nfn helper() {}\n";

    fn found(row: &str) -> Vec<String> {
        let text = format!(
            "| what | shown by |\n|---|---|\n| all is well | {row} |\n\n| not | promises |\n|---|---|\n| x | y |\n"
        );
        let rust = [
            (PathBuf::from("crates/a/src/lib.rs"), CODE.to_owned()),
            (PathBuf::from("crates/a/tests/suite/more.rs"), "pub(crate) async fn c(scene: &Scene) {}\n".to_owned()),
        ];
        check(&text, &rust).into_iter().map(|violation| format!("{}: {}", violation.line, violation.what)).collect()
    }

    #[test]
    fn each_promise_names_tests_that_are_there() {
        assert_eq!(found("`a`, `b` and `c`"), [""; 0]);
        assert_eq!(found("`a`, `gone`"), ["3: there is no test gone"]);
        assert_eq!(found("`helper`"), ["3: there is no test helper"]);
        assert!(found("nothing")[0].contains("names no test"));
    }
}
