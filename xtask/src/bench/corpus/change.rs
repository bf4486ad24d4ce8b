//! Changes to a corpus, made in place and taken back again.
//!
//! The same corpus and seed give the same changes. What is replaced is moved aside, to the same file system, and moved
//! back by [`Undo::undo`]: the corpus then has the same names, bytes and modification times as before.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use holdfast_testkit::Prng;

use super::disk::{self, BLOCK, Image};
use super::scan;
use super::text::Text;

/// How to take a change back.
pub(crate) struct Undo {
    /// In the order in which they were done.
    steps: Vec<Step>,
    /// Directories, and files changed in place, with the times that they had.
    times: Vec<(PathBuf, SystemTime)>,
    /// Where what was replaced lies.
    aside: PathBuf,
}

enum Step {
    /// Was moved from the first place to the second.
    Moved(PathBuf, PathBuf),
    Added(PathBuf),
    /// Blocks of this file were overwritten; the old ones lie one after another in the other file.
    Overwritten {
        file: PathBuf,
        old: PathBuf,
        blocks: Vec<u64>,
    },
}

/// What happens to a tree, in files of a thousand.
const CHANGED: usize = 20;
const ADDED: usize = 10;
const REMOVED: usize = 10;
const RENAMED: usize = 5;

/// Changes, adds, removes and renames files of a tree.
pub(super) fn tree(root: &Path, aside: &Path, seed: u64) -> Result<Undo> {
    let mut files = scan::regular_files(root)?;
    let mut prng = Prng::new(seed);
    let text = Text::new(seed);
    std::fs::create_dir_all(aside).with_context(|| format!("cannot make {}", aside.display()))?;
    let mut undo = Undo { steps: Vec::new(), times: Vec::new(), aside: aside.to_owned() };
    let all = files.len();
    let share = |of_thousand: usize| (all * of_thousand / 1000).max(1).min(all / 4);
    let mut draw = |prng: &mut Prng| files.swap_remove(prng.below(files.len() as u64) as usize);
    for number in 0..share(CHANGED) {
        let path = draw(&mut prng);
        undo.remember_times(&path)?;
        let kept = aside.join(format!("changed-{number}"));
        let mut bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        edit(&mut bytes, &text, &mut prng);
        let mode = path.metadata().with_context(|| format!("cannot look at {}", path.display()))?.permissions();
        undo.rename(&path, &kept)?;
        std::fs::write(&path, bytes)
            .and_then(|()| std::fs::set_permissions(&path, mode))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    for number in 0..share(REMOVED) {
        let path = draw(&mut prng);
        undo.remember_times(&path)?;
        undo.rename(&path, &aside.join(format!("removed-{number}")))?;
    }
    for _ in 0..share(RENAMED) {
        let path = draw(&mut prng);
        undo.remember_times(&path)?;
        let new = path.with_file_name(format!("renamed-{seed}-{}", name(&path)));
        undo.rename(&path, &new)?;
    }
    let mut bytes = Vec::new();
    for number in 0..share(ADDED) {
        let beside = draw(&mut prng);
        undo.remember_times(&beside)?;
        let size = beside.metadata().with_context(|| format!("cannot look at {}", beside.display()))?.len();
        text.fill(&mut prng, size as usize, &mut bytes);
        let path = beside.with_file_name(format!("added-{seed}-{number}"));
        std::fs::write(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
        undo.steps.push(Step::Added(path));
    }
    Ok(undo)
}

/// What an editor does: some lines in between, and a few bytes elsewhere.
fn edit(bytes: &mut Vec<u8>, text: &Text, prng: &mut Prng) {
    let mut line = Vec::new();
    text.fill(prng, 80 + prng.clone().below(400) as usize, &mut line);
    let at = prng.below(bytes.len() as u64 + 1) as usize;
    bytes.splice(at..at, line);
    let at = prng.below(bytes.len() as u64) as usize;
    bytes[at] ^= 1;
}

/// Overwrites one of a hundred blocks that hold data with random bytes.
pub(super) fn image(image: &Image, file: &Path, aside: &Path, seed: u64) -> Result<Undo> {
    let mut prng = Prng::new(seed);
    let mut blocks: Vec<u64> = disk::extents(image).flat_map(|(start, count)| start..start + count).collect();
    let change = (blocks.len() / 100).max(1);
    for chosen in 0..change {
        let other = chosen + prng.below((blocks.len() - chosen) as u64) as usize;
        blocks.swap(chosen, other);
    }
    blocks.truncate(change);
    std::fs::create_dir_all(aside).with_context(|| format!("cannot make {}", aside.display()))?;
    let mut undo = Undo { steps: Vec::new(), times: Vec::new(), aside: aside.to_owned() };
    undo.remember_times(file)?;
    let old = aside.join("blocks");
    let mut overwrite = || -> std::io::Result<()> {
        let (data, kept) = (File::options().read(true).write(true).open(file)?, File::create(&old)?);
        let mut block = [0; BLOCK as usize];
        for (at, number) in blocks.iter().enumerate() {
            data.read_exact_at(&mut block, number * BLOCK)?;
            kept.write_all_at(&block, at as u64 * BLOCK)?;
            prng.fill(&mut block);
            data.write_all_at(&block, number * BLOCK)?;
        }
        Ok(())
    };
    overwrite().with_context(|| format!("cannot change {}", file.display()))?;
    undo.steps.push(Step::Overwritten { file: file.to_owned(), old, blocks });
    Ok(undo)
}

impl Undo {
    /// Takes the change back.
    pub(crate) fn undo(self) -> Result<()> {
        for step in self.steps.into_iter().rev() {
            match step {
                Step::Moved(from, to) => {
                    std::fs::rename(&to, &from).with_context(|| format!("cannot move {} back", from.display()))?;
                }
                Step::Added(path) => {
                    std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
                }
                Step::Overwritten { file, old, blocks } => {
                    restore_blocks(&file, &old, &blocks)
                        .with_context(|| format!("cannot change {} back", file.display()))?;
                }
            }
        }
        for (path, time) in self.times.into_iter().rev() {
            File::open(&path)
                .and_then(|file| file.set_modified(time))
                .with_context(|| format!("cannot set the time of {}", path.display()))?;
        }
        std::fs::remove_dir_all(&self.aside).with_context(|| format!("cannot remove {}", self.aside.display()))
    }

    fn rename(&mut self, from: &Path, to: &Path) -> Result<()> {
        std::fs::rename(from, to).with_context(|| format!("cannot move {}", from.display()))?;
        self.steps.push(Step::Moved(from.to_owned(), to.to_owned()));
        Ok(())
    }

    /// The times of the file itself (it may be changed in place) and of its directory.
    fn remember_times(&mut self, path: &Path) -> Result<()> {
        for path in [path, path.parent().unwrap_or(path)] {
            let time = path.metadata().and_then(|metadata| metadata.modified());
            self.times.push((path.to_owned(), time.with_context(|| format!("cannot look at {}", path.display()))?));
        }
        Ok(())
    }
}

fn restore_blocks(file: &Path, old: &Path, blocks: &[u64]) -> std::io::Result<()> {
    let (data, kept) = (File::options().write(true).open(file)?, File::open(old)?);
    let mut block = [0; BLOCK as usize];
    for (at, number) in blocks.iter().enumerate() {
        kept.read_exact_at(&mut block, at as u64 * BLOCK)?;
        data.write_all_at(&block, number * BLOCK)?;
    }
    Ok(())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
