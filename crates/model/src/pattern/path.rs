//! Paths as bytes: cleaning, splitting, small letters. By the rules of Go's `path/filepath` and `strings`, which
//! restic uses.

/// The shortest equal path: no empty component, no `.`, and no `..` but at the beginning of a relative one.
pub(super) fn clean(path: &[u8]) -> Vec<u8> {
    let absolute = path.starts_with(b"/");
    let mut kept: Vec<&[u8]> = Vec::new();
    for component in path.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." if kept.last().is_some_and(|last| *last != b"..") => drop(kept.pop()),
            b".." if absolute => {}
            _ => kept.push(component),
        }
    }
    let clean = kept.join(&b'/');
    match (absolute, clean.is_empty()) {
        (true, _) => [b"/", clean.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => clean,
    }
}

/// The components; that of the root is `/`.
pub(super) fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut first = true;
    path.split(|&byte| byte == b'/')
        .map(move |component| if std::mem::take(&mut first) && component.is_empty() { b"/" } else { component })
}

/// In small letters, character by character. As in Go, each byte that is not UTF-8 becomes U+FFFD.
pub(super) fn lowercase(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut lower = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        // One character becomes one: of all, only U+0130 has two (`i` and a dot above), and Go takes the first.
        lower.extend(chunk.valid().chars().map(|c| c.to_lowercase().next().unwrap_or(c)));
        lower.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    lower.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean_text(path: &str) -> String {
        String::from_utf8(clean(path.as_bytes())).unwrap()
    }

    #[test]
    fn a_clean_path_has_nothing_to_leave_out() {
        for (path, cleaned) in [
            ("", "."),
            ("/", "/"),
            ("//", "/"),
            ("./a/.", "a"),
            ("a//b/", "a/b"),
            ("/a/../../b", "/b"),
            ("../../a/..", "../.."),
            ("a/../..", ".."),
            ("/..", "/"),
        ] {
            assert_eq!(clean_text(path), cleaned, "{path}");
        }
    }

    #[test]
    fn components_of_an_absolute_path_begin_with_the_root() {
        assert_eq!(components(b"/a/b").collect::<Vec<_>>(), [b"/".as_slice(), b"a", b"b"]);
        assert_eq!(components(b"a/b").collect::<Vec<_>>(), [b"a".as_slice(), b"b"]);
        assert_eq!(components(b"/").collect::<Vec<_>>(), [b"/".as_slice(), b""]);
    }

    #[test]
    fn small_letters_are_found_for_each_character() {
        assert_eq!(lowercase(b"AbC/[X]"), b"abc/[x]");
        assert_eq!(lowercase("ÄÖÜ ΣΑΣ İ".as_bytes()), "äöü σασ i".as_bytes());
        assert_eq!(lowercase(b"A\xff\xe2\x82B"), "a\u{fffd}\u{fffd}\u{fffd}b".as_bytes());
    }
}
