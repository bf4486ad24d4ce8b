//! Which names are searched for: those that hold a text, or match a glob or a regular expression.
//!
//! A name is compared as its characters; a byte that is no UTF-8 counts as U+FFFD. It takes time in proportion to the names,
//! whatever the pattern; and the pattern takes bounded memory. Large and small letters count where the pattern has a large one.

use std::borrow::Cow;
use std::str::Chars;

use holdfast_repo::tree::name_of_display;
use regex::{Regex, RegexBuilder};

/// Longer patterns are refused.
const LONGEST: usize = 1000;
/// Bytes that a compiled pattern may take.
const LARGEST: usize = 1 << 20;

/// How a pattern is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A part of the name.
    Substring,
    /// The whole name, with `*`, `?`, `[a-z]`, `[^a-z]` and `\`.
    Glob,
    /// A part of the name, as a regular expression says.
    Regex,
}

/// Which names are searched for.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

/// Why a pattern is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing is said.
    #[error("it must say what to search for")]
    Empty,
    /// Too much is said.
    #[error("it must not have more than {LONGEST} bytes")]
    TooLong,
    /// Names have none.
    #[error("it must not have a slash: names are searched for, not paths")]
    Slash,
    /// Brackets of a glob.
    #[error("its brackets do not make sense: write [a-z], [^a-z] or \\[")]
    Brackets,
    /// A backslash at the end of a glob.
    #[error("it ends with a backslash: write \\\\ for one that is meant")]
    Backslash,
    /// Not a regular expression.
    #[error("it is no regular expression: {0}")]
    Regex(String),
    /// A regular expression that would take too much memory.
    #[error("the regular expression is too large: let it repeat less")]
    TooLarge,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Substring, Self::Glob, Self::Regex];

    /// As it stands in requests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Substring => "substring",
            Self::Glob => "glob",
            Self::Regex => "regex",
        }
    }
}

impl Pattern {
    /// A pattern.
    pub fn new(mode: Mode, text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.len() > LONGEST {
            return Err(PatternError::TooLong);
        }
        if mode != Mode::Regex && text.contains('/') {
            return Err(PatternError::Slash);
        }
        let expression = match mode {
            Mode::Substring => regex::escape(text),
            Mode::Glob => glob(text)?,
            Mode::Regex => text.to_owned(),
        };
        let is_large = if mode == Mode::Regex { has_large_letter(text) } else { text.chars().any(char::is_uppercase) };
        let built = RegexBuilder::new(&expression)
            .case_insensitive(!is_large)
            .size_limit(LARGEST)
            .dfa_size_limit(LARGEST)
            .nest_limit(50)
            .build();
        built.map(Self).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
            // The last line says what is wrong; those before draw where.
            error => PatternError::Regex(
                error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
            ),
        })
    }

    /// Whether a name matches, given as the catalog keeps it.
    pub fn matches(&self, name: &str) -> bool {
        self.0.is_match(&characters(name))
    }
}

/// The characters of a name.
fn characters(name: &str) -> Cow<'_, str> {
    // Most names are shown as they are.
    let Some(bytes) = name.contains('\\').then(|| name_of_display(name)).flatten() else { return Cow::Borrowed(name) };
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(text)
}

/// Whether a regular expression has a large letter that stands for itself.
fn has_large_letter(text: &str) -> bool {
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c.is_uppercase() {
            return true;
        }
        // What follows a backslash is the name of a class, as in `\S` and `\p{Greek}`.
        if c == '\\' && matches!(rest.next(), Some('p' | 'P')) && rest.as_str().starts_with('{') {
            rest.by_ref().find(|c| *c == '}');
        }
    }
    false
}

/// The regular expression of a glob, as Go's `filepath.Match` has them.
fn glob(text: &str) -> Result<String, PatternError> {
    let mut expression = String::from(r"\A");
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '*' => expression.push_str("(?s:.)*"),
            '?' => expression.push_str("(?s:.)"),
            '[' => expression.push_str(&class(&mut rest)?),
            '\\' => literal(&mut expression, rest.next().ok_or(PatternError::Backslash)?),
            c => literal(&mut expression, c),
        }
    }
    expression.push_str(r"\z");
    Ok(expression)
}

