//! The pattern of one name: `*`, `?`, `[a-z]`, `[^a-z]` and `\`, as Go's `filepath.Match` takes them
//! (<https://pkg.go.dev/path/filepath#Match>).
//!
//! `?` and `[…]` stand for one character, where each byte that is not UTF-8 counts as one, as U+FFFD.
//! `*` may end within a character.

/// A pattern of one name.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Glob {
    /// Nothing in it is special.
    Literal(Vec<u8>),
    Chunks(Vec<Chunk>),
}

/// A stretch of a pattern up to the next `*`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chunk {
    /// Whether it comes after a `*`.
    star: bool,
    items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq)]
enum Item {
    Byte(u8),
    /// `?`
    Any,
    /// `[…]`
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Glob {
    /// `None` if the pattern is malformed. A pattern comes from UTF-8 text, split at `/`.
    pub(super) fn parse(pattern: &[u8]) -> Option<Self> {
        if !pattern.iter().any(|byte| b"\\[]*?".contains(byte)) {
            return Some(Self::Literal(pattern.to_vec()));
        }
        let mut chunks = Vec::new();
        let mut rest = pattern;
        while !rest.is_empty() {
            let stars = rest.iter().take_while(|&&byte| byte == b'*').count();
            let (chunk, after) = rest[stars..].split_at(chunk_len(&rest[stars..]));
            chunks.push(Chunk { star: stars > 0, items: parse_chunk(chunk)? });
            rest = after;
        }
        Some(Self::Chunks(chunks))
    }

    pub(super) fn matches(&self, name: &[u8]) -> bool {
        match self {
            Self::Literal(literal) => literal == name,
            Self::Chunks(chunks) => matches(chunks, name),
        }
    }
}

/// Each chunk is taken where it fits first, the last one where nothing is left over.
fn matches(chunks: &[Chunk], mut name: &[u8]) -> bool {
    for (i, chunk) in chunks.iter().enumerate() {
        let last = i + 1 == chunks.len();
        if chunk.star && chunk.items.is_empty() {
            return !name.contains(&b'/');
        }
        // A star takes no `/`, which is only in the name of the root.
        let reach = if chunk.star { name.iter().take_while(|&&byte| byte != b'/').count() } else { 0 };
        let fit = |skip: usize| chunk.fit(&name[skip..]).filter(|rest| !last || rest.is_empty());
        match (0..=reach).find_map(fit) {
            Some(rest) => name = rest,
            None => return false,
        }
    }
    name.is_empty()
}

impl Chunk {
    /// What is left of the name behind the chunk, if it begins with it.
    fn fit<'a>(&self, mut name: &'a [u8]) -> Option<&'a [u8]> {
        for item in &self.items {
            let (first, len) = first_character(name)?;
            let (fits, len) = match item {
                Item::Byte(byte) => (name[0] == *byte, 1),
                Item::Any => (first != '/', len),
                Item::Class { negated, ranges } => {
                    (ranges.iter().any(|(low, high)| (low..=high).contains(&&first)) != *negated, len)
                }
            };
            if !fits {
                return None;
            }
            name = &name[len..];
        }
        Some(name)
    }
}

/// The first character and its length, U+FFFD and 1 for a byte that is not UTF-8.
fn first_character(text: &[u8]) -> Option<(char, usize)> {
    let first = *text.first()?;
    if first.is_ascii() {
        return Some((char::from(first), 1));
    }
    let valid = text[..text.len().min(4)].utf8_chunks().next().map_or("", |chunk| chunk.valid());
    Some(valid.chars().next().map_or((char::REPLACEMENT_CHARACTER, 1), |c| (c, c.len_utf8())))
}

/// The length up to the next `*` that is neither escaped nor between brackets.
fn chunk_len(pattern: &[u8]) -> usize {
    let (mut at, mut bracket) = (0, false);
    while let Some(byte) = pattern.get(at) {
        match byte {
            b'*' if !bracket => return at,
            b'\\' => at += 1,
            b'[' => bracket = true,
            b']' => bracket = false,
            _ => {}
        }
        at += 1;
    }
    pattern.len()
}

