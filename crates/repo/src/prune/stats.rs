//! What a prune finds and does, in numbers. Serialized it is what `restic prune --json` prints.

use serde::Serialize;

/// All numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PruneStats {
    /// Blobs.
    pub blobs: BlobStats,
    /// Bytes in packs.
    pub bytes: ByteStats,
    /// Packs.
    pub packfiles: PackStats,
}

/// Numbers of blobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct BlobStats {
    /// Reached by a snapshot or pinned.
    pub used: u64,
    /// Second and further places of used ones.
    pub duplicate: u64,
    /// Reached by nothing.
    pub unused: u64,
    /// All of these.
    pub total: u64,
    /// In packs that are repacked.
    pub repack: u64,
    /// Of those, not written again.
    #[serde(rename = "repack_remove")]
    pub repack_removed: u64,
    /// In packs that are deleted.
    pub remove: u64,
    /// Both of these.
    pub remove_total: u64,
    /// What remains.
    #[serde(rename = "remaining")]
    pub remain: u64,
}

/// Numbers of bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ByteStats {
    /// Of blobs that are reached by a snapshot or pinned.
    pub used: u64,
    /// Of second and further places of used blobs.
    pub duplicate: u64,
    /// Of blobs that nothing reaches.
    pub unused: u64,
    /// Of packs that no index file names.
    #[serde(rename = "unreferenced")]
    pub unref: u64,
    /// Of packs in which something is not compressed.
    pub uncompressed: u64,
    /// All of these but `uncompressed`.
    pub total: u64,
    /// Of packs that are repacked.
    pub repack: u64,
    /// Of those, not written again.
    #[serde(rename = "repack_remove")]
    pub repack_removed: u64,
    /// Of packs that are deleted.
    pub remove: u64,
    /// What is given back in all.
    pub remove_total: u64,
    /// What remains.
    #[serde(rename = "remaining")]
    pub remain: u64,
    /// Of that, what nothing needs.
    #[serde(rename = "remaining_unused")]
    pub remain_unused: u64,
}

/// Numbers of packs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PackStats {
    /// In which every blob is used.
    pub used: u64,
    /// In which none is.
    pub unused: u64,
    /// In which some are.
    #[serde(rename = "partly_used")]
    pub partly_used: u64,
    /// That no index file names.
    #[serde(rename = "unreferenced")]
    pub unref: u64,
    /// All of these.
    pub total: u64,
    /// That stay.
    pub keep: u64,
    /// That are repacked.
    pub repack: u64,
    /// That are deleted as they are.
    pub remove: u64,
    /// That are deleted, with those that no index file names.
    pub remove_total: u64,
}

impl PruneStats {
    /// Computes the sums, as restic does.
    pub(super) fn sum(&mut self) {
        let Self { blobs, bytes, packfiles } = self;
        blobs.total = blobs.used + blobs.unused + blobs.duplicate;
        blobs.remove_total = blobs.remove + blobs.repack_removed;
        blobs.remain = blobs.total - blobs.remove_total;
        bytes.total = bytes.used + bytes.duplicate + bytes.unused + bytes.unref;
        bytes.remove_total = bytes.remove + bytes.repack_removed + bytes.unref;
        bytes.remain = bytes.total - bytes.remove_total;
        bytes.remain_unused = bytes.duplicate + bytes.unused - bytes.remove - bytes.repack_removed;
        packfiles.total = packfiles.used + packfiles.partly_used + packfiles.unused + packfiles.unref;
        packfiles.remove_total = packfiles.unref + packfiles.remove;
    }
}
