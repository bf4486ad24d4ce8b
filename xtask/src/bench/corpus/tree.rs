//! Trees of generated files: one like a program's source, one of very many very small files.
//!
//! The same plan gives the same names, bytes and modification times everywhere.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use holdfast_testkit::Prng;

use super::text::Text;
use crate::bench::interrupt::Interrupt;

/// How sizes are spread.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sizes {
    /// Many small and few large files, with this mean in bytes, as in source code.
    Skewed(u64),
    /// All sizes up to this one equally often.
    Even(u64),
}

/// A tree to be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) files: u64,
    /// Directories that hold files; they lie in groups of `group`.
    pub(super) dirs: u64,
    pub(super) group: u64,
    pub(super) sizes: Sizes,
}

/// Makes the tree in an existing directory.
pub(super) fn make(plan: &Plan, root: &Path, interrupt: &Interrupt) -> Result<()> {
    let text = Text::new(plan.seed);
    let mut prng = Prng::new(plan.seed);
    let mut buffer = Vec::new();
    let mut numbers = spread(plan.files, plan.dirs).into_iter();
    for dir in 0..plan.dirs {
        interrupt.check()?;
        let path = root.join(format!("group{:03}/part{:03}", dir / plan.group, dir % plan.group));
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        for number in 0..numbers.next().unwrap_or(0) {
            let length = plan.sizes.draw(&mut prng);
            text.fill(&mut prng, length as usize, &mut buffer);
            write(&path.join(format!("file{number:03}.txt")), &buffer, &mut prng)?;
        }
    }
    Ok(())
}

/// How many files each directory gets: one exactly 100, if there are enough, the others as equal as can be.
fn spread(files: u64, dirs: u64) -> Vec<u64> {
    let first = if files >= 200 && dirs > 1 && files / dirs < 100 { 100 } else { files.div_ceil(dirs.max(1)) };
    let (rest, others) = (files - first.min(files), dirs - 1);
    let share = |dir: u64| rest / others.max(1) + u64::from(dir < rest % others.max(1));
    std::iter::once(first).chain((0..others).map(share)).collect()
}

impl Sizes {
    fn draw(self, prng: &mut Prng) -> u64 {
        match self {
            Self::Even(most) => prng.below(most + 1),
            Self::Skewed(mean) => {
                // An exponential distribution, from halvings: no library's logarithm is the same everywhere.
                let halvings = u64::from(prng.next_u64().trailing_zeros().min(6));
                let step = mean * 7 / 10;
                halvings * step + prng.below(step.max(1))
            }
        }
    }
}

/// Writes a file with a modification time of its own, some years ago.
pub(super) fn write(path: &Path, bytes: &[u8], prng: &mut Prng) -> Result<()> {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000 + prng.below(90_000_000));
    File::create(path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.set_modified(time)
        })
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_spread_over_all_directories_and_one_has_a_hundred() {
        assert_eq!(spread(84_000, 5_600).iter().sum::<u64>(), 84_000);
        assert_eq!(spread(84_000, 5_600).iter().filter(|count| **count == 100).count(), 1);
        assert_eq!(spread(1_000_000, 50_000).iter().sum::<u64>(), 1_000_000);
        assert_eq!(spread(10, 3), [4, 3, 3]);
        assert_eq!(spread(5, 1), [5]);
    }

    #[test]
    fn skewed_sizes_have_about_the_mean_that_was_asked_for() {
        let mut prng = Prng::new(1);
        let mean = (0..20_000).map(|_| Sizes::Skewed(15_000).draw(&mut prng)).sum::<u64>() / 20_000;
        assert!((13_500..17_500).contains(&mean), "{mean}");
    }
}
