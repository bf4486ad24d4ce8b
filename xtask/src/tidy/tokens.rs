//! Reads Rust as the compiler's own lexer splits it, so that strings and comments never look like code.
//!
//! No grammar: what is asked (how long is a function, is this within a test, is `unwrap` called) shows in the tokens.

use std::ops::RangeInclusive;
use std::str::FromStr;

use proc_macro2::{Delimiter, Group, LexError, TokenStream, TokenTree};

/// What was found in one file.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Functions outside tests: name, first line, number of lines.
    pub(super) functions: Vec<(String, usize, usize)>,
    /// Lines of items that are compiled for tests only.
    pub(super) test_lines: Vec<RangeInclusive<usize>>,
    /// Modules in files of their own that are compiled for tests only.
    pub(super) test_modules: Vec<String>,
    /// Lines outside tests that call `unwrap()`.
    pub(super) unwraps: Vec<usize>,
    /// Macros that mark unfinished work, anywhere: name and line.
    pub(super) unfinished: Vec<(String, usize)>,
    /// Lines with `#[ignore]` and no reason.
    pub(super) bare_ignores: Vec<usize>,
}

/// The facts of a source text.
pub(super) fn facts(text: &str) -> Result<Facts, LexError> {
    let tokens: Vec<TokenTree> = TokenStream::from_str(text)?.into_iter().collect();
    let mut facts = Facts::default();
    scan(&tokens, false, &mut facts);
    // The lexer remembers each text for as long as the thread lives, otherwise.
    drop(tokens);
    proc_macro2::extra::invalidate_current_thread_spans();
    Ok(facts)
}

fn scan(tokens: &[TokenTree], in_test: bool, facts: &mut Facts) {
    let mut at = 0;
    while at < tokens.len() {
        if let Some(attribute) = attribute(tokens, at) {
            if is_bare_ignore(attribute) {
                facts.bare_ignores.push(first_line(&tokens[at]));
            }
            if !in_test && is_for_tests(attribute) {
                let end = item_end(tokens, at);
                facts.test_lines.push(first_line(&tokens[at])..=last_line(&tokens[end - 1]));
                facts.test_modules.extend(module_elsewhere(&tokens[at..end]));
                scan(&tokens[at + 2..end], true, facts);
                at = end;
                continue;
            }
        }
        look_at(tokens, at, in_test, facts);
        if let TokenTree::Group(group) = &tokens[at] {
            scan(&inside(group), in_test, facts);
        }
        at += 1;
    }
}

/// The rules that start at one token.
fn look_at(tokens: &[TokenTree], at: usize, in_test: bool, facts: &mut Facts) {
    let TokenTree::Ident(word) = &tokens[at] else { return };
    let line = first_line(&tokens[at]);
    match word.to_string().as_str() {
        "fn" if !in_test => {
            if let Some((name, last)) = function(tokens, at) {
                facts.functions.push((name, line, last + 1 - line));
            }
        }
        "unwrap" if !in_test => {
            let called = at > 0 && is_punct(tokens.get(at - 1), '.') && is_empty_call(tokens.get(at + 1));
            if called {
                facts.unwraps.push(line);
            }
        }
        name @ ("todo" | "dbg" | "unimplemented") if is_punct(tokens.get(at + 1), '!') => {
            facts.unfinished.push((name.to_owned(), line));
        }
        _ => {}
    }
}

/// Name and last line of the function whose `fn` is at this place; `None` for a type like `fn(u8)` and for a
/// function without a body.
fn function(tokens: &[TokenTree], at: usize) -> Option<(String, usize)> {
    let Some(TokenTree::Ident(name)) = tokens.get(at + 1) else { return None };
    for token in &tokens[at + 2..] {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ';' => return None,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                return Some((name.to_string(), last_line(token)));
            }
            _ => {}
        }
    }
    None
}

/// The tokens within `#[...]`, if one starts here.
fn attribute(tokens: &[TokenTree], at: usize) -> Option<&Group> {
    match (is_punct(tokens.get(at), '#'), tokens.get(at + 1)) {
        (true, Some(TokenTree::Group(group))) if group.delimiter() == Delimiter::Bracket => Some(group),
        _ => None,
    }
}

/// `#[test]`, `#[cfg(test)]`, `#[cfg(all(test, ...))]`, but not `#[cfg(not(test))]`.
fn is_for_tests(attribute: &Group) -> bool {
    let tokens = inside(attribute);
    match &tokens[..] {
        [TokenTree::Ident(word)] => word == "test",
        [TokenTree::Ident(word), TokenTree::Group(condition)] if word == "cfg" => demands_test(&inside(condition)),
        _ => false,
    }
}

fn demands_test(condition: &[TokenTree]) -> bool {
    match condition {
        [TokenTree::Ident(word)] => word == "test",
        [TokenTree::Ident(word), TokenTree::Group(all)] if word == "all" => {
            inside(all).split(|token| is_punct(Some(token), ',')).any(demands_test)
        }
        _ => false,
    }
}

fn is_bare_ignore(attribute: &Group) -> bool {
    matches!(&inside(attribute)[..], [TokenTree::Ident(word)] if word == "ignore")
}

/// One past the last token of the item whose first attribute is at this place.
fn item_end(tokens: &[TokenTree], start: usize) -> usize {
    let mut at = start;
    while attribute(tokens, at).is_some() {
        at += 2;
    }
    // A `use` may hold braces before its semicolon; everything else ends with the first of either.
    let is_use = tokens[at..].iter().find_map(|token| match token {
        TokenTree::Ident(word) if word != "pub" => Some(word == "use"),
        _ => None,
    });
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && is_use != Some(true),
        token => is_punct(Some(token), ';'),
    };
    tokens[at..].iter().position(ends).map_or(tokens.len(), |found| at + found + 1)
}

/// The module's name, if the item is `mod name;`.
fn module_elsewhere(item: &[TokenTree]) -> Option<String> {
    match item {
        [.., TokenTree::Ident(word), TokenTree::Ident(name), end] if word == "mod" && is_punct(Some(end), ';') => {
            Some(name.to_string())
        }
        _ => None,
    }
}

fn inside(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn is_empty_call(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Group(group))
        if group.delimiter() == Delimiter::Parenthesis && group.stream().is_empty())
}

fn first_line(token: &TokenTree) -> usize {
    token.span().start().line
}

fn last_line(token: &TokenTree) -> usize {
    token.span().end().line
}