fn literal(expression: &mut String, c: char) {
    expression.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

/// Reads a class behind its bracket.
fn class(rest: &mut Chars<'_>) -> Result<String, PatternError> {
    let mut expression = String::from("[");
    if let Some(after) = rest.as_str().strip_prefix('^') {
        expression.push('^');
        *rest = after.chars();
    }
    let mut is_empty = true;
    loop {
        let c = rest.next().ok_or(PatternError::Brackets)?;
        if c == ']' && !is_empty {
            expression.push(']');
            return Ok(expression);
        }
        let low = member(c, rest)?;
        let mut high = low;
        if let Some(after) = rest.as_str().strip_prefix('-') {
            *rest = after.chars();
            let c = rest.next().ok_or(PatternError::Brackets)?;
            high = member(c, rest)?;
        }
        if high < low {
            return Err(PatternError::Brackets);
        }
        expression.push_str(&format!(r"\u{{{:x}}}-\u{{{:x}}}", u32::from(low), u32::from(high)));
        is_empty = false;
    }
}

fn member(c: char, rest: &mut Chars<'_>) -> Result<char, PatternError> {
    match c {
        '-' | ']' => Err(PatternError::Brackets),
        '\\' => rest.next().ok_or(PatternError::Brackets),
        c => Ok(c),
    }
}

#[cfg(test)]
mod tests {
    use holdfast_repo::tree::display_name;

    use super::*;

    fn matches(mode: Mode, text: &str, name: &[u8]) -> bool {
        Pattern::new(mode, text).unwrap().matches(&display_name(name))
    }

    #[test]
    fn a_name_is_compared_as_its_characters() {
        for (mode, text, name, is_match) in [
            (Mode::Substring, "host", &b"my hosts"[..], true),
            (Mode::Substring, "a.b", b"axb", false),
            (Mode::Substring, "say \"hi\"", b"say \"hi\".txt", true),
            (Mode::Substring, "\\", b"a\\b", true),
            (Mode::Substring, "\\n", b"a\nb", false),
            (Mode::Substring, "\n", b"a\nb", true),
            (Mode::Substring, "x0a", b"\x0a", false),
            (Mode::Substring, "\u{fffd}", b"\xff", true),
            (Mode::Glob, "*.log", b"app.log", true),
            (Mode::Glob, "*.log", b"app.log.1", false),
            (Mode::Glob, "?", "é".as_bytes(), true),
            (Mode::Glob, "?", b"\"", true),
            (Mode::Glob, "?", b"\xff", true),
            (Mode::Glob, "?", b"ab", false),
            (Mode::Glob, "a*\n*", b"a\nb", true),
            (Mode::Glob, "[a-c]x", b"bx", true),
            (Mode::Glob, "[^a-c]x", b"bx", false),
            (Mode::Glob, "[\\]^-]", b"^", false),
            (Mode::Glob, "[\\]^]", b"^", true),
            (Mode::Glob, "[[]", b"[", true),
            (Mode::Glob, "[+.&&a]", b"&", true),
            (Mode::Glob, "\\*", b"*", true),
            (Mode::Glob, "\\*", b"x", false),
            (Mode::Glob, "a.b", b"axb", false),
            (Mode::Regex, r"^img_\d{4}\.jpe?g$", b"img_0042.jpg", true),
            (Mode::Regex, "o", b"fooo", true),
            (Mode::Regex, "^a.b$", b"a\"b", true),
        ] {
            let result = Pattern::new(mode, text).map(|pattern| pattern.matches(&display_name(name)));
            match result {
                Ok(found) => assert_eq!(found, is_match, "{mode:?} {text} {name:?}"),
                Err(error) => assert_eq!((text, error), ("[\\]^-]", PatternError::Brackets)),
            }
        }
    }

    #[test]
    fn letters_of_any_size_match_unless_a_large_one_is_asked_for() {
        assert!(matches(Mode::Substring, "readme", b"README.md"));
        assert!(!matches(Mode::Substring, "Readme", b"README.md"));
        assert!(matches(Mode::Substring, "größe", "GRÖSSE GRÖẞE größe".as_bytes()));
        assert!(matches(Mode::Glob, "*.jpg", b"A.JPG") && !matches(Mode::Glob, "*.Jpg", b"A.JPG"));
        assert!(matches(Mode::Regex, r"^\S+\p{Lu}a$", b"xYA"), "the name of a class is no letter");
        assert!(!matches(Mode::Regex, r"A", b"a"));
    }

    #[test]
    fn a_pattern_that_makes_no_sense_is_refused_in_one_sentence() {
        for (mode, text) in [
            (Mode::Substring, ""),
            (Mode::Substring, "etc/hosts"),
            (Mode::Glob, "**/x"),
            (Mode::Glob, "["),
            (Mode::Glob, "[]"),
            (Mode::Glob, "[z-a]"),
            (Mode::Glob, "[a-"),
            (Mode::Glob, "a\\"),
            (Mode::Regex, "("),
            (Mode::Regex, "a{1000}{1000}{1000}"),
            (Mode::Regex, "(?P<n>a)(?P<n>b)"),
            (Mode::Regex, &"(".repeat(200)),
        ] {
            let error = Pattern::new(mode, text).unwrap_err().to_string();
            assert!(!error.contains('\n') && !error.is_empty(), "{text}: {error}");
        }
        assert_eq!(Pattern::new(Mode::Regex, &"x".repeat(1001)).unwrap_err(), PatternError::TooLong);
        assert_eq!(Pattern::new(Mode::Regex, r"(\w{200}){200}").unwrap_err(), PatternError::TooLarge);
    }
}
