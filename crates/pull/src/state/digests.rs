//! Remembers which tree the digest of a directory led to, so that an unchanged directory travels as its digest.
//!
//! One file per client and job (its roots, and what it leaves out), replaced after each snapshot. A row is believed only while its tree is
//! in the live index and proven closed; that is checked by whoever asks.

use std::path::PathBuf;

use holdfast_model::TreeId;

use super::{ClientState, StateError, file, name_of};

/// Format of the file: magic and version, the seed, then sorted rows.
const MAGIC: &[u8; 16] = b"holdfast-digest2";
const HEADER: usize = 16 + 32;
const ROW: usize = 66;
/// Directories of one job that are remembered: 528 MiB of them. The others are listed again.
const MAX_ROWS: usize = 8 << 20;

/// What lies beneath a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Regular files and everything else that is no directory.
    pub files: u32,
    /// Directories, itself included.
    pub dirs: u32,
    /// Directories on the longest way down, itself included.
    pub height: u16,
    /// Bytes of the regular files.
    pub bytes: u64,
}

/// A tree that a digest stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownTree {
    /// The tree.
    pub tree: TreeId,
    /// What lies beneath it.
    pub totals: Totals,
}

/// The digests of a client's last snapshot.
#[derive(Debug)]
pub struct DigestMemory {
    path: PathBuf,
    seed: [u8; 32],
    rows: Vec<u8>,
}

/// Collects the digests of a running session.
#[derive(Debug, Default)]
pub struct DigestRecorder(Vec<[u8; ROW]>);

impl DigestMemory {
    /// What is remembered for a job, by all that tells it from others; a file that is damaged counts as none.
    pub fn load(state: &ClientState, job: &[Vec<u8>], fresh_seed: [u8; 32]) -> Result<Self, StateError> {
        let path = state.digests.join(format!("digests-{}", name_of(job)));
        let bytes = file::read(&path)?.unwrap_or_default();
        let usable = bytes.len() >= HEADER && &bytes[..16] == MAGIC && (bytes.len() - HEADER).is_multiple_of(ROW);
        if !usable {
            return Ok(Self { path, seed: fresh_seed, rows: Vec::new() });
        }
        let seed = bytes[16..HEADER].try_into().expect("the header holds 32 bytes of seed");
        Ok(Self { path, seed, rows: bytes[HEADER..].to_vec() })
    }

    /// Remembers nothing, and will not.
    pub fn empty(seed: [u8; 32]) -> Self {
        Self { path: PathBuf::new(), seed, rows: Vec::new() }
    }

    /// What the client mixes into its digests.
    pub fn seed(&self) -> [u8; 32] {
        self.seed
    }

    /// Forgets everything, for a run that reads all files again.
    pub fn forget(&mut self) {
        self.rows.clear();
    }

    /// The tree of a digest, if one is remembered.
    pub fn get(&self, digest: &[u8; 16]) -> Option<KnownTree> {
        let (mut low, mut high) = (0, self.rows.len() / ROW);
        while low < high {
            let middle = low.midpoint(high);
            let row = &self.rows[middle * ROW..][..ROW];
            match row[..16].cmp(digest) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(decode(row)),
            }
        }
        None
    }

    /// Replaces what is remembered by what the session recorded.
    pub fn replace(&self, recorder: DigestRecorder) -> Result<(), StateError> {
        let mut rows = recorder.0;
        rows.sort_unstable();
        rows.dedup_by(|a, b| a[..16] == b[..16]);
        file::replace(&self.path, |out| {
            out.write_all(MAGIC)?;
            out.write_all(&self.seed)?;
            rows.iter().try_for_each(|row| out.write_all(row))
        })
    }
}

impl DigestRecorder {
    /// Remembers a directory, if it is not one too many.
    pub fn record(&mut self, digest: &[u8; 16], known: KnownTree) {
        if self.0.len() >= MAX_ROWS {
            return;
        }
        let mut row = [0; ROW];
        row[..16].copy_from_slice(digest);
        row[16..48].copy_from_slice(known.tree.as_bytes());
        row[48..52].copy_from_slice(&known.totals.files.to_le_bytes());
        row[52..56].copy_from_slice(&known.totals.dirs.to_le_bytes());
        row[56..64].copy_from_slice(&known.totals.bytes.to_le_bytes());
        row[64..].copy_from_slice(&known.totals.height.to_le_bytes());
        self.0.push(row);
    }
}

fn decode(row: &[u8]) -> KnownTree {
    let part = |from: usize, to: usize| row.get(from..to).expect("a row has 66 bytes");
    let u32_at = |at| u32::from_le_bytes(part(at, at + 4).try_into().expect("four bytes"));
    KnownTree {
        tree: TreeId::new(part(16, 48).try_into().expect("32 bytes")),
        totals: Totals {
            files: u32_at(48),
            dirs: u32_at(52),
            bytes: u64::from_le_bytes(part(56, 64).try_into().expect("eight bytes")),
            height: u16::from_le_bytes(part(64, 66).try_into().expect("two bytes")),
        },
    }
}
