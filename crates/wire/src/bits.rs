//! A row of yes and no, as answers to a run of numbered questions.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::Violation;

/// `len` bits, the first in the lowest bit of the first byte.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bits {
    len: u32,
    bytes: ByteBuf,
}

impl Bits {
    /// How many answers there are.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is no answer.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The answer at `index`; `false` beyond the end.
    pub fn get(&self, index: usize) -> bool {
        index < self.len() && self.bytes.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1)
    }

    /// The answers in order.
    pub fn iter(&self) -> impl Iterator<Item = bool> + '_ {
        (0..self.len()).map(|index| self.get(index))
    }

    /// How many answers are yes.
    pub fn count_ones(&self) -> usize {
        self.bytes.iter().map(|byte| byte.count_ones() as usize).sum()
    }

    /// Whether the bytes are as many as the length says, and the unused bits of the last are 0: the check on what
    /// came from the other side.
    pub fn is_well_formed(&self) -> bool {
        let unused = match self.bytes.last() {
            Some(last) if !self.len.is_multiple_of(8) => last >> (self.len % 8),
            _ => 0,
        };
        self.bytes.len() == self.len().div_ceil(8) && unused == 0
    }

    pub(crate) fn validate(&self) -> Result<(), Violation> {
        if self.is_well_formed() {
            Ok(())
        } else {
            Err(Violation::Contradiction { what: "a row of answers has other bytes than its length says" })
        }
    }
}

impl FromIterator<bool> for Bits {
    fn from_iter<I: IntoIterator<Item = bool>>(answers: I) -> Self {
        let mut bits = Self::default();
        for answer in answers {
            if bits.len.is_multiple_of(8) {
                bits.bytes.push(0);
            }
            if let Some(last) = bits.bytes.last_mut() {
                *last |= u8::from(answer) << (bits.len % 8);
            }
            bits.len += 1;
        }
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_back_in_order() {
        let answers: Vec<bool> = (0..21).map(|i| i % 3 == 0).collect();
        let bits: Bits = answers.iter().copied().collect();
        assert!(bits.is_well_formed());
        assert_eq!(bits.iter().collect::<Vec<_>>(), answers);
        assert!(!bits.get(21));
        assert_eq!(bits.count_ones(), 7);
    }

    #[test]
    fn bytes_and_length_must_agree() {
        let bits = |len, bytes: &[u8]| Bits { len, bytes: ByteBuf::from(bytes) }.is_well_formed();
        assert!(bits(0, &[]) && bits(8, &[255]) && bits(9, &[255, 1]));
        assert!(!bits(0, &[0]) && !bits(8, &[]) && !bits(9, &[255]) && !bits(9, &[255, 2]) && !bits(u32::MAX, &[1]));
    }
}
