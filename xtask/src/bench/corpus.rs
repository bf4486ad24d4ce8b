//! What is backed up: corpora that everybody can make again, kept between runs and used again while their stamp fits.
//!
//! While a corpus is changed it has no stamp: after an interruption it is made anew, never used as it is.

mod change;
mod disk;
mod kernel;
pub(crate) mod scan;
mod text;
mod tree;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::interrupt::Interrupt;
use super::room;
pub(crate) use change::Undo;
use disk::Image;
use scan::Extent;
use tree::{Plan, Sizes};

/// Raised when a corpus is made in another way: what is there from before no longer fits.
const RECIPE: u32 = 1;

const IMAGE: Image = Image { seed: 3, size: 8 << 30 };

/// One of the corpora.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Corpus {
    /// A kernel's source, or a generated tree of the same size.
    Source,
    /// A tenth of that, generated.
    SmallSource,
    /// 2 GiB that do not compress.
    Blob,
    /// A sparse disk image of 8 GiB.
    Image,
    /// A million small files.
    Many,
    /// A hundred thousand of the same kind.
    Fewer,
}

impl Corpus {
    const ALL: [Self; 6] = [Self::Source, Self::SmallSource, Self::Blob, Self::Image, Self::Many, Self::Fewer];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::SmallSource => "source-small",
            Self::Blob => "blob",
            Self::Image => "image",
            Self::Many => "many",
            Self::Fewer => "many-100k",
        }
    }

    /// What the corpus itself takes, in bytes, files' administration included.
    fn size(self) -> u64 {
        match self {
            Self::Source => 1_800 << 20,
            Self::SmallSource => 200 << 20,
            Self::Blob => 2_050 << 20,
            Self::Image => 2_200 << 20,
            Self::Many => 5_200 << 20,
            Self::Fewer => 520 << 20,
        }
    }
}

/// What the repositories of five programs, and what is restored, take beside a corpus, in bytes.
fn beside(corpus: Corpus) -> u64 {
    match corpus {
        Corpus::Source => 4 << 30,
        Corpus::SmallSource => 700 << 20,
        // One repository at a time, and the restored file.
        Corpus::Blob => 4200 << 20,
        Corpus::Image => 3500 << 20,
        Corpus::Many => 6 << 30,
        Corpus::Fewer => 500 << 20,
    }
}

/// A corpus that is there.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) corpus: Corpus,
    /// What is backed up: a directory.
    pub(crate) path: PathBuf,
    pub(crate) description: String,
    pub(crate) extent: Extent,
}

#[derive(Debug, Serialize, Deserialize)]
struct Stamp {
    recipe: u32,
    description: String,
    extent: Extent,
}

/// The folder of all corpora.
pub(crate) struct Corpora<'a> {
    pub(crate) root: PathBuf,
    pub(crate) interrupt: &'a Interrupt,
}

