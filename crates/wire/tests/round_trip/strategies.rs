//! Arbitrary messages, within the bounds.

use holdfast_model::{BlobId, Timestamp};
use holdfast_wire::*;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_bytes::ByteBuf;

fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = || any::<u8>().prop_map(|byte| if matches!(byte, b'/' | 0) { b'_' } else { byte });
    prop_oneof![4 => vec(byte(), 1..20), 1 => vec(byte(), 1..=255)]
        .prop_filter("dots", |name| !matches!(name.as_slice(), b"." | b".."))
}

fn relative_path() -> impl Strategy<Value = Vec<u8>> {
    vec(name(), 0..6).prop_map(|names| names.join(&b'/'))
}

fn absolute_path() -> impl Strategy<Value = ByteBuf> {
    relative_path().prop_map(|path| ByteBuf::from([b"/", path.as_slice()].concat()))
}

fn bytes(max: usize) -> impl Strategy<Value = ByteBuf> {
    vec(any::<u8>(), 0..=max).prop_map(ByteBuf::from)
}

fn text(max: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<char>(), 0..=max / 4).prop_map(|chars| chars.into_iter().collect())
}

fn time() -> impl Strategy<Value = Timestamp> {
    (any::<i64>(), 0..1_000_000_000u32).prop_map(|(seconds, nanoseconds)| Timestamp { seconds, nanoseconds })
}

fn bits() -> impl Strategy<Value = Bits> {
    vec(any::<bool>(), 0..70).prop_map(|answers| answers.into_iter().collect())
}

fn chunk() -> impl Strategy<Value = ChunkRef> {
    (any::<[u8; 32]>(), 1..=limits::MAX_CHUNK as u32).prop_map(|(id, len)| ChunkRef { id: BlobId::new(id), len })
}

fn digest() -> impl Strategy<Value = DirDigest> {
    (any::<[u8; 16]>(), any::<bool>()).prop_map(|(digest, memorable)| DirDigest { digest, memorable })
}

fn kind() -> impl Strategy<Value = EntryKind> {
    prop_oneof![
        any::<u64>().prop_map(|size| EntryKind::File { size }),
        any::<u64>().prop_map(|number| EntryKind::Dir { number }),
        name().prop_map(|target| EntryKind::Symlink { target: ByteBuf::from(target) }),
        any::<u64>().prop_map(|rdev| EntryKind::Block { rdev }),
        any::<u64>().prop_map(|rdev| EntryKind::Char { rdev }),
        Just(EntryKind::Fifo),
        Just(EntryKind::Socket),
    ]
}

fn xattrs() -> impl Strategy<Value = Vec<Xattr>> {
    btree_map(name(), bytes(200), 0..4)
        .prop_map(|all| all.into_iter().map(|(name, value)| Xattr { name: ByteBuf::from(name), value }).collect())
}

fn entry_of(kind: impl Strategy<Value = EntryKind>) -> impl Strategy<Value = Entry> {
    let owners = (0..=0o7777u32, any::<u32>(), any::<u32>());
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>());
    (name(), kind, owners, (time(), time(), time()), numbers, xattrs()).prop_map(
        |(name, kind, (mode, uid, gid), (mtime, atime, ctime), (inode, device, links), xattrs)| {
            let name = ByteBuf::from(name);
            Entry { name, kind, mode, uid, gid, mtime, atime, ctime, inode, device, links, xattrs }
        },
    )
}

fn file_entry() -> impl Strategy<Value = Entry> {
    entry_of(any::<u64>().prop_map(|size| EntryKind::File { size }))
}

fn owners() -> impl Strategy<Value = Vec<(u32, String)>> {
    vec((any::<u32>(), text(200)), 0..5)
}

fn entries() -> impl Strategy<Value = DirEntries> {
    (any::<u64>(), absolute_path(), vec(entry_of(kind()), 0..5), option::of(digest()))
        .prop_map(|(dir, path, entries, last)| DirEntries { dir, path, entries, last })
}

