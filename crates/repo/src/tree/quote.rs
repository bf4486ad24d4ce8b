//! Names as text: Go's `strconv.Quote` without its quotes, which the format uses so that any bytes fit into JSON.
//!
//! Unquoting takes everything that Go's `strconv.Unquote` takes between double quotes. Whether a name is one that a
//! tree may hold is not judged here.

use super::printable::is_printable;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// A name as a person may see it on a terminal, whatever its bytes are.
pub fn display_name(name: &[u8]) -> String {
    let mut out = Vec::with_capacity(name.len());
    quote(name, |piece| out.extend_from_slice(piece));
    String::from_utf8(out).expect("quoting gives UTF-8")
}

/// Appends the inside of a JSON string that holds the quoted name.
pub(super) fn write_quoted(out: &mut Vec<u8>, name: &[u8]) {
    // What most names consist of needs neither quoting nor escaping.
    if name.iter().all(|&c| matches!(c, b' '..=b'~') && !matches!(c, b'"' | b'\\' | b'<' | b'>' | b'&')) {
        return out.extend_from_slice(name);
    }
    quote(name, |piece| {
        crate::json::write_escaped(out, std::str::from_utf8(piece).expect("quoting gives UTF-8"));
    });
}

/// Calls `put` with pieces of UTF-8 that make up the quoted name.
fn quote(name: &[u8], mut put: impl FnMut(&[u8])) {
    for chunk in name.utf8_chunks() {
        let valid = chunk.valid();
        let mut done = 0;
        for (at, c) in valid.char_indices() {
            if matches!(c, ' '..='~' if c != '"' && c != '\\') || !c.is_ascii() && is_printable(c) {
                continue;
            }
            put(&valid.as_bytes()[done..at]);
            done = at + c.len_utf8();
            put_escape(c, &mut put);
        }
        put(&valid.as_bytes()[done..]);
        for &byte in chunk.invalid() {
            put(&[b'\\', b'x', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

fn put_escape(c: char, put: &mut impl FnMut(&[u8])) {
    let short = match c {
        '\x07' => b'a',
        '\x08' => b'b',
        '\x0c' => b'f',
        '\n' => b'n',
        '\r' => b'r',
        '\t' => b't',
        '\x0b' => b'v',
        '"' | '\\' => c as u8,
        _ => {
            let code = u32::from(c);
            let (letter, width) = match code {
                0..0x80 => (b'x', 2),
                0x80..0x1_0000 => (b'u', 4),
                _ => (b'U', 8),
            };
            put(&[b'\\', letter]);
            for place in (0..width).rev() {
                put(&[HEX[(code >> (4 * place) & 15) as usize]]);
            }
            return;
        }
    };
    put(&[b'\\', short]);
}

/// The bytes of a name that [`display_name`] has shown; `None` if there is an escape sequence that does not exist.
pub fn name_of_display(text: &str) -> Option<Vec<u8>> {
    unquote(text)
}

/// The bytes of a quoted name; `None` if there is an escape sequence that does not exist.
pub(super) fn unquote(text: &str) -> Option<Vec<u8>> {
    let mut rest = text.as_bytes();
    let mut out = Vec::with_capacity(rest.len());
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\\' => rest = unescape(&mut out, after)?,
            b'"' | b'\n' => return None,
            _ => out.push(byte),
        }
    }
    Some(out)
}

/// Reads what stands behind a backslash and gives what follows it.
fn unescape<'a>(out: &mut Vec<u8>, text: &'a [u8]) -> Option<&'a [u8]> {
    let (&letter, rest) = text.split_first()?;
    let code = |len: usize, base: u32| -> Option<(u32, &'a [u8])> {
        let (digits, rest) = rest.split_at_checked(len)?;
        let value =
            digits.iter().try_fold(0u32, |sum, &c| sum.checked_mul(base)?.checked_add((c as char).to_digit(base)?))?;
        Some((value, rest))
    };
    let mut character = |len| {
        let (value, rest) = code(len, 16)?;
        let mut utf8 = [0; 4];
        out.extend_from_slice(char::from_u32(value)?.encode_utf8(&mut utf8).as_bytes());
        Some(rest)
    };
    let byte = match letter {
        b'u' => return character(4),
        b'U' => return character(8),
        b'x' => {
            let (value, rest) = code(2, 16)?;
            out.push(value as u8);
            return Some(rest);
        }
        b'0'..=b'7' => {
            let (digits, rest) = text.split_at_checked(3)?;
            let value = digits.iter().try_fold(0, |sum, &c| Some(sum * 8 + (c as char).to_digit(8)?))?;
            out.push(u8::try_from(value).ok()?);
            return Some(rest);
        }
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'"' | b'\\' => letter,
        _ => return None,
    };
    out.push(byte);
    Some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_quoted_as_go_quotes_them() {
        for (name, quoted) in [
            (&b"plain name.txt"[..], "plain name.txt"),
            (b"a\"b\\c", r#"a\"b\\c"#),
            (b"\x07\x08\x0c\n\r\t\x0b\x00\x1b\x7f", r"\a\b\f\n\r\t\v\x00\x1b\x7f"),
            ("größe 漢字 🎉".as_bytes(), "größe 漢字 🎉"),
            ("\u{a0}\u{ad}\u{200b}\u{2028}\u{e000}\u{fffd}".as_bytes(), "\\u00a0\\u00ad\\u200b\\u2028\\ue000\u{fffd}"),
            ("\u{e0001}\u{10ffff}\u{378}".as_bytes(), r"\U000e0001\U0010ffff\u0378"),
            (b"\xff\xc3(\xe2\x82", r"\xff\xc3(\xe2\x82"),
        ] {
            assert_eq!(display_name(name), quoted);
            assert_eq!(unquote(quoted).unwrap(), name);
        }
        let mut out = Vec::new();
        write_quoted(&mut out, b"<a&b>\n");
        assert_eq!(out, br"\u003ca\u0026b\u003e\\n");
    }

    #[test]
    fn escapes_that_go_does_not_know_are_refused() {
        assert_eq!(unquote(r"\101\x41A\U00000041").unwrap(), b"AAAA");
        for text in
            [r"\", r"\q", r"\'", r"\x4", r"\u004", r"\ud800", r"\U00110000", r"\400", r"\08", "\"", "\n", r"\x+4"]
        {
            assert_eq!(unquote(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_name_is_read_back(name: Vec<u8>) {
            prop_assert_eq!(unquote(&display_name(&name)).unwrap(), name);
        }
    }
}
