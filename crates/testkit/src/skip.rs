//! Leaving a test out, out loud: a skipped test is counted and named at the end of `cargo xtask test`.

use std::fs::OpenOptions;
use std::io::Write;

/// Says that the running test is left out and why. The test then returns.
///
/// The line goes to standard output and, if `HOLDFAST_SKIP_LOG` names a file, to its end.
#[expect(clippy::print_stdout, reason = "a skipped test must be seen")]
pub fn skip(reason: &str) {
    let line = format!("{}: {}", test_name(), reason.replace('\n', " "));
    println!("SKIPPED: {line}");
    if let Some(path) = std::env::var_os("HOLDFAST_SKIP_LOG") {
        let log = OpenOptions::new().create(true).append(true).open(&path);
        // One write, so that lines of tests that run at the same time stay whole.
        let written = log.and_then(|mut log| log.write_all(format!("{line}\n").as_bytes()));
        written.unwrap_or_else(|error| panic!("cannot note in {} that a test is skipped: {error}", path.display()));
    }
}

/// Whether the test runs as root; if not, it is skipped and must return.
#[must_use = "without root the test must return"]
pub fn require_root() -> bool {
    let root = runs_as_root();
    if !root {
        skip("needs root");
    }
    root
}

/// Whether we are root.
pub fn runs_as_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The name of the running test, as its runner calls it.
fn test_name() -> String {
    std::env::var("NEXTEST_TEST_NAME")
        .ok()
        .or_else(|| std::thread::current().name().map(ToOwned::to_owned))
        .unwrap_or_else(|| "a test".to_owned())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// The child half of the next test: does nothing unless that one starts it.
    #[test]
    fn skipping_child() {
        if std::env::var_os("HOLDFAST_SKIP_CHILD").is_some() {
            skip("no such\nthing");
        }
    }

    #[test]
    fn a_skip_is_printed_and_noted_with_the_name_of_the_test() {
        let dir = crate::temp_dir();
        let log = dir.path().join("skipped");
        std::fs::write(&log, "earlier\n").unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "skip::tests::skipping_child", "--nocapture"])
            .env("HOLDFAST_SKIP_CHILD", "1")
            .env("HOLDFAST_SKIP_LOG", &log)
            .env("NEXTEST_TEST_NAME", "this_test")
            .output()
            .unwrap();
        assert!(child.status.success());
        let printed = String::from_utf8(child.stdout).unwrap();
        assert!(printed.contains("SKIPPED: this_test: no such thing\n"), "{printed}");
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "earlier\nthis_test: no such thing\n");
    }
}