fn file_end() -> impl Strategy<Value = FileEnd> {
    let outcome = prop_oneof![
        Just(FileOutcome::Stored),
        Just(FileOutcome::Failed),
        file_entry().prop_map(|entry| FileOutcome::StoredAs(Box::new(entry))),
    ];
    (any::<u64>(), outcome).prop_map(|(file, outcome)| FileEnd { file, outcome })
}

fn command_end() -> impl Strategy<Value = CommandEnd> {
    (any::<i32>(), 0..3, bytes(limits::MAX_STDERR)).prop_map(|(number, how, stderr)| CommandEnd {
        code: (how == 0).then_some(number),
        signal: (how == 1).then_some(number),
        stderr,
    })
}

fn hello() -> impl Strategy<Value = AgentHello> {
    let home = prop_oneof![Just(ByteBuf::new()), absolute_path()];
    (any::<u16>(), any::<u16>(), text(100), text(100), any::<u32>(), time(), home).prop_map(
        |(a, b, release, architecture, uid, now, home)| AgentHello {
            oldest: Version(a.min(b)),
            newest: Version(a.max(b)),
            release,
            architecture,
            uid,
            now,
            home,
        },
    )
}

fn restored() -> impl Strategy<Value = RestoredNode> {
    let outcome = prop_oneof![
        Just(RestoreOutcome::Restored),
        Just(RestoreOutcome::Unchanged),
        Just(RestoreOutcome::Skipped),
        Just(RestoreOutcome::Failed),
    ];
    (any::<u64>(), outcome).prop_map(|(node, outcome)| RestoredNode { node, outcome })
}

/// Anything an agent may say.
pub(crate) fn from_agent() -> impl Strategy<Value = FromAgent> {
    prop_oneof![
        hello().prop_map(FromAgent::Hello),
        text(limits::MAX_TEXT).prop_map(|message| FromAgent::Refused { message }),
        (owners(), owners()).prop_map(|(users, groups)| FromAgent::Owners { users, groups }),
        vec(digest(), 0..20).prop_map(FromAgent::Dirs),
        entries().prop_map(FromAgent::Entries),
        (any::<u64>(), vec(chunk(), 0..20)).prop_map(|(file, chunks)| FromAgent::Chunks { file, chunks }),
        file_end().prop_map(FromAgent::FileEnd),
        command_end().prop_map(FromAgent::CommandEnd),
        (bytes(500), text(50), text(500)).prop_map(|(path, during, message)| FromAgent::Problem {
            path,
            during,
            message
        }),
        (any::<u64>(), any::<u64>()).prop_map(|(files, bytes)| FromAgent::Walked { files, bytes }),
        any::<u64>().prop_map(|dir| FromAgent::Root { dir }),
        vec((any::<u64>(), bits()).prop_map(|(node, chunks)| Need { node, chunks }), 0..9).prop_map(FromAgent::Needs),
        vec(restored(), 0..9).prop_map(FromAgent::Restored),
        any::<[u64; 2]>().prop_map(|[deleted, owners_kept]| FromAgent::RestoreEnd { deleted, owners_kept }),
        (bytes(500), text(500)).prop_map(|(path, why)| FromAgent::LeftOut { path, why }),
    ]
}

fn chunker() -> impl Strategy<Value = ChunkerSpec> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(|seed| ChunkerSpec::Gear { seed }),
        any::<u64>().prop_map(|polynomial| ChunkerSpec::Rabin { polynomial }),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let patterns = || vec(text(100), 0..4);
    (patterns(), patterns(), patterns(), any::<bool>(), option::of(any::<u64>()), any::<[bool; 2]>()).prop_map(
        |(
            exclude,
            iexclude,
            exclude_if_present,
            exclude_caches,
            exclude_larger_than,
            [one_file_system, local_only],
        )| Filter {
            exclude,
            iexclude,
            exclude_if_present,
            exclude_caches,
            exclude_larger_than,
            one_file_system,
            local_only,
        },
    )
}

