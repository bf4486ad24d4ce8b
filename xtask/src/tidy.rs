//! The habits of this code base, as far as a program can see them.
//!
//! Each rule is a function from a file's path and text to violations, and a test that shows it failing.

mod files;
mod names;
mod promises;
mod source;
mod tokens;
mod words;

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::layers;
use crate::workspace::Workspace;

/// One thing that is not as agreed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    /// The file, as seen from the root.
    pub(crate) place: String,
    /// The line, from 1; 0 for the whole file.
    pub(crate) line: usize,
    /// What is wrong and what to do.
    pub(crate) what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.place, self.what),
            line => write!(f, "{}:{line}: {}", self.place, self.what),
        }
    }
}

/// Checks the whole workspace and fails if anything is not as agreed.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut found = layers::check(workspace);
    found.extend(check_files(&workspace.root)?);
    found.sort();
    for violation in &found {
        eprintln!("{violation}");
    }
    match found.len() {
        0 => {
            eprintln!("tidy: all is well");
            Ok(())
        }
        1 => bail!("tidy: 1 thing is not as agreed (CONTRIBUTING.md has the rules)"),
        count => bail!("tidy: {count} things are not as agreed (CONTRIBUTING.md has the rules)"),
    }
}

/// Everything in the files beneath a root.
fn check_files(root: &Path) -> Result<Vec<Violation>> {
    let unwanted = words::unwanted(root)?;
    let mut found = Vec::new();
    let (mut rust, mut promises) = (Vec::new(), None);
    for path in files::list(root)? {
        let bytes = match std::fs::read(root.join(&path)) {
            Ok(bytes) => bytes,
            // Git still lists what was deleted a moment ago.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        found.extend(names::check(&path));
        // What is not text has neither lines nor words.
        let Ok(text) = String::from_utf8(bytes) else { continue };
        found.extend(words::check(&path, &text, &unwanted));
        if path.extension().is_some_and(|extension| extension == "rs") {
            rust.push((path, text));
        } else if path == Path::new(promises::PLACE) {
            promises = Some(text);
        }
    }
    found.extend(promises.iter().flat_map(|text| promises::check(text, &rust)));
    let for_tests = rust.iter().flat_map(|(path, text)| source::test_modules(path, text)).collect();
    found.extend(rust.iter().flat_map(|(path, text)| source::check(path, text, &for_tests)));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use holdfast_testkit::{Tree, temp_dir};

    use super::*;

    #[test]
    fn every_file_of_a_tree_is_looked_at_but_not_what_was_built() {
        let dir = temp_dir();
        let tree = Tree::create(dir.path());
        tree.file("crates/a/src/lib.rs", "//! Fine.\n")
            .file("crates/a/src/deep/er.rs", "fn f() {}\n")
            .file("crates/a/src/mod.rs", "//! Fine.\n")
            .file("docs/text.md", ["HA", "CK\n"].concat())
            .file("docs/picture", b"\xff\xfe")
            .file("target/debug/mod.rs", "fn f() {}\n");
        let found = check_files(dir.path()).unwrap();
        let mut places: Vec<_> = found.iter().map(|violation| violation.place.as_str()).collect();
        places.sort_unstable();
        assert_eq!(places, ["crates/a/src/deep/er.rs", "crates/a/src/mod.rs", "docs/text.md"]);
    }

    #[test]
    fn a_module_that_is_declared_for_tests_is_test_code_with_all_beneath_it() {
        let dir = temp_dir();
        let tree = Tree::create(dir.path());
        let call = "//! Doc.\nfn f() { x.unwrap(); }\n";
        tree.file("src/lib.rs", "//! Doc.\nmod foo;\n#[cfg(test)]\nmod testing;\n")
            .file("src/testing.rs", call)
            .file("src/testing/deep.rs", call)
            .file("src/foo.rs", "//! Doc.\nmod bar;\n#[cfg(test)]\npub(crate) mod tests;\n")
            .file("src/foo/tests.rs", call)
            .file("src/foo/testing.rs", call);
        let found = check_files(dir.path()).unwrap();
        let places: Vec<_> = found.iter().map(|violation| violation.place.as_str()).collect();
        assert_eq!(places, ["src/foo/testing.rs"]);
    }

    #[test]
    fn a_violation_names_file_and_line() {
        let violation = Violation { place: "a/b.rs".to_owned(), line: 7, what: "is wrong".to_owned() };
        assert_eq!(violation.to_string(), "a/b.rs:7: is wrong");
    }
}
