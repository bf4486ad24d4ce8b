//! Large files: one that nothing compresses, and a sparse disk image.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};
use holdfast_testkit::Prng;

use super::text::Text;
use crate::bench::interrupt::Interrupt;

/// What a file system allocates, in bytes.
pub(super) const BLOCK: u64 = 4096;

/// A disk image to be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Image {
    pub(super) seed: u64,
    /// Its size, in bytes: most of it holes.
    pub(super) size: u64,
}

/// Of so many blocks one holds data.
const SPARSENESS: u64 = 4;

/// The longest run of data, in blocks.
const EXTENT: u64 = 512;

/// Writes so many random bytes.
pub(super) fn make_blob(seed: u64, size: u64, path: &Path, interrupt: &Interrupt) -> Result<()> {
    let file = File::create(path).with_context(|| format!("cannot make {}", path.display()))?;
    let mut prng = Prng::new(seed);
    let mut buffer = vec![0; 1 << 20];
    let mut at = 0;
    while at < size {
        interrupt.check()?;
        let part = &mut buffer[..(size - at).min(1 << 20) as usize];
        prng.fill(part);
        file.write_all_at(part, at).with_context(|| format!("cannot write {}", path.display()))?;
        at += part.len() as u64;
    }
    Ok(())
}

/// Writes the image: runs of data, two thirds of them text and one third random, and holes between them.
pub(super) fn make_image(image: &Image, path: &Path, interrupt: &Interrupt) -> Result<()> {
    let file = File::create(path).with_context(|| format!("cannot make {}", path.display()))?;
    file.set_len(image.size).with_context(|| format!("cannot make {} so large", path.display()))?;
    let text = Text::new(image.seed);
    let mut prng = Prng::new(image.seed);
    let mut buffer = Vec::new();
    for (start, blocks) in extents(image) {
        interrupt.check()?;
        let length = (blocks * BLOCK) as usize;
        if prng.below(3) < 2 {
            text.fill(&mut prng, length, &mut buffer);
        } else {
            buffer.resize(length, 0);
            prng.fill(&mut buffer);
        }
        file.write_all_at(&buffer, start * BLOCK).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Where data lies: first block and number of blocks.
pub(super) fn extents(image: &Image) -> impl Iterator<Item = (u64, u64)> {
    let mut prng = Prng::new(image.seed ^ 0xe7e7);
    let blocks = image.size / BLOCK;
    let mut at = 0;
    std::iter::from_fn(move || {
        let hole = prng.below(2 * EXTENT * (SPARSENESS - 1));
        let length = 1 + prng.below(2 * EXTENT);
        let start = at + hole;
        at = start + length;
        (at <= blocks).then_some((start, length))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_a_quarter_of_an_image_holds_data() {
        let image = Image { seed: 1, size: 8 << 30 };
        let data: u64 = extents(&image).map(|(_, blocks)| blocks * BLOCK).sum();
        assert!((1_900 << 20..2_200 << 20).contains(&data), "{data}");
    }
}
