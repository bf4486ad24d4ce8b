//! JSON as Go's `encoding/json` writes it, byte for byte, because ids are hashes of it.
//!
//! It differs from serde_json's own by escaping `<`, `>`, `&`, U+2028 and U+2029 in strings. What the documents mean
//! is not known here.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Formatter;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The document for a value whose fields serialize in the order in which they must stand.
pub(crate) fn to_vec<T: Serialize>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    value
        .serialize(&mut serde_json::Serializer::with_formatter(&mut out, GoFormatter))
        .expect("our types have string keys and writing to memory cannot fail");
    out
}

/// Appends a string with its quotes.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    write_escaped(out, text);
    out.push(b'"');
}

/// Appends a string with its quotes; each byte that is not part of UTF-8 becomes U+FFFD, spelled as an escape.
pub(crate) fn write_lossy_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        write_escaped(out, chunk.valid());
        for _ in chunk.invalid() {
            out.extend_from_slice(b"\\ufffd");
        }
    }
    out.push(b'"');
}

/// Appends the inside of a string.
pub(crate) fn write_escaped(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut done = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if !is_special(byte) {
            continue;
        }
        let len = if byte == 0xe2 {
            if !matches!(bytes[at..], [_, 0x80, 0xa8 | 0xa9, ..]) {
                continue;
            }
            3
        } else {
            1
        };
        out.extend_from_slice(&bytes[done..at]);
        done = at + len;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0xe2 => out.extend_from_slice(if bytes[at + 2] == 0xa8 { b"\\u2028" } else { b"\\u2029" }),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
    }
    out.extend_from_slice(&bytes[done..]);
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&' | 0xe2)
}

struct GoFormatter;

impl Formatter for GoFormatter {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut escaped = Vec::new();
        write_escaped(&mut escaped, fragment);
        writer.write_all(&escaped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_go_escapes_them() {
        let text = "a\"b\\c<d>&e\u{2028}\u{2029}\u{2027}ä\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}/";
        let go = r#""a\"b\\c\u003cd\u003e\u0026e\u2028\u2029‧ä\b\f\n\r\t\u0001\u001f/""#.replace("\u{7f}", "");
        let go = go.replace("/\"", "\u{7f}/\"");
        assert_eq!(String::from_utf8(to_vec(&text)).unwrap(), go);
        let mut out = Vec::new();
        write_string(&mut out, text);
        assert_eq!(String::from_utf8(out).unwrap(), go);
    }

    #[test]
    fn bytes_that_are_not_utf8_become_the_replacement_character() {
        let mut out = Vec::new();
        write_lossy_string(&mut out, b"a\xff\xe2\x82b");
        assert_eq!(out, br#""a\ufffd\ufffd\ufffdb""#);
    }
}
