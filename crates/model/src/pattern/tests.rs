//! What `pattern` promises, as tests.

use proptest::prelude::*;

use super::*;

fn list(patterns: &[&str]) -> PatternList {
    PatternList::parse(patterns, false).unwrap()
}

fn matches(pattern: &str, path: &str) -> bool {
    list(&[pattern]).matches(path.as_bytes())
}

#[test]
fn a_relative_pattern_matches_anywhere_and_everything_beneath() {
    for (pattern, path, expected) in [
        ("*.log", "/var/log/syslog.log", true),
        ("*.log", "/var/x.log/data", true),
        ("*.log", "/var/log", false),
        ("log", "/var/log/syslog", true),
        ("log/*.gz", "/var/log/a.gz", true),
        ("log/*.gz", "/var/log/old/a.gz", false),
        ("./log/", "/var/log", true),
        ("tmp/../log", "/var/log", true),
        ("lo", "/var/log", false),
        ("*", "/", true),
        ("/*", "/etc", true),
        ("é?", "/é€", true),
    ] {
        assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
    }
}

#[test]
fn an_absolute_pattern_matches_from_the_root() {
    for (pattern, path, expected) in [
        ("/var/log", "/var/log", true),
        ("/var/log", "/var/log/syslog", true),
        ("/log", "/var/log", false),
        ("/var//log/.", "/var/log", true),
        ("/var/*/x", "/var/a/x", true),
        ("/var/*/x", "/var/a/b/x", false),
        ("/var", "var", false),
        ("/", "/anything", true),
        ("/", "/", true),
    ] {
        assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
    }
}

#[test]
fn two_stars_take_any_number_of_components() {
    for (pattern, path, expected) in [
        ("a/**/z", "/a/z", true),
        ("a/**/z", "/x/a/b/c/z/y", true),
        ("a/**/z", "/z/a", false),
        ("/a/**/z", "/b/a/z", false),
        ("/a/**", "/a", true),
        ("**/z", "/z", true),
        ("**", "/a", true),
        ("a**z", "/abz", true),
        ("a**z", "/a/b/z", false),
        ("a/**/m/**/z", "/a/b/m/z", true),
        // As in restic: with room for one component only, the second `**` takes it from the first.
        ("/a/**/m/**/z", "/a/b/m/z", false),
        ("/a/**/m/**/z", "/a/m/b/z", true),
        ("/a/**/m/**/z", "/a/b/m/b/z", true),
    ] {
        assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
    }
}

#[test]
fn an_exclamation_mark_takes_back() {
    let patterns = list(&["/home/**/*", "!/home/alice", "*.tmp", "!important.tmp"]);
    for (path, expected) in [
        ("/home/bob/x", true),
        ("/home/alice", false),
        ("/home/alice/x", false),
        ("/home/alice/x.tmp", true),
        ("/home/alice/important.tmp", false),
        ("/home/bob/important.tmp", false),
        ("/etc", false),
    ] {
        assert_eq!(patterns.matches(path.as_bytes()), expected, "{path}");
    }
    assert!(!matches("!x", "/x"), "there is nothing to take back");
    assert!(matches("[!]x", "/!x"), "elsewhere it means itself");
}

#[test]
fn directories_on_the_way_to_a_match_are_looked_into() {
    for (patterns, path, expected) in [
        (&["/a/b/c"][..], "/a", true),
        (&["/a/b/c"], "/a/b", true),
        (&["/a/b/c"], "/a/x", false),
        (&["/a/b/c"], "/a/b/c/d", true),
        (&["/a/**/c"], "/a/x/y", true),
        (&["/a/**/c"], "/b", false),
        (&["/a/*/c"], "/a/x", true),
        (&["/a/*/c"], "/a/x/y", false),
        (&["c"], "/a/x", true),
        (&["/a", "!/a/x"], "/a/x", false),
        (&["/"], "/a", true),
        (&[], "/a", false),
    ] {
        assert_eq!(list(patterns).child_may_match(path.as_bytes()), expected, "{patterns:?} {path}");
    }
}

