//! Text from strangers, made safe for terminals and logs.

/// Lines of text: line feeds stay, other control characters are escaped.
pub(crate) fn printable(bytes: &[u8]) -> String {
    escaped(bytes, |c| c != '\n' && c.is_control())
}

/// A path or a name on one line: every control character and every byte that is not UTF-8 is escaped.
pub fn printable_path(path: &[u8]) -> String {
    escaped(path, char::is_control)
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
    }
}
