//! Text from strangers, made safe for terminals and logs.

/// Lines of text: line feeds stay, other control characters are escaped.
pub(crate) fn printable(bytes: &[u8]) -> String {
    escaped(bytes, |c| c != '\n' && deceives(c))
}

/// A path or a name on one line: every byte that is not UTF-8 is escaped, and every character that would not stand for
/// itself where it is printed.
pub fn printable_path(path: &[u8]) -> String {
    escaped(path, deceives)
}

/// Text of a stranger on one line; what is printable already is left as it is.
pub(crate) fn make_printable(text: &mut String) {
    if text.chars().any(deceives) {
        *text = printable_path(text.as_bytes());
    }
}

/// Controls, breaks of lines, and the marks of Unicode that turn the order of what is shown around (UAX #9).
fn deceives(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
}

/// An error and all its causes on one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

fn escaped(bytes: &[u8], is_bad: impl Fn(char) -> bool) -> String {
    let mut text = String::with_capacity(bytes.len());
    for part in bytes.utf8_chunks() {
        for c in part.valid().chars() {
            if is_bad(c) { text.extend(c.escape_default()) } else { text.push(c) }
        }
        text.push_str(&part.invalid().escape_ascii().to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_stranger_writes_to_the_terminal() {
        assert_eq!(printable_path(b"caf\xc3\xa9\n\x1b[31m\xff"), "caf\u{e9}\\n\\u{1b}[31m\\xff");
        assert_eq!(printable(b"a\nb\x07"), "a\nb\\u{7}");
        assert_eq!(printable_path("gpj.\u{202e}exe\u{2028}".as_bytes()), "gpj.\\u{202e}exe\\u{2028}");
    }
}