#[test]
fn capitals_count_only_if_asked_to() {
    let patterns = ["*.LOG", "[A-F]x", "ÄÖÜ"];
    for (path, small) in [("/a.log", true), ("/A.Log", true), ("/dX", true), ("/äöÜ", true), ("/b.lg", false)] {
        assert_eq!(PatternList::parse(patterns, true).unwrap().matches(path.as_bytes()), small, "{path}");
        assert!(!list(&patterns).matches(path.as_bytes()), "{path}");
    }
}

#[test]
fn names_need_not_be_utf_8() {
    assert!(list(&["caf?"]).matches(b"/caf\xe9"));
    assert!(list(&["*.txt"]).matches(b"/\xff\xfe.txt"));
    assert!(!list(&["café"]).matches(b"/caf\xe9"));
    assert!(PatternList::parse(["CAF?"], true).unwrap().matches(b"/caf\xe9"));
}

#[test]
fn all_malformed_patterns_are_named() {
    let error = PatternList::parse(["ok", "[", "", "!a/b\\"], false).unwrap_err();
    assert_eq!(error.patterns, ["[", "!a/b\\"]);
    assert!(PatternList::parse(["", ""], false).unwrap().is_empty());
}

#[test]
fn a_pattern_file_may_have_comments() {
    let text = "\u{feff}*.log\r\n\n  # comment\n\t!keep.log \n*.#x";
    assert_eq!(pattern_lines(text).collect::<Vec<_>>(), ["*.log", "!keep.log", "*.#x"]);
}

/// As documented: each `**` in turn is replaced by so many `*`, and the outcome is laid against the path.
fn by_definition(parts: &[Part], components: &[&[u8]]) -> bool {
    let Some(at) = parts.iter().position(|part| *part == Part::AnyNames) else {
        let first = usize::from(parts.first() != Some(&Part::Root) && components[0] == b"/");
        let last = if parts.first() == Some(&Part::Root) { 0 } else { components.len() };
        let here = |offset| fits(parts, components, offset);
        return !parts.is_empty() && (first..=last).any(here);
    };
    let star = Part::Name(Glob::parse(b"*").unwrap());
    (0..components.len() + 1).take_while(|stars| stars + parts.len() <= components.len() + 1).any(|stars| {
        let expanded = [&parts[..at], &vec![star.clone(); stars], &parts[at + 1..]].concat();
        by_definition(&expanded, components)
    })
}

proptest! {
    #[test]
    fn two_stars_are_as_many_single_ones(pattern in "/?((a|b|\\*|\\*\\*|\\*\\*)/){0,5}(a|\\*\\*)", path in "/?((a|b|c)/){0,7}[abc]") {
        let pattern = Pattern::parse(pattern.as_bytes()).unwrap();
        let components: Vec<_> = path::components(path.as_bytes()).collect();
        prop_assert_eq!(pattern.matches(&components), by_definition(&pattern.parts, &components));
    }

    #[test]
    fn what_lies_beneath_a_match_is_a_match(patterns in prop::collection::vec("/?([ab*]{1,3}/){0,3}[abc?*]{1,2}", 1..4), path in "(/[abc]{1,2}){1,5}") {
        let patterns = PatternList::parse(patterns, false).unwrap();
        let verdict = patterns.verdict(path.as_bytes());
        if verdict.matched {
            let beneath = format!("{path}/x");
            prop_assert!(patterns.matches(beneath.as_bytes()), "{beneath}");
            prop_assert!(verdict.child_may_match);
        }
    }

    #[test]
    fn no_pattern_and_no_path_is_too_strange(pattern in "[/!*?\\[\\]\\\\^a-cé-]{0,12}|\\PC*", path: Vec<u8>, case: bool) {
        if let Ok(list) = PatternList::parse([pattern], case) {
            let _ = list.verdict(&path);
        }
    }
}
