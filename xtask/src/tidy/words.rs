//! Words that are not for publication.
//!
//! A mark of unfinished work belongs into the issue tracker. What else must never get into the project (names of
//! customers, of machines, of a workplace) is nobody's business but the developer's: a file that is not part of the
//! project, `info/forbidden-words` in the git directory, lists it, one word or phrase a line.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::Violation;
use crate::command::output;

/// Written in halves, so that this file passes its own rule.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("HA", "CK")];

/// The words of the developer's own list; none if there is no such file.
pub(super) fn unwanted(root: &Path) -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.args(["rev-parse", "--path-format=absolute", "--git-common-dir"]).current_dir(root);
    let Ok(dir) = output(&mut git) else { return Ok(Vec::new()) };
    let path = Path::new(dir.trim_end()).join("info/forbidden-words");
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(parse(&text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn parse(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_lowercase).collect()
}

/// Marks of unfinished work as they are commonly written, and the unwanted words in any case.
pub(super) fn check(path: &Path, text: &str, unwanted: &[String]) -> Vec<Violation> {
    let place = path.display().to_string();
    let mut found: Vec<Violation> = Vec::new();
    let name = path.display().to_string().to_lowercase();
    let lines = std::iter::once((0, name.as_str())).chain(text.lines().enumerate().map(|(at, line)| (at + 1, line)));
    for (number, line) in lines {
        let lower = line.to_lowercase();
        let mark = UNFINISHED.iter().find(|mark| number > 0 && has_word(line, mark));
        let word = unwanted.iter().find(|word| has_word(&lower, word));
        let what = match (mark, word) {
            (Some(mark), _) => format!("`{mark}`: finish it, or write an issue"),
            (None, Some(word)) => format!("`{word}` is not for publication"),
            (None, None) => continue,
        };
        found.push(Violation { place: place.clone(), line: number, what });
    }
    found
}

/// Whether the word stands in the line by itself, not within a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let in_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    line.match_indices(word).any(|(start, _)| {
        let (before, after) = (line[..start].chars().next_back(), line[start + word.len()..].chars().next());
        let starts = !in_word(before) || !in_word(word.chars().next());
        starts && (!in_word(after) || !in_word(word.chars().next_back()))
    })
}

#[cfg(test)]
mod tests {
    use holdfast_testkit::{Tree, temp_dir};

    use super::*;

    fn lines(text: &str, unwanted: &[&str]) -> Vec<usize> {
        let unwanted: Vec<String> = unwanted.iter().map(ToString::to_string).collect();
        check(Path::new("a.md"), text, &unwanted).into_iter().map(|violation| violation.line).collect()
    }

    #[test]
    fn marks_of_unfinished_work_are_found_as_words() {
        for mark in UNFINISHED {
            assert_eq!(lines(&format!("fine\n// {mark}: later\n{mark}S\n"), &[]), [2]);
        }
        assert_eq!(lines("todo lists are fine, hackers too", &[]), [0; 0]);
    }

    #[test]
    fn unwanted_words_are_found_in_any_case_and_in_names() {
        assert_eq!(lines("at ACME Corp\nacmeism\nsee /srv/acme/x\n", &["acme"]), [1, 3]);
        assert_eq!(lines("see /srv/build/x\n/srv/building", &["/srv/build/"]), [1]);
        assert_eq!(check(Path::new("for-acme.md"), "", &["acme".to_owned()]).len(), 1);
    }

    #[test]
    fn the_list_is_read_from_the_git_directory_if_it_is_there() {
        let dir = temp_dir();
        let init = Command::new("git").args(["init", "--quiet"]).current_dir(dir.path()).status().unwrap();
        assert!(init.success());
        assert_eq!(unwanted(dir.path()).unwrap(), Vec::<String>::new());
        let tree = Tree::create(dir.path());
        tree.file(".git/info/forbidden-words", "# customers\nAcme\n\n Old Name \n").file("a.md", "by the Old name");
        assert_eq!(unwanted(dir.path()).unwrap(), ["acme", "old name"]);
        assert_eq!(super::super::check_files(dir.path()).unwrap().len(), 1);
    }
}
