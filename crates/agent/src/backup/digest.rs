//! The recursive digest of a directory: equal digests mean that a backup would store the same.
//!
//! Entries are hashed one by one with a keyed SHA-256 and their hashes are added up, so that the order in which a
//! directory is read does not matter and nothing but the sums has to be kept (Bellare and Micciancio, "A new paradigm
//! for collision-free hashing", EUROCRYPT 1997; with a secret key, for the sums alone would be too weak against
//! crafted names). The key covers everything else that decides what is stored.

use holdfast_chunker::{Sha256, sha256};
use holdfast_wire::{BackupJob, ChunkerSpec};

/// Changes whenever the agent begins to store something differently: no digest of an earlier agent may match then.
const AGENT_SEMANTICS: u8 = 2;

/// Hashes what belongs to one job.
#[derive(Clone)]
pub(crate) struct Digester(Sha256);

/// A sum of hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sum([u128; 2]);

/// What the entries of a directory add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sums {
    /// Over the entries as listed.
    pub(crate) entries: Sum,
    /// Over the names of the subdirectories with their digests.
    pub(crate) subdirs: Sum,
}

impl Digester {
    pub(crate) fn new(job: &BackupJob) -> Self {
        let mut text = Vec::new();
        let mut field = |bytes: &[u8]| {
            text.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            text.extend_from_slice(bytes);
        };
        field(b"holdfast directory digest");
        field(&job.digest_seed);
        let flags = [job.atime, job.filter.one_file_system, job.filter.local_only].map(u8::from);
        field(&[&[AGENT_SEMANTICS], &flags[..]].concat());
        match &job.chunker {
            ChunkerSpec::Gear { seed } => field(&[b"gear", &seed[..]].concat()),
            ChunkerSpec::Rabin { polynomial } => field(&[b"rabin", &polynomial.to_le_bytes()[..]].concat()),
        }
        let filter = &job.filter;
        field(&[u8::from(filter.exclude_caches), u8::from(filter.exclude_larger_than.is_some())]);
        field(&filter.exclude_larger_than.unwrap_or(0).to_le_bytes());
        for list in [&filter.exclude, &filter.iexclude, &filter.exclude_if_present] {
            field(&(list.len() as u64).to_le_bytes());
            list.iter().for_each(|pattern| field(pattern.as_bytes()));
        }
        job.roots.iter().for_each(|root| field(root));
        let key = sha256(&text);
        let mut keyed = Sha256::new();
        // Twice makes a whole block, which is hashed once here instead of once per entry.
        keyed.update(&key);
        keyed.update(&key);
        Self(keyed)
    }

    /// The hash of an entry's digested bytes.
    pub(crate) fn entry(&self, digested: &[u8]) -> Sum {
        Sum::from(self.hash(b'e', &[digested]))
    }

    /// The hash of a subdirectory's name and digest.
    pub(crate) fn subdir(&self, name: &[u8], digest: &[u8; 16]) -> Sum {
        Sum::from(self.hash(b's', &[digest, name]))
    }

    /// A number for a name, to find it again by; two names in a directory hardly ever share one.
    pub(crate) fn name(&self, name: &[u8]) -> u64 {
        let hash = self.hash(b'n', &[name]);
        u64::from_le_bytes(hash.first_chunk().copied().unwrap_or_default())
    }

    /// The digest of a directory.
    pub(crate) fn directory(&self, sums: &Sums) -> [u8; 16] {
        let parts = [sums.entries.0, sums.subdirs.0].concat().into_iter().flat_map(u128::to_le_bytes);
        let hash = self.hash(b'd', &[&parts.collect::<Vec<u8>>()]);
        hash.first_chunk().copied().unwrap_or_default()
    }

    fn hash(&self, domain: u8, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = self.0.clone();
        hash.update(&[domain]);
        parts.iter().for_each(|part| hash.update(part));
        hash.finish()
    }
}

impl From<[u8; 32]> for Sum {
    fn from(hash: [u8; 32]) -> Self {
        let half = |range| hash.get(range).and_then(|half: &[u8]| half.try_into().ok()).map_or(0, u128::from_le_bytes);
        Self([half(0..16), half(16..32)])
    }
}

impl std::ops::AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        for (sum, term) in self.0.iter_mut().zip(other.0) {
            *sum = sum.wrapping_add(term);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_wire::Filter;

    fn job() -> BackupJob {
        BackupJob {
            roots: vec![b"/a".to_vec().into()],
            filter: Filter::default(),
            chunker: ChunkerSpec::Gear { seed: [1; 32] },
            digest_seed: [2; 32],
            atime: false,
            compress: false,
            credit: 0,
        }
    }

    #[test]
    fn the_order_of_entries_does_not_matter_but_each_entry_does() {
        let digester = Digester::new(&job());
        let digest = |names: &[&[u8]]| {
            let mut sums = Sums::default();
            names.iter().for_each(|name| sums.entries += digester.entry(name));
            digester.directory(&sums)
        };
        assert_eq!(digest(&[b"a", b"b", b"c"]), digest(&[b"c", b"a", b"b"]));
        assert_ne!(digest(&[b"a", b"b"]), digest(&[b"a", b"b", b"b"]));
        assert_ne!(digest(&[]), digest(&[b""]));
    }

    #[test]
    fn everything_that_decides_what_is_stored_is_part_of_the_digest() {
        let filter = |change: fn(&mut Filter)| {
            let mut job = job();
            change(&mut job.filter);
            job
        };
        let changed = [
            BackupJob { digest_seed: [3; 32], ..job() },
            BackupJob { chunker: ChunkerSpec::Gear { seed: [4; 32] }, ..job() },
            BackupJob { chunker: ChunkerSpec::Rabin { polynomial: 5 }, ..job() },
            BackupJob { atime: true, ..job() },
            BackupJob { roots: vec![b"/a".to_vec().into(), b"/b".to_vec().into()], ..job() },
            filter(|filter| filter.exclude.push("x".into())),
            filter(|filter| filter.iexclude.push("x".into())),
            filter(|filter| filter.exclude_if_present.push("x".into())),
            filter(|filter| filter.exclude_caches = true),
            filter(|filter| filter.exclude_larger_than = Some(0)),
            filter(|filter| filter.one_file_system = true),
            filter(|filter| filter.local_only = true),
        ];
        let empty = |job: &BackupJob| Digester::new(job).directory(&Sums::default());
        let mut digests: Vec<_> = changed.iter().map(empty).collect();
        digests.push(empty(&job()));
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), changed.len() + 1);
        // What does not decide it is not.
        assert_eq!(empty(&BackupJob { credit: 9, compress: true, ..job() }), empty(&job()));
    }
}