fn parse_chunk(mut chunk: &[u8]) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    while let Some((&byte, rest)) = chunk.split_first() {
        chunk = rest;
        items.push(match byte {
            b'[' => parse_class(&mut chunk)?,
            b'?' => Item::Any,
            b'\\' => Item::Byte(*chunk.split_off_first()?),
            _ => Item::Byte(byte),
        });
    }
    Some(items)
}

/// Reads a class behind its `[`.
fn parse_class(chunk: &mut &[u8]) -> Option<Item> {
    let negated = chunk.starts_with(b"^");
    *chunk = &chunk[usize::from(negated)..];
    let mut ranges = Vec::new();
    loop {
        if chunk.starts_with(b"]") && !ranges.is_empty() {
            *chunk = &chunk[1..];
            return Some(Item::Class { negated, ranges });
        }
        let low = class_character(chunk)?;
        let mut high = low;
        if chunk.starts_with(b"-") {
            *chunk = &chunk[1..];
            high = class_character(chunk)?;
        }
        ranges.push((low, high));
    }
}

/// Reads a character of a class, behind which the class must go on.
fn class_character(chunk: &mut &[u8]) -> Option<char> {
    if chunk.starts_with(b"-") || chunk.starts_with(b"]") {
        return None;
    }
    *chunk = chunk.strip_prefix(b"\\").unwrap_or(chunk);
    let (c, len) = first_character(chunk)?;
    *chunk = &chunk[len..];
    (!chunk.is_empty()).then_some(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(pattern: &str, name: &[u8]) -> bool {
        Glob::parse(pattern.as_bytes()).unwrap().matches(name)
    }

    #[test]
    fn a_star_takes_any_bytes() {
        for (pattern, name, matches) in [
            ("*", "", true),
            ("a*", "a", true),
            ("a*c", "abc", true),
            ("a*c", "abcb", false),
            ("*a*b*", "xaxbx", true),
            ("*a*b*", "xbxax", false),
            ("*.log", ".log", true),
            ("a**c", "abc", true),
            ("*ab", "aab", true),
            ("*", "/", false),
        ] {
            assert_eq!(glob(pattern, name.as_bytes()), matches, "{pattern} {name}");
        }
        assert!(glob("*\u{e9}", b"\xff\xc3\xa9"));
    }

    #[test]
    fn classes_and_question_marks_take_one_character() {
        for (pattern, name, matches) in [
            ("?", "é", true),
            ("?", "ab", false),
            ("?", "", false),
            ("[a-c]", "b", true),
            ("[^a-c]", "b", false),
            ("[^a-c]", "é", true),
            ("[à-ï]x", "éx", true),
            ("[]", "x", false),
            ("[\\]a]", "]", true),
            ("[\\-x]", "-", true),
            ("[x-]", "-", false),
            ("[c-a]", "b", false),
            ("[[]", "[", true),
            ("[!a]", "!", true),
            ("[*]", "*", true),
            ("[*]", "a", false),
        ] {
            match Glob::parse(pattern.as_bytes()) {
                Some(glob) => assert_eq!(glob.matches(name.as_bytes()), matches, "{pattern} {name}"),
                None => assert!(["[]", "[x-]"].contains(&pattern), "{pattern}"),
            }
        }
        assert!(glob("a?b", b"a\xffb"), "a byte that is not UTF-8 counts as a character");
        assert!(glob("a[\u{fffd}]b", b"a\xffb"), "and looks like this one");
    }

    #[test]
    fn a_backslash_takes_the_meaning_away() {
        assert!(glob("\\*", b"*") && !glob("\\*", b"a"));
        assert!(glob("a\\bc", b"abc"));
        assert!(glob("]", b"]"));
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for pattern in ["[", "[a", "[]", "[^]", "[]a]", "[a-]", "[-a]", "a\\", "[a\\", "*[", "[a-", "x[]*", "[.-][0-9]"]
        {
            assert_eq!(Glob::parse(pattern.as_bytes()), None, "{pattern}");
        }
    }
}