impl Corpora<'_> {
    /// The corpus; made if it is not there. What works with it need must have room as well; other corpora go if they
    /// are in the way.
    pub(crate) fn ensure(&self, corpus: Corpus) -> Result<Made> {
        let path = self.root.join(corpus.name());
        if let Some(stamp) = self.stamp(corpus) {
            self.make_room(corpus, beside(corpus))?;
            return Ok(Made { corpus, path, description: stamp.description, extent: stamp.extent });
        }
        remove(&path)?;
        self.make_room(corpus, corpus.size() + beside(corpus))?;
        eprintln!("making the corpus `{}` in {}", corpus.name(), path.display());
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let description = self.make(corpus, &path)?;
        let extent = scan::extent(&path)?;
        let stamp = Stamp { recipe: RECIPE, description, extent };
        self.write_stamp(corpus, &stamp)?;
        eprintln!("{}: {} files, {} MB", stamp.description, extent.files, extent.bytes / 1_000_000);
        Ok(Made { corpus, path, description: stamp.description, extent })
    }

    fn make(&self, corpus: Corpus, path: &Path) -> Result<String> {
        let interrupt = self.interrupt;
        let generated = |plan: Plan| tree::make(&plan, path, interrupt);
        let sources = |files, dirs| Plan { seed: 1, files, dirs, group: 100, sizes: Sizes::Skewed(15_500) };
        let small = |files| Plan { seed: 2, files, dirs: files / 20, group: 100, sizes: Sizes::Even(4096) };
        match corpus {
            Corpus::Source => match kernel::make(path, &self.root.join("apt")) {
                Ok(description) => return Ok(description),
                Err(error) => {
                    interrupt.check()?;
                    eprintln!("no kernel source to be had ({error:#}): a generated tree takes its place");
                    remove(path)?;
                    std::fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
                    generated(sources(84_000, 5_600))?;
                }
            },
            Corpus::SmallSource => generated(sources(8_400, 560))?,
            Corpus::Blob => disk::make_blob(4, 2 << 30, &path.join("blob"), interrupt)?,
            Corpus::Image => disk::make_image(&IMAGE, &path.join("image"), interrupt)?,
            Corpus::Many => generated(small(1_000_000))?,
            Corpus::Fewer => generated(small(100_000))?,
        }
        Ok(match corpus {
            Corpus::Source | Corpus::SmallSource => "generated text files, sizes as in source code",
            Corpus::Blob => "one file of random bytes",
            Corpus::Image => "a sparse disk image, a quarter of it data",
            Corpus::Many | Corpus::Fewer => "generated files of 0 to 4 KiB, 20 in each directory",
        }
        .to_owned())
    }

    /// Changes the corpus in place. Without the undo it counts as broken.
    pub(crate) fn change(&self, made: &Made, seed: u64) -> Result<Change> {
        let stamp = self.stamp_path(made.corpus);
        let aside = self.root.join(format!("aside-{seed}"));
        // Only the first of several changes finds one.
        let _ = std::fs::remove_file(&stamp);
        remove(&aside)?;
        let undo = match made.corpus {
            Corpus::Blob => bail!("nothing changes the corpus `blob`"),
            Corpus::Image => change::image(&IMAGE, &made.path.join("image"), &aside, seed)?,
            _ => change::tree(&made.path, &aside, seed)?,
        };
        Ok(Change { undos: vec![undo] })
    }

    /// Takes all changes back; the corpus is whole again.
    pub(crate) fn take_back(&self, made: &Made, change: Change) -> Result<()> {
        for undo in change.undos.into_iter().rev() {
            undo.undo()?;
        }
        let stamp = Stamp { recipe: RECIPE, description: made.description.clone(), extent: made.extent };
        self.write_stamp(made.corpus, &stamp)
    }

    fn stamp_path(&self, corpus: Corpus) -> PathBuf {
        self.root.join(format!("{}.stamp", corpus.name()))
    }

    fn stamp(&self, corpus: Corpus) -> Option<Stamp> {
        let text = std::fs::read(self.stamp_path(corpus)).ok()?;
        serde_json::from_slice::<Stamp>(&text).ok().filter(|stamp| stamp.recipe == RECIPE)
    }

    fn write_stamp(&self, corpus: Corpus, stamp: &Stamp) -> Result<()> {
        let path = self.stamp_path(corpus);
        let text = serde_json::to_vec(stamp).context("a stamp is plain data")?;
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Lets other corpora go, the largest first, until there is room for so many bytes.
    fn make_room(&self, keep: Corpus, bytes: u64) -> Result<()> {
        let mut others: Vec<Corpus> = Corpus::ALL.into_iter().filter(|other| *other != keep).collect();
        others.sort_by_key(|other| other.size());
        while room::free(&self.root)? < bytes {
            let Some(other) = others.pop() else {
                let (needed, dir) = (bytes >> 20, self.root.display());
                bail!("{needed} MiB are needed for `{}` in {dir}: name another folder with --dir", keep.name());
            };
            let path = self.root.join(other.name());
            if path.exists() {
                eprintln!("removing the corpus `{}` to make room", other.name());
                let _ = std::fs::remove_file(self.stamp_path(other));
                remove(&path)?;
            }
        }
        Ok(())
    }
}

/// Changes to a corpus that are to be taken back.
pub(crate) struct Change {
    undos: Vec<Undo>,
}

impl Change {
    /// This change and, after it, another one.
    pub(crate) fn and(&mut self, other: Self) {
        self.undos.extend(other.undos);
    }
}

/// Removes a tree if it is there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
