//! Which packs are read: none, all, or a part, spelled as restic spells it.

use std::str::FromStr;

use holdfast_model::repository::FirstBytes;
use holdfast_model::{Id, PackId, parse_size};

use super::packs::KnownPack;
use crate::crypto::fill_random;

/// Which packs a check reads to the last byte.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum ReadData {
    /// None.
    #[default]
    Nothing,
    /// All.
    Everything,
    /// The nth of so many parts: parts 1 to `of` are everything. By the first byte of the id, so at most 256.
    Part {
        /// From 1 on.
        part: u16,
        /// At most 256.
        of: u16,
    },
    /// Those whose ids begin with one of these bytes.
    FirstBytes(FirstBytes),
    /// So many percent of the packs, at random, and one at least.
    Percent(f64),
    /// Packs of so many bytes together, at random, and one at least.
    Bytes(u64),
}

/// A text that names no part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} says not which part of the data to read: \
     give `n/t` with n from 1 to t and t up to 256, a percentage like `2.5%`, or a size like `500M`"
)]
pub struct ParseReadDataError {
    text: String,
}

impl FromStr for ReadData {
    type Err = ParseReadDataError;

    fn from_str(text: &str) -> Result<Self, ParseReadDataError> {
        parse(text).ok_or_else(|| ParseReadDataError { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<ReadData> {
    if let Some((part, of)) = text.split_once('/') {
        let (part, of) = (part.parse().ok()?, of.parse().ok()?);
        return (1 <= part && part <= of && of <= 256).then_some(ReadData::Part { part, of });
    }
    if let Some(percent) = text.strip_suffix('%') {
        let percent: f64 = percent.parse().ok()?;
        return (percent > 0.0 && percent <= 100.0).then_some(ReadData::Percent(percent));
    }
    parse_size(text).ok().filter(|&bytes| bytes > 0).map(ReadData::Bytes)
}

impl ReadData {
    /// The packs to read of those that there are.
    pub(super) fn choose(self, mut packs: Vec<KnownPack>) -> Vec<KnownPack> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Everything => packs,
            Self::Part { part, of } => {
                packs.retain(|pack| u16::from(first_byte(pack.id)) % of == part - 1);
                packs
            }
            Self::FirstBytes(first) => {
                packs.retain(|pack| first.holds(first_byte(pack.id)));
                packs
            }
            Self::Percent(percent) => {
                shuffle(&mut packs);
                let count = (packs.len() as f64 * percent / 100.0) as usize;
                packs.truncate(count.max(1));
                packs
            }
            Self::Bytes(bytes) => {
                shuffle(&mut packs);
                let mut sum = 0;
                let count = packs.iter().take_while(|pack| {
                    sum += pack.size;
                    sum <= bytes
                });
                let count = count.count();
                packs.truncate(count.max(1));
                packs
            }
        }
    }
}

fn first_byte(id: PackId) -> u8 {
    Id::from(id).as_bytes()[0]
}

/// Fisher and Yates'. The bias of the remainder is below 2^-40.
fn shuffle(packs: &mut [KnownPack]) {
    for last in (1..packs.len()).rev() {
        let mut random = [0; 8];
        fill_random(&mut random);
        packs.swap(last, (u64::from_le_bytes(random) % (last as u64 + 1)) as usize);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn packs(count: u16) -> Vec<KnownPack> {
        let id = |i: u16| PackId::new(std::array::from_fn(|at| if at == 0 { i as u8 } else { (i >> 8) as u8 }));
        (0..count).map(|i| KnownPack { id: id(i), size: 100, blobs: 1 }).collect()
    }

    #[test]
    fn parts_are_spelled_as_restic_spells_them() {
        for (text, part) in [
            ("1/1", ReadData::Part { part: 1, of: 1 }),
            ("3/256", ReadData::Part { part: 3, of: 256 }),
            ("5%", ReadData::Percent(5.0)),
            ("0.1%", ReadData::Percent(0.1)),
            ("100%", ReadData::Percent(100.0)),
            ("500", ReadData::Bytes(500)),
            ("7k", ReadData::Bytes(7 << 10)),
            ("10G", ReadData::Bytes(10 << 30)),
        ] {
            assert_eq!(text.parse(), Ok(part));
        }
        for text in [
            "",
            "0/1",
            "2/1",
            "1/257",
            "1/",
            "/2",
            "0%",
            "101%",
            "x%",
            "NaN%",
            "0",
            "-1",
            "5x",
            "99999999999T",
            "1/2/3",
        ] {
            assert!(text.parse::<ReadData>().is_err(), "{text}");
        }
    }

    #[test]
    fn parts_together_are_everything_and_do_not_overlap() {
        let mut seen = HashSet::new();
        for part in 1..=7 {
            for pack in (ReadData::Part { part, of: 7 }).choose(packs(600)) {
                assert!(seen.insert(pack.id));
            }
        }
        assert_eq!(seen.len(), 600);
    }

    #[test]
    fn random_parts_have_their_size_and_at_least_one_pack() {
        assert_eq!(ReadData::Percent(25.0).choose(packs(200)).len(), 50);
        assert_eq!(ReadData::Percent(0.01).choose(packs(200)).len(), 1);
        assert_eq!(ReadData::Bytes(1_050).choose(packs(200)).len(), 10);
        assert_eq!(ReadData::Bytes(1).choose(packs(200)).len(), 1);
        assert_eq!(ReadData::Bytes(1 << 40).choose(packs(200)).len(), 200);
        assert!(ReadData::Percent(50.0).choose(vec![]).is_empty());
        assert!(ReadData::Nothing.choose(packs(5)).is_empty());
    }
}
