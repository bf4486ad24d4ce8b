//! Where everything lies in the shared memory, in words of 8 bytes.
//!
//! One page of control words, then the bytes of the up ring, then those of the down ring. Each control word has two
//! cache lines of its own, since processors fetch them in pairs.

use crate::record::MAX_RECORD;

/// Bytes of a word.
pub(crate) const WORD: usize = 8;
/// Words of the control page.
const CONTROL: usize = 4096 / WORD;
/// Words between two control words.
const LINE: usize = 128 / WORD;
/// Where the description is that the puller reads: three words.
pub(crate) const DESCRIPTION: usize = 16 * LINE;
/// The first word of the description.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"handovr1");
/// The smallest ring that is made: two of the largest records fit, with their headers.
const MIN_RING: usize = (4 * MAX_RECORD) / WORD;
/// The largest ring that is made: 1 GiB.
const MAX_RING: usize = (1 << 30) / WORD;

/// Words of each ring; powers of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) up: usize,
    pub(crate) down: usize,
}

/// One ring's places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Places {
    /// Words written so far; set by the writer.
    pub(crate) head: usize,
    /// Words read so far; set by the reader.
    pub(crate) tail: usize,
    /// Not 0 while the reader waits for anything.
    pub(crate) reader_waits: usize,
    /// While the writer waits: where the tail must be for it to go on. Otherwise 0.
    pub(crate) writer_waits: usize,
    /// First word of the ring.
    pub(crate) data: usize,
    /// Words of the ring.
    pub(crate) capacity: usize,
}

impl Layout {
    /// A layout with rings of at least so many bytes, within what is allowed.
    pub(crate) fn of_bytes(up: usize, down: usize) -> Self {
        let words = |bytes: usize| bytes.div_ceil(WORD).clamp(MIN_RING, MAX_RING).next_power_of_two();
        Self { up: words(up), down: words(down) }
    }

    /// The layout that a description tells, if it is one.
    pub(crate) fn of_description([magic, up, down]: [u64; 3]) -> Option<Self> {
        let words = |value: u64| {
            let value = usize::try_from(value).ok()?;
            (value.is_power_of_two() && value <= MAX_RING).then_some(value)
        };
        (magic == MAGIC).then_some(())?;
        Some(Self { up: words(up)?, down: words(down)? })
    }

    pub(crate) fn description(self) -> [u64; 3] {
        [MAGIC, self.up as u64, self.down as u64]
    }

    /// Words in all.
    pub(crate) fn words(self) -> usize {
        CONTROL + self.up + self.down
    }

    pub(crate) fn up_places(self) -> Places {
        Places::new(0, CONTROL, self.up)
    }

    pub(crate) fn down_places(self) -> Places {
        Places::new(4 * LINE, CONTROL + self.up, self.down)
    }
}

impl Places {
    fn new(control: usize, data: usize, capacity: usize) -> Self {
        let [head, tail, reader_waits, writer_waits] = [0, 1, 2, 3].map(|index| control + index * LINE);
        Self { head, tail, reader_waits, writer_waits, data, capacity }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_to_what_is_allowed() {
        let layout = Layout::of_bytes(0, 5 << 20);
        assert_eq!((layout.up * WORD, layout.down * WORD), (4 << 20, 8 << 20));
        assert_eq!(Layout::of_bytes(usize::MAX, 0).up * WORD, 1 << 30);
    }

    #[test]
    fn a_description_is_read_back() {
        let layout = Layout::of_bytes(16 << 20, 4 << 20);
        assert_eq!(Layout::of_description(layout.description()), Some(layout));
        for wrong in [[0, 512, 512], [MAGIC, 0, 512], [MAGIC, 3, 512], [MAGIC, 512, u64::MAX], [MAGIC, 512, 1 << 60]] {
            assert_eq!(Layout::of_description(wrong), None);
        }
    }

    #[test]
    fn nothing_overlaps() {
        let layout = Layout::of_bytes(0, 0);
        let (up, down) = (layout.up_places(), layout.down_places());
        let mut control: Vec<usize> = [up, down]
            .iter()
            .flat_map(|ring| [ring.head, ring.tail, ring.reader_waits, ring.writer_waits])
            .chain([DESCRIPTION])
            .collect();
        control.sort_unstable();
        assert!(control.windows(2).all(|pair| pair[1] - pair[0] >= LINE));
        assert!(DESCRIPTION + 3 <= up.data && up.data + up.capacity == down.data);
        assert_eq!(down.data + down.capacity, layout.words());
    }
}
