//! Files are named for what they hold.

use std::path::Path;

use super::Violation;

/// Names that say nothing, so that anything ends up there.
const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "helpers", "misc", "stuff"];

pub(super) fn check(path: &Path) -> Vec<Violation> {
    let place = path.display().to_string();
    let violation = |what: String| Violation { place: place.clone(), line: 0, what };
    let mut found = Vec::new();
    let rust = path.extension().is_some_and(|extension| extension == "rs");
    if rust && path.file_name().is_some_and(|name| name == "mod.rs") {
        found.push(violation("is a mod.rs: name it foo.rs, beside the directory foo".to_owned()));
    }
    let stems = path.iter().map(|part| Path::new(part).file_stem().unwrap_or(part));
    for stem in stems.filter_map(|stem| stem.to_str()) {
        if EMPTY_NAMES.contains(&stem) {
            found.push(violation(format!("is called `{stem}`, which says nothing: name it for what it holds")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str) -> usize {
        check(Path::new(path)).len()
    }

    #[test]
    fn names_that_say_nothing_are_found_for_files_and_directories() {
        assert_eq!(found("crates/a/src/util.rs"), 1);
        assert_eq!(found("crates/a/src/helpers/x.rs"), 1);
        assert_eq!(found("crates/common/Cargo.toml"), 1);
        assert_eq!(found("crates/a/src/utility_room.rs"), 0);
    }

    #[test]
    fn a_mod_rs_is_found() {
        assert_eq!(found("crates/a/src/foo/mod.rs"), 1);
        assert_eq!(found("crates/a/src/foo.rs"), 0);
    }
}
