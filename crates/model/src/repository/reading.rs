//! Which data of a repository a check reads, so that all of it is read again and again within some days.
//!
//! Packs are taken by the first byte of their ids, which spreads them evenly: 256 parts in a ring, the longest unread first. Only
//! what was read counts. However late or seldom checks are, or however many fail, the next one reads what would else be too old
//! before the one after it.

use serde::{Deserialize, Serialize};

use crate::Time;

/// Packs by the first byte of their ids: so many bytes in a row, 0 after 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FirstBytes {
    /// The first.
    pub from: u8,
    /// How many, at most 256.
    pub count: u16,
}

/// All parts of the ring.
const ALL: u16 = 256;

impl FirstBytes {
    /// All packs.
    pub const ALL: Self = Self { from: 0, count: ALL };

    /// Whether packs with this first byte are among them.
    pub const fn holds(self, first: u8) -> bool {
        (first.wrapping_sub(self.from) as u16) < self.count
    }
}

/// What was read when, around the ring.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Reading {
    /// Where the ring goes on: what follows was not read for longest.
    pub next: u8,
    /// From there on, how many were read when. Nothing was ever, if there are none.
    pub read: Vec<ReadAt>,
}

/// So many parts were read at one time, or are counted from then on because nothing was read of them yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReadAt {
    /// How many.
    pub count: u16,
    /// When.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub at: Time,
}

impl Reading {
    /// Begins to count: from now on there is so much time for all.
    pub fn begin(&mut self, now: Time) {
        if self.read.is_empty() {
            self.read.push(ReadAt { count: ALL, at: now });
        }
    }

    /// What a check reads, so that nothing gets older than `oldest` and no check reads much more than another. `checks_until`
    /// tells how many checks there are until some time, this one among them.
    pub fn part(&self, oldest: std::time::Duration, checks_until: impl Fn(Time) -> u16) -> FirstBytes {
        let (mut count, mut unread) = (1, 0);
        for read in &self.read {
            unread += read.count;
            let until = read.at.checked_add(oldest).unwrap_or(Time::MAX);
            count = count.max(unread.div_ceil(checks_until(until).max(1)));
        }
        FirstBytes { from: self.next, count: if self.read.is_empty() { ALL } else { count.min(ALL) } }
    }

    /// Whether all was read since some time.
    pub fn is_all_since(&self, since: Time) -> bool {
        !self.read.is_empty() && self.read.iter().all(|read| read.at >= since)
    }

    /// Notes what was read. What is not what the ring goes on with, nor all, does not count.
    pub fn note(&mut self, part: FirstBytes, at: Time) {
        let count = part.count.min(ALL);
        if count == ALL {
            self.read = vec![ReadAt { count, at }];
            return;
        }
        if part.from != self.next {
            return;
        }
        self.begin(at);
        let mut rest = count;
        for read in &mut self.read {
            let gone = read.count.min(rest);
            read.count -= gone;
            rest -= gone;
        }
        self.read.retain(|read| read.count > 0);
        match self.read.last_mut() {
            Some(last) if last.at == at => last.count += count,
            _ => self.read.push(ReadAt { count, at }),
        }
        self.next = self.next.wrapping_add(count as u8);
    }

    /// When what was not read for longest was read.
    pub fn oldest(&self) -> Option<Time> {
        self.read.iter().map(|read| read.at).min()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400;

    fn day(number: i64) -> Time {
        Time::from_second(1_800_000_000 + number * DAY).unwrap()
    }

    fn days(number: u64) -> std::time::Duration {
        std::time::Duration::from_secs(number * DAY as u64)
    }

    #[test]
    fn a_row_of_first_bytes_goes_around() {
        let part = FirstBytes { from: 250, count: 10 };
        assert!([250, 255, 0, 3].into_iter().all(|first| part.holds(first)));
        assert!([249, 4, 128].into_iter().all(|first| !part.holds(first)));
        assert!((0..=255).all(|first| FirstBytes::ALL.holds(first)));
    }

    #[test]
    fn what_was_not_the_next_does_not_count_and_all_counts_always() {
        let mut reading = Reading::default();
        reading.begin(day(0));
        reading.note(FirstBytes { from: 7, count: 9 }, day(1));
        assert_eq!(reading.oldest(), Some(day(0)));
        reading.note(FirstBytes { from: 0, count: 9 }, day(1));
        assert_eq!((reading.next, reading.read.len()), (9, 2));
        reading.note(FirstBytes::ALL, day(2));
        assert_eq!((reading.oldest(), reading.read.len()), (Some(day(2)), 1));
    }

    proptest! {
        /// Checks every so many days, of which some fail or never come: held against when each part was read last.
        #[test]
        fn nothing_gets_older_than_it_may_but_for_what_fails(
            every in 1_i64..40,
            within in 1_u64..120,
            fails in prop::collection::vec(prop::bool::weighted(0.2), 200),
        ) {
            let mut reading = Reading::default();
            reading.begin(day(0));
            let mut last_read = [0_i64; 256];
            let mut lost = 0;
            for (nth, fails) in (1..).zip(fails) {
                let now = nth * every;
                let until = |time: Time| {
                    u16::try_from(((time.as_second() - day(now).as_second()) / (every * DAY) + 1).max(1)).unwrap()
                };
                let part = reading.part(days(within), until);
                lost = if fails { lost + 1 } else { 0 };
                if fails {
                    continue;
                }
                prop_assert!(part.count >= 1);
                for first in 0..=255_u8 {
                    if part.holds(first) {
                        last_read[usize::from(first)] = now;
                    }
                }
                reading.note(part, day(now));
                prop_assert_eq!(reading.read.iter().map(|read| read.count).sum::<u16>(), 256);
                // After a check that has read, nothing is older than it may be when the next one comes.
                let next = now + every;
                let oldest = *last_read.iter().min().unwrap();
                prop_assert!(
                    next - oldest <= (within as i64).max(every), "{oldest} is too old on {next}: {reading:?}"
                );
                prop_assert_eq!(reading.oldest(), Some(day(oldest)));
            }
        }
    }
}