fn backup() -> impl Strategy<Value = BackupJob> {
    let rest = (any::<bool>(), any::<bool>(), any::<u64>());
    (vec(absolute_path(), 0..4), filter(), chunker(), any::<[u8; 32]>(), rest).prop_map(
        |(roots, filter, chunker, digest_seed, (atime, compress, credit))| BackupJob {
            roots,
            filter,
            chunker,
            digest_seed,
            atime,
            compress,
            credit,
        },
    )
}

fn command() -> impl Strategy<Value = CommandJob> {
    (text(500), chunker(), any::<bool>(), any::<u64>()).prop_map(|(command, chunker, compress, credit)| CommandJob {
        command,
        chunker,
        compress,
        credit,
    })
}

fn restore() -> impl Strategy<Value = RestoreJob> {
    let overwrite = prop_oneof![
        Just(Overwrite::Always),
        Just(Overwrite::IfChanged),
        Just(Overwrite::IfNewer),
        Just(Overwrite::Never),
    ];
    (absolute_path(), overwrite, any::<[bool; 4]>()).prop_map(
        |(target, overwrite, [delete, verify, dry_run, owners_by_name])| RestoreJob {
            target,
            overwrite,
            delete,
            verify,
            dry_run,
            owners_by_name,
        },
    )
}

fn node() -> impl Strategy<Value = RestoreNode> {
    let entry = prop_oneof![(entry_of(kind()), Just(Vec::new())), (file_entry(), vec(chunk(), 0..4)),];
    (relative_path(), entry, text(200), text(200), any::<bool>(), option::of(any::<u64>())).prop_map(
        |(path, (mut entry, chunks), user, group, whole, hard_link_to)| {
            entry.name = ByteBuf::from(path.rsplit(|byte| *byte == b'/').next().unwrap());
            RestoreNode { path: ByteBuf::from(path), entry, user, group, whole, chunks, hard_link_to }
        },
    )
}

fn blob() -> impl Strategy<Value = BlobHeader> {
    let target = (any::<u64>(), any::<u32>()).prop_map(|(node, chunk)| BlobTarget { node, chunk });
    (chunk(), 1..=limits::MAX_STORED_BLOB as u32, any::<bool>(), vec(target, 0..9)).prop_map(
        |(ChunkRef { id, len }, stored, compressed, targets)| {
            let stored_len = if compressed { stored } else { len };
            BlobHeader { id, stored_len, len, compressed, targets }
        },
    )
}

fn want_dirs() -> impl Strategy<Value = ToAgent> {
    vec(any::<u64>().prop_map(|dir| dir >> 1), 0..20).prop_map(|wanted| {
        let upto = wanted.iter().max().map_or(0, |most| most + 1);
        ToAgent::WantDirs { upto, wanted }
    })
}

/// Anything a server may say.
pub(crate) fn to_agent() -> impl Strategy<Value = ToAgent> {
    prop_oneof![
        any::<u16>().prop_map(|version| ToAgent::Welcome { version: Version(version) }),
        backup().prop_map(ToAgent::Backup),
        command().prop_map(ToAgent::Command),
        restore().prop_map(ToAgent::Restore),
        want_dirs(),
        (any::<u64>(), vec(any::<u32>(), 0..20)).prop_map(|(dir, entries)| ToAgent::WantFiles { dir, entries }),
        bits().prop_map(ToAgent::WantChunks),
        any::<u64>().prop_map(|bytes| ToAgent::Credit { bytes }),
        vec(node(), 0..4).prop_map(ToAgent::Nodes),
        Just(ToAgent::WindowEnd),
        blob().prop_map(ToAgent::Blob),
        vec(any::<u64>(), 0..20).prop_map(ToAgent::CloseDirs),
        Just(ToAgent::Finish),
        vec(chunk(), 0..9).prop_map(ToAgent::MoreChunks),
    ]
}
