//! Each rule for a file is shown failing, and not failing beside.

use super::*;

fn found(text: &str) -> Vec<(usize, String)> {
    found_in("crates/a/src/file.rs", text)
}

fn found_in(path: &str, text: &str) -> Vec<(usize, String)> {
    let text = format!("//! Doc.\n{text}");
    check(Path::new(path), &text, &BTreeSet::new())
        .into_iter()
        .map(|violation| (violation.line, violation.what))
        .collect()
}

/// The lines of what was found; each message must hold `word`.
fn lines(text: &str, word: &str) -> Vec<usize> {
    let found = found(text);
    assert!(found.iter().all(|(_, what)| what.contains(word)), "{found:?}");
    found.into_iter().map(|(line, _)| line).collect()
}

fn function(name: &str, lines: usize) -> String {
    format!("fn {name}() {{\n{}}}\n", "    work();\n".repeat(lines - 2))
}

#[test]
fn a_file_begins_by_saying_what_it_is() {
    let begins = |text: &str| check(Path::new("a.rs"), text, &BTreeSet::new()).is_empty();
    assert!(begins("//! Something.\nfn f() {}\n"));
    assert!(begins("\n//! Something.\n"));
    assert!(begins(""));
    assert!(!begins("// Something.\n//! Else.\n"));
    assert!(!begins("use std::fmt;\n//! Late.\n"));
}

#[test]
fn a_function_has_at_most_a_hundred_lines() {
    assert_eq!(found(&function("short", 100)), []);
    assert_eq!(found(&function("long", 101)), [(2, "`long` is 101 lines long, 100 are allowed: split it".to_owned())]);
    let method = format!("impl A {{\n    pub async unsafe {}}}\n", function("method", 120));
    assert_eq!(lines(&method, "`method` is 120"), [3]);
    let in_macro = format!("macro_rules! m {{ () => {{\n{}}} }}\n", function("made", 101));
    assert_eq!(lines(&in_macro, "`made`"), [3]);
}

#[test]
fn braces_in_strings_characters_and_comments_do_not_count() {
    let body =
        "let a = \"}\"; let b = '{'; let c = '\\''; let d = r#\"}\"}\"#; // }\n/* { /* } */ { */ let e = b\"{\";\n";
    let text = format!("fn f<'a>(x: &'a str) {{\n{body}{}}}\n", "    x();\n".repeat(97));
    assert_eq!(lines(&text, "`f` is 101"), [2]);
}

#[test]
fn what_is_not_a_function_has_no_length() {
    let lines = "    x,\n".repeat(150);
    assert_eq!(found(&format!("type F = fn(u8) -> u8;\ntrait T {{ fn f(&self); }}\nenum E {{\n{lines}}}\n")), []);
}

#[test]
fn a_file_has_at_most_six_hundred_lines_beside_its_tests() {
    let constants = |count: usize| "const X: u8 = 1;\n".repeat(count);
    assert_eq!(found(&constants(599)), []);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", constants(300));
    assert_eq!(found(&(constants(599) + &tests)), []);
    assert_eq!(found(&(tests.clone() + &constants(599))), []);
    assert_eq!(lines(&(constants(600) + &tests), "has 601 lines beside its tests"), [0]);
    assert_eq!(found_in("crates/a/tests/it.rs", &constants(900)), []);
}

#[test]
fn unwrap_is_for_tests() {
    assert_eq!(lines("fn f() {\n    g().unwrap();\n}\n", "unwrap() outside a test"), [3]);
    assert_eq!(lines("fn f() { assert!(g(\n  h().unwrap())) }\n", "unwrap"), [3]);
    assert_eq!(found("fn f() { x.unwrap_or(1); unwrap(); a.unwrap(1); \".unwrap()\"; } // .unwrap()\n"), []);
    assert_eq!(found("#[cfg(test)]\nmod tests { #[test] fn t() { x.unwrap(); } }\n"), []);
    assert_eq!(found("#[test]\n#[should_panic]\nfn t() { x.unwrap(); }\n"), []);
    assert_eq!(found_in("crates/a/src/foo/tests.rs", "fn t() { x.unwrap(); }\n").len(), 1);
    assert_eq!(found_in("crates/a/tests/it.rs", "fn t() { x.unwrap(); }\n"), []);
}

#[test]
fn only_what_is_compiled_for_tests_alone_is_a_test() {
    let call = "fn f() { x.unwrap(); }\n";
    assert_eq!(lines(&format!("#[cfg(not(test))]\n{call}"), "unwrap"), [3]);
    assert_eq!(lines(&format!("#[cfg(any(test, unix))]\n{call}"), "unwrap"), [3]);
    assert_eq!(found(&format!("#[cfg(all(unix, test))]\n{call}")), []);
    assert_eq!(lines(&format!("#[cfg(test)]\nuse a::{{b, c}};\n{call}"), "unwrap"), [4]);
    assert_eq!(lines(&format!("#[cfg(test)]\npub mod tests;\n{call}"), "unwrap"), [4]);
    assert_eq!(lines(&format!("#[cfg(test)]\n#[path = \"x.rs\"]\npub(crate) mod tests;\n{call}"), "unwrap"), [5]);
}

#[test]
fn unfinished_work_is_found_in_tests_too() {
    assert_eq!(lines("fn f() { todo!() }\n", "`todo!`"), [2]);
    assert_eq!(lines("fn f() { g(dbg!(1)); }\n", "`dbg!`"), [2]);
    assert_eq!(lines("fn f() { unimplemented!() }\n", "`unimplemented!`"), [2]);
    assert_eq!(lines("#[cfg(test)]\nmod tests { fn f() {\n dbg!(1); } }\n", "`dbg!`"), [4]);
    assert_eq!(found("fn todo() { \"todo!()\"; } // dbg!(x)\n"), []);
}

#[test]
fn a_test_is_ignored_for_a_reason() {
    assert_eq!(lines("#[test]\n#[ignore]\nfn f() {}\n", "without a reason"), [3]);
    assert_eq!(lines("#[cfg(test)]\nmod tests {\n#[test]\n#[ignore]\nfn f() {} }\n", "without a reason"), [5]);
    assert_eq!(found("#[test]\n#[ignore = \"takes an hour\"]\nfn f() {}\n"), []);
}

#[test]
fn what_cannot_be_read_is_not_passed_over() {
    assert_eq!(lines("fn f() {\n    }}\n", "no Rust"), [3]);
}
