//! Deciding what becomes of each pack. The rules are restic's (`internal/repository/prune.go` of version 0.19, as behaviour).
//!
//! Invariant: a pack with a used blob is kept or repacked, never just deleted; a used pack that is missing or of another
//! size than the index says stops the prune.

use std::cmp::Reverse;
use std::collections::HashSet;

use holdfast_model::PackId;

use super::options::PruneOptions;
use super::plan::PruneError;
use super::stats::PruneStats;
use super::survey::{PackInfo, Survey};

/// Packs below this many bytes are small in any repository.
const MIN_PACK_SIZE: u64 = 4 << 20;
/// Fewer small packs than this are left alone.
const FEW_SMALL_PACKS: usize = 10;

/// What becomes of the packs.
#[derive(Debug, Default)]
pub(super) struct Decision {
    /// No index file names them: deleted first.
    pub(super) remove_first: HashSet<PackId>,
    /// Nothing in them is used: deleted at the end.
    pub(super) remove: HashSet<PackId>,
    /// What is used of them is written anew; then they are deleted.
    pub(super) repack: HashSet<PackId>,
    /// The index names them, they are not there, and nothing in them is used: they leave the index.
    pub(super) ignore: HashSet<PackId>,
}

impl Decision {
    /// Whether the index is to name this pack no more.
    pub(super) fn leaves(&self, pack: &PackId) -> bool {
        [&self.remove_first, &self.remove, &self.repack, &self.ignore].iter().any(|packs| packs.contains(pack))
    }
}

struct Candidate {
    number: usize,
    must_compress: bool,
}

/// Decides. `listed` are the packs that the storage has, with their sizes.
pub(super) fn decide(
    options: &PruneOptions,
    survey: &Survey,
    listed: &[(PackId, u64)],
    stats: &mut PruneStats,
) -> Result<Decision, PruneError> {
    let mut decision = Decision::default();
    let target = target_size(options, survey);
    let (mut candidates, mut small) = (Vec::new(), Vec::new());
    let mut found = vec![false; survey.packs.len()];
    for (pack, size) in listed {
        let Some(number) = survey.find(pack) else {
            decision.remove_first.insert(*pack);
            stats.bytes.unref += size;
            continue;
        };
        found[number] = true;
        let info = &survey.infos[number];
        if info.size() != *size && info.used_blobs != 0 {
            return Err(PruneError::WrongSize { pack: *pack, size: *size, expected: info.size() });
        }
        count_pack(info, stats);
        let must_compress = info.uncompressed && (!info.is_data() || options.repack_uncompressed);
        let candidate = Candidate { number, must_compress };
        if info.used_blobs == 0 {
            decision.remove.insert(*pack);
            stats.blobs.remove += info.unused_blobs;
            stats.bytes.remove += info.unused_size;
        } else if options.repack_cacheable_only == Some(true) && info.is_data() {
            stats.packfiles.keep += 1;
        } else if info.unused_blobs > 0 || info.is_mixed() || must_compress {
            candidates.push(candidate);
        } else if *size >= target {
            stats.packfiles.keep += 1;
        } else {
            small.push(candidate);
        }
    }
    for (number, _) in found.iter().enumerate().filter(|(_, found)| !**found) {
        let (pack, info) = (survey.packs[number], &survey.infos[number]);
        if info.used_blobs > 0 {
            return Err(PruneError::PackMissing { pack });
        }
        decision.ignore.insert(pack);
        stats.blobs.remove += info.unused_blobs;
        stats.bytes.remove += info.unused_size;
    }
    if small.len() < FEW_SMALL_PACKS {
        stats.packfiles.keep += small.len() as u64;
    } else {
        candidates.append(&mut small);
    }
    choose_repacks(options, survey, target, candidates, &mut decision, stats);
    stats.packfiles.unref = decision.remove_first.len() as u64;
    stats.packfiles.repack = decision.repack.len() as u64;
    stats.packfiles.remove = decision.remove.len() as u64;
    stats.sum();
    Ok(decision)
}

fn count_pack(info: &PackInfo, stats: &mut PruneStats) {
    let count = match (info.used_blobs, info.unused_blobs) {
        (0, _) => &mut stats.packfiles.unused,
        (_, 0) => &mut stats.packfiles.used,
        _ => &mut stats.packfiles.partly_used,
    };
    *count += 1;
    if info.uncompressed {
        stats.bytes.uncompressed += info.size();
    }
}

/// Repacks the candidates that gain most, until the limits are reached.
fn choose_repacks(
    options: &PruneOptions,
    survey: &Survey,
    target: u64,
    mut candidates: Vec<Candidate>,
    decision: &mut Decision,
    stats: &mut PruneStats,
) {
    // Trees and small packs first, then by the part that is unused.
    candidates.sort_by_cached_key(|candidate| {
        let info = &survey.infos[candidate.number];
        let unused = u128::from(info.unused_size) * (1 << 40) / u128::from(info.size().max(1));
        (info.is_data(), info.size() >= target, Reverse(unused))
    });
    let max_unused = options.max_unused.bytes(stats.bytes.used);
    for candidate in candidates {
        let info = &survey.infos[candidate.number];
        let unused = stats.bytes.duplicate + stats.bytes.unused - stats.bytes.remove - stats.bytes.repack_removed;
        let is_over = stats.bytes.repack + info.size() >= options.max_repack;
        let is_enough = unused < max_unused && info.size() >= target;
        let must = !info.is_data() || info.is_mixed() || candidate.must_compress;
        if is_over || (is_enough && !must) {
            stats.packfiles.keep += 1;
            continue;
        }
        decision.repack.insert(survey.packs[candidate.number]);
        stats.blobs.repack += info.used_blobs + info.unused_blobs;
        stats.bytes.repack += info.size();
        stats.blobs.repack_removed += info.unused_blobs;
        stats.bytes.repack_removed += info.unused_size;
        if info.uncompressed {
            stats.bytes.uncompressed -= info.size();
        }
    }
}

/// Packs below this are small: four fifths of what all but the smallest three percent have.
fn target_size(options: &PruneOptions, survey: &Survey) -> u64 {
    if let Some(size) = options.repack_smaller_than {
        return size;
    }
    let mut sizes: Vec<u64> = survey.infos.iter().map(PackInfo::size).collect();
    if sizes.is_empty() {
        return 0;
    }
    let at = sizes.len() * 3 / 100;
    let (_, usual, _) = sizes.select_nth_unstable(at);
    MIN_PACK_SIZE.max(*usual) * 4 / 5
}
