//! Which files are restored: some of all, each as likely as any other, as far as they fit.

use std::collections::HashSet;

use holdfast_model::snapshot_path::escape_name;
use holdfast_model::{CancelToken, TreeId};
use holdfast_pull::Selection;
use holdfast_repo::Repository;
use holdfast_repo::catalogue::{CatalogueError, Walk};
use holdfast_repo::tree::Node;

use super::Failure;
use super::check::Fault;

/// A file of the sample.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// In the snapshot, with a `/` in front.
    pub(super) at: Vec<u8>,
    pub(super) node: Node,
}

impl File {
    /// As a person is shown it.
    pub(super) fn path(&self) -> String {
        escape_name(&self.at)
    }
}

/// The files, and the directories on the way to them.
#[derive(Debug, Default)]
pub(super) struct Sample {
    pub(super) files: Vec<File>,
    paths: HashSet<Vec<u8>>,
    on_the_way: HashSet<Vec<u8>>,
}

impl Sample {
    fn of(files: Vec<File>) -> Self {
        let mut sample = Self::default();
        for file in &files {
            sample.paths.insert(file.at.clone());
            let slashes = file.at.iter().enumerate().filter(|(_, byte)| **byte == b'/');
            sample.on_the_way.extend(slashes.map(|(at, _)| file.at[..at].to_vec()));
        }
        sample.files = files;
        sample
    }

    /// Bytes of all of them.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.node.size).sum()
    }
}

impl Selection for Sample {
    fn selects(&self, path: &[u8], is_dir: bool) -> bool {
        !is_dir && self.paths.contains(path)
    }

    fn may_select_beneath(&self, path: &[u8]) -> bool {
        self.on_the_way.contains(path)
    }
}

/// Takes a sample of the files beneath a tree: so many files and so many bytes at most. Gives back too what could not be
/// listed.
pub(super) fn take(
    repository: &Repository,
    tree: TreeId,
    (most, bytes): (usize, u64),
    random: &mut Random,
    cancel: &CancelToken,
) -> Result<(Sample, Vec<(String, Fault)>), Failure> {
    let (mut taken, mut faults, mut seen) = (Vec::new(), Vec::new(), 0);
    for entry in Walk::new(repository.engine(), b"/", tree) {
        cancel.check().map_err(|_| Failure::Cancelled)?;
        match entry {
            Ok(entry) if entry.node().is_file() && entry.node().size <= bytes => {
                // Each of those that were seen is among those that are taken with the same probability (algorithm R).
                seen += 1;
                let file = || File { at: entry.path.clone(), node: entry.node().clone() };
                if taken.len() < most {
                    taken.push(file());
                } else if let Some(place) = taken.get_mut(random.below(seen)) {
                    *place = file();
                }
            }
            Ok(_) => {}
            Err(error @ CatalogueError::Read { .. }) => faults.push(Fault::of_listing(error)?),
            // What was never understood is not damaged since.
            Err(_) => {}
        }
    }
    // In any order, so that what fits is not always what comes first.
    for last in (1..taken.len()).rev() {
        taken.swap(last, random.below(last as u64 + 1));
    }
    let mut left = bytes;
    taken.retain(|file| {
        let fits = file.node.size <= left;
        left -= if fits { file.node.size } else { 0 };
        fits
    });
    Ok((Sample::of(taken), faults))
}

/// Numbers that look random and follow from a seed (SplitMix64).
#[derive(Debug, Clone)]
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One below this, which is not 0.
    fn below(&mut self, end: u64) -> usize {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as usize
    }
}
