//! What the machine's own tools take for the same data: how fast anything could be at all.

/// A line of shell. `$SOURCE` is the corpus, `$OUT` an empty folder beside it, `$SSH` the ssh command with its
/// destination where there is a server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Yardstick {
    pub(super) name: &'static str,
    /// Runs first and is not timed.
    pub(super) prepare: &'static str,
    pub(super) script: &'static str,
}

const FIND: Yardstick =
    Yardstick { name: "find", prepare: "", script: "find \"$SOURCE\" -printf '%s %T@ %i\\n' > /dev/null" };

const TAR_CAT: Yardstick =
    Yardstick { name: "tar | cat", prepare: "", script: "tar -C \"$SOURCE\" -cf - . | cat > /dev/null" };

const TAR_ZSTD: Yardstick = Yardstick {
    name: "tar | zstd -T2 -3",
    prepare: "",
    script: "tar -C \"$SOURCE\" -cf - . | zstd -q -T2 -3 > \"$OUT/archive\"",
};

const TAR_X: Yardstick = Yardstick {
    name: "tar x",
    prepare: "tar -C \"$SOURCE\" -cf \"$OUT/archive\" . && mkdir \"$OUT/tree\"",
    script: "tar -C \"$OUT/tree\" -xf \"$OUT/archive\"",
};

const CAT: Yardstick =
    Yardstick { name: "cat", prepare: "", script: "find \"$SOURCE\" -type f -print0 | xargs -0 cat > /dev/null" };

const COPY: Yardstick = Yardstick { name: "cat to a file", prepare: "", script: "cat \"$SOURCE\"/* > \"$OUT/copy\"" };

const HANDSHAKE: Yardstick = Yardstick { name: "ssh true", prepare: "", script: "$SSH true" };

pub(super) const TREE: &[Yardstick] = &[FIND, CAT, TAR_CAT, TAR_ZSTD, TAR_X];
pub(super) const BLOB: &[Yardstick] = &[CAT, COPY];
pub(super) const MANY: &[Yardstick] = &[FIND, TAR_CAT];
pub(super) const SSH: &[Yardstick] = &[HANDSHAKE];
