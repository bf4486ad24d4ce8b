//! A reader of JSON that borrows everything and builds nothing, for index files and for what trees refer to.
//!
//! Invariant: it never reads outside its input, and nesting deeper than 32 is an error, so hostile input can exhaust
//! neither memory nor stack. It accepts all that RFC 8259 allows, and a little more inside values that it passes over.
//! What the fields mean is not known here.

/// Deepest nesting of a value that is passed over.
const MAX_DEPTH: u32 = 32;

/// The text is not the JSON that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {at}")]
pub struct SyntaxError {
    /// Where, in bytes from the start of the plaintext.
    pub at: usize,
    /// What should have been there.
    pub expected: &'static str,
}

pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn error(&self, expected: &'static str) -> SyntaxError {
        SyntaxError { at: self.at, expected }
    }

    /// Whether the next byte that is no white space is this one. It stays unread.
    pub(crate) fn next_is(&mut self, byte: u8) -> bool {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.bytes.get(self.at) == Some(&byte)
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.next_is(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), SyntaxError> {
        if self.take(byte) { Ok(()) } else { Err(self.error(expected)) }
    }

    /// Nothing but white space follows.
    pub(crate) fn end(&mut self) -> Result<(), SyntaxError> {
        self.next_is(0);
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.error("the end")) }
    }

    /// An object; `field` is called behind each key and must read the value.
    pub(crate) fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, &'a [u8]) -> Result<(), SyntaxError>,
    ) -> Result<(), SyntaxError> {
        self.expect(b'{', "an object")?;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let key = self.string()?;
            self.expect(b':', "a colon")?;
            field(self, key)?;
            if self.take(b'}') {
                return Ok(());
            }
            self.expect(b',', "a comma or the end of the object")?;
        }
    }

    /// An array; `item` must read one value.
    pub(crate) fn array(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), SyntaxError>,
    ) -> Result<(), SyntaxError> {
        self.expect(b'[', "an array")?;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.take(b']') {
                return Ok(());
            }
            self.expect(b',', "a comma or the end of the array")?;
        }
    }

    /// An array, or `null` for an empty one, as Go writes it.
    pub(crate) fn nullable_array(
        &mut self,
        item: impl FnMut(&mut Self) -> Result<(), SyntaxError>,
    ) -> Result<(), SyntaxError> {
        if self.next_is(b'n') { self.literal(b"null") } else { self.array(item) }
    }

    /// What stands between two quotes, escapes left as they are.
    pub(crate) fn string(&mut self) -> Result<&'a [u8], SyntaxError> {
        self.expect(b'"', "a string")?;
        let start = self.at;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => return Err(self.error("the end of a string")),
            }
        }
        self.at += 1;
        Ok(&self.bytes[start..self.at - 1])
    }

    /// 64 hexadecimal digits.
    pub(crate) fn id(&mut self) -> Result<[u8; 32], SyntaxError> {
        let error = self.error("an id of 64 hexadecimal digits");
        let text: &[u8; 64] = self.string()?.try_into().map_err(|_| error)?;
        let mut id = [0; 32];
        let mut bad = 0;
        for (byte, pair) in id.iter_mut().zip(text.chunks_exact(2)) {
            let (high, low) = (DIGIT[usize::from(pair[0])], DIGIT[usize::from(pair[1])]);
            bad |= high | low;
            *byte = high << 4 | low & 15;
        }
        if bad & BAD == 0 { Ok(id) } else { Err(error) }
    }

    /// A whole number below 2^32.
    pub(crate) fn number(&mut self) -> Result<u32, SyntaxError> {
        let error = self.error("a whole number below 2^32");
        self.next_is(b'0');
        let start = self.at;
        let mut number = 0u32;
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(self.at) {
            let digit = u32::from(digit - b'0');
            number = number.checked_mul(10).and_then(|n| n.checked_add(digit)).ok_or(error)?;
            self.at += 1;
        }
        let more = matches!(self.bytes.get(self.at), Some(b'.' | b'e' | b'E'));
        if self.at == start || more { Err(error) } else { Ok(number) }
    }

    /// A whole number below 2^32, or `null` for 0.
    pub(crate) fn nullable_number(&mut self) -> Result<u32, SyntaxError> {
        if self.next_is(b'n') { self.literal(b"null").map(|()| 0) } else { self.number() }
    }

    fn literal(&mut self, literal: &'static [u8]) -> Result<(), SyntaxError> {
        if !self.bytes[self.at..].starts_with(literal) {
            return Err(self.error("a JSON value"));
        }
        self.at += literal.len();
        Ok(())
    }

    /// Passes over one value of any kind.
    pub(crate) fn skip(&mut self) -> Result<(), SyntaxError> {
        self.skip_at(0)
    }

    fn skip_at(&mut self, depth: u32) -> Result<(), SyntaxError> {
        if depth > MAX_DEPTH {
            return Err(self.error("less nesting"));
        }
        self.next_is(b'{');
        match self.bytes.get(self.at) {
            Some(b'{') => self.object(|cursor, _| cursor.skip_at(depth + 1)),
            Some(b'[') => self.array(|cursor| cursor.skip_at(depth + 1)),
            Some(b'"') => self.string().map(|_| ()),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            Some(b'-' | b'0'..=b'9') => {
                while let Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') = self.bytes.get(self.at) {
                    self.at += 1;
                }
                Ok(())
            }
            _ => Err(self.error("a JSON value")),
        }
    }
}

const BAD: u8 = 0x80;

/// The value of each hexadecimal digit, [`BAD`] for every other byte.
static DIGIT: [u8; 256] = {
    let mut table = [BAD; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value] as usize] = value as u8;
        table[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    table
};
