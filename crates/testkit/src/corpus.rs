//! The files that the regression guard counts with: the same names and bytes each time.

use std::path::PathBuf;

use crate::{Prng, Tree};

/// Directories at the top, directories in each of them, and files in each of all these.
const SHAPE: (u64, u64, u64) = (20, 9, 10);
/// Small files are shorter than this, in bytes; none is empty, because those cost less.
const SMALL: u64 = 3_000;
/// The larger file, in bytes: many chunks, and small enough to fit into every window.
const LARGE: u64 = 12 << 20;

/// Some 2,000 small files in 200 directories and one larger file.
#[derive(Debug)]
pub struct Corpus {
    /// Where they are.
    pub tree: Tree,
    /// Regular files.
    pub files: u64,
    /// Directories, the root among them.
    pub dirs: u64,
    /// Bytes in the files.
    pub bytes: u64,
}

impl Corpus {
    /// Makes the files in this directory.
    pub fn create(root: impl Into<PathBuf>) -> Self {
        let tree = Tree::create(root);
        tree.random_file("large", LARGE, 12);
        let mut corpus = Self { tree, files: 1, dirs: 1, bytes: LARGE };
        let mut random = Prng::new(11);
        for outer in 0..SHAPE.0 {
            for inner in 0..=SHAPE.1 {
                let dir = if inner == 0 { format!("{outer:02}") } else { format!("{outer:02}/{inner}") };
                corpus.dirs += 1;
                for number in 0..SHAPE.2 {
                    let length = 1 + random.below(SMALL);
                    corpus.tree.file(format!("{dir}/{number}.txt"), random.text(length as usize));
                    corpus.files += 1;
                    corpus.bytes += length;
                }
            }
        }
        corpus
    }

    /// The root as text.
    pub fn path(&self) -> &str {
        self.tree.root().to_str().expect("a path in UTF-8")
    }

    /// Directories on the way to the root: a backup stores those too.
    pub fn way(&self) -> u64 {
        self.tree.root().ancestors().count() as u64 - 1
    }
}
