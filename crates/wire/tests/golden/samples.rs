//! One sample of every message, more where a message has choices.

use holdfast_model::{BlobId, Timestamp};
use holdfast_wire::*;
use serde_bytes::ByteBuf;

/// A new message must get a name here, and then a sample.
pub(crate) fn from_agent_name(message: &FromAgent) -> &'static str {
    match message {
        FromAgent::Hello(_) => "hello",
        FromAgent::Refused { .. } => "refused",
        FromAgent::Owners { .. } => "owners",
        FromAgent::Dirs(_) => "dirs",
        FromAgent::Entries(_) => "entries",
        FromAgent::Chunks { .. } => "chunks",
        FromAgent::FileEnd(_) => "file_end",
        FromAgent::CommandEnd(_) => "command_end",
        FromAgent::Problem { .. } => "problem",
        FromAgent::Walked { .. } => "walked",
        FromAgent::Root { .. } => "root",
        FromAgent::Needs(_) => "needs",
        FromAgent::Restored(_) => "restored",
        FromAgent::RestoreEnd { .. } => "restore_end",
        FromAgent::LeftOut { .. } => "left_out",
    }
}

/// As [`from_agent_name`].
pub(crate) fn to_agent_name(message: &ToAgent) -> &'static str {
    match message {
        ToAgent::Welcome { .. } => "welcome",
        ToAgent::Backup(_) => "backup",
        ToAgent::Command(_) => "command",
        ToAgent::Restore(_) => "restore",
        ToAgent::WantDirs { .. } => "want_dirs",
        ToAgent::WantFiles { .. } => "want_files",
        ToAgent::WantChunks(_) => "want_chunks",
        ToAgent::Credit { .. } => "credit",
        ToAgent::Nodes(_) => "nodes",
        ToAgent::WindowEnd => "window_end",
        ToAgent::Blob(_) => "blob",
        ToAgent::CloseDirs(_) => "close_dirs",
        ToAgent::Finish => "finish",
        ToAgent::MoreChunks(_) => "more_chunks",
    }
}

fn bytes(text: &str) -> ByteBuf {
    ByteBuf::from(text)
}

fn chunk(first: u8, len: u32) -> ChunkRef {
    ChunkRef { id: BlobId::new(std::array::from_fn(|i| first.wrapping_add(i as u8))), len }
}

fn digest(first: u8, memorable: bool) -> DirDigest {
    DirDigest { digest: std::array::from_fn(|i| first.wrapping_add(i as u8)), memorable }
}

fn entry(name: &str, kind: EntryKind) -> Entry {
    Entry {
        name: bytes(name),
        kind,
        mode: 0o4755,
        uid: 1000,
        gid: 100,
        mtime: Timestamp { seconds: 1_700_000_000, nanoseconds: 123_456_789 },
        atime: Timestamp { seconds: -1, nanoseconds: 999_999_999 },
        ctime: Timestamp { seconds: 0, nanoseconds: 0 },
        inode: 4_294_967_297,
        device: 64_769,
        links: 2,
        xattrs: vec![
            Xattr { name: bytes("security.capability"), value: ByteBuf::from([1, 0, 0, 2, 0, 255]) },
            Xattr { name: bytes("user.colour"), value: bytes("") },
        ],
    }
}

fn all_kinds() -> Vec<Entry> {
    vec![
        entry("file", EntryKind::File { size: 1 << 40 }),
        entry("dir", EntryKind::Dir { number: 300 }),
        entry("symlink", EntryKind::Symlink { target: bytes("../else where") }),
        entry("block", EntryKind::Block { rdev: 2049 }),
        entry("char", EntryKind::Char { rdev: 259 }),
        entry("fifo", EntryKind::Fifo),
        entry("socket", EntryKind::Socket),
    ]
}

/// Everything an agent says.
pub(crate) fn from_agent() -> Vec<(&'static str, FromAgent)> {
    let end = |file, outcome| FromAgent::FileEnd(FileEnd { file, outcome });
    vec![
        (
            "",
            FromAgent::Hello(AgentHello {
                oldest: Version(1),
                newest: Version(2),
                release: "0.1.0".into(),
                architecture: "x86_64".into(),
                uid: 0,
                now: Timestamp { seconds: 1_700_000_000, nanoseconds: 5 },
                home: b"/root".to_vec().into(),
            }),
        ),
        ("", FromAgent::Refused { message: "no room".into() }),
        (
            "",
            FromAgent::Owners {
                users: vec![(0, "root".into()), (1000, "åsa".into())],
                groups: vec![(100, "users".into())],
            },
        ),
        ("", FromAgent::Dirs(vec![digest(1, true), digest(200, false)])),
        (
            "",
            FromAgent::Entries(DirEntries {
                dir: 7,
                path: bytes("/etc"),
                entries: all_kinds(),
                last: Some(digest(3, true)),
            }),
        ),
        ("_more", FromAgent::Entries(DirEntries { dir: 8, path: bytes("/"), entries: vec![], last: None })),
        ("", FromAgent::Chunks { file: 1, chunks: vec![chunk(0, 1), chunk(100, 8 << 20)] }),
        ("_stored", end(1, FileOutcome::Stored)),
        ("_stored_as", end(2, FileOutcome::StoredAs(Box::new(entry("grown", EntryKind::File { size: 5 }))))),
        ("_failed", end(3, FileOutcome::Failed)),
        ("_status", FromAgent::CommandEnd(CommandEnd { code: Some(1), signal: None, stderr: bytes("no such table") })),
        ("_signal", FromAgent::CommandEnd(CommandEnd { code: None, signal: Some(9), stderr: bytes("") })),
        (
            "",
            FromAgent::Problem {
                path: ByteBuf::from(*b"/\xff"),
                during: "open".into(),
                message: "permission denied".into(),
            },
        ),
        ("", FromAgent::Walked { files: 20_000, bytes: 1 << 33 }),
        ("", FromAgent::Root { dir: 128 }),
        (
            "",
            FromAgent::Needs(vec![
                Need { node: 0, chunks: (0..10).map(|i| i % 3 == 0).collect() },
                Need { node: 1, chunks: Bits::default() },
            ]),
        ),
        (
            "",
            FromAgent::Restored(
                [RestoreOutcome::Restored, RestoreOutcome::Unchanged, RestoreOutcome::Skipped, RestoreOutcome::Failed]
                    .into_iter()
                    .zip(0..)
                    .map(|(outcome, node)| RestoredNode { node, outcome })
                    .collect(),
            ),
        ),
        ("", FromAgent::RestoreEnd { deleted: 3, owners_kept: 300 }),
        ("", FromAgent::LeftOut { path: bytes("/srv/nfs"), why: "an nfs4 file system is mounted there".into() }),
    ]
}

/// Everything a server says.
pub(crate) fn to_agent() -> Vec<(&'static str, ToAgent)> {
    let restore = |overwrite| {
        ToAgent::Restore(RestoreJob {
            target: bytes("/srv/restored"),
            overwrite,
            delete: true,
            verify: false,
            dry_run: false,
            owners_by_name: true,
        })
    };
    vec![
        ("", ToAgent::Welcome { version: Version(1) }),
        (
            "",
            ToAgent::Backup(BackupJob {
                roots: vec![bytes("/etc"), bytes("/var/www")],
                filter: Filter {
                    exclude: vec!["*.log".into()],
                    iexclude: vec!["*.TMP".into()],
                    exclude_if_present: vec![".nobackup".into()],
                    exclude_caches: true,
                    exclude_larger_than: Some(1 << 30),
                    one_file_system: false,
                    local_only: true,
                },
                chunker: ChunkerSpec::Gear { seed: [5; 32] },
                digest_seed: [6; 32],
                atime: false,
                compress: true,
                credit: 64 << 20,
            }),
        ),
        (
            "",
            ToAgent::Command(CommandJob {
                command: "pg_dumpall".into(),
                chunker: ChunkerSpec::Rabin { polynomial: 0x003D_A335_8B4D_C173 },
                compress: false,
                credit: 1,
            }),
        ),
        ("_always", restore(Overwrite::Always)),
        ("_if_changed", restore(Overwrite::IfChanged)),
        ("_if_newer", restore(Overwrite::IfNewer)),
        ("_never", restore(Overwrite::Never)),
        ("", ToAgent::WantDirs { upto: 1000, wanted: vec![0, 127, 128, 999] }),
        ("", ToAgent::WantFiles { dir: 7, entries: vec![0, 200] }),
        ("", ToAgent::WantChunks([true, false, true].into_iter().collect())),
        ("", ToAgent::Credit { bytes: 1 << 20 }),
        (
            "",
            ToAgent::Nodes(vec![
                RestoreNode {
                    path: bytes(""),
                    entry: entry("", EntryKind::Dir { number: 0 }),
                    user: String::new(),
                    group: String::new(),
                    whole: true,
                    chunks: vec![],
                    hard_link_to: None,
                },
                RestoreNode {
                    path: bytes("a/file"),
                    entry: entry("file", EntryKind::File { size: 3 }),
                    user: "root".into(),
                    group: "wheel".into(),
                    whole: false,
                    chunks: vec![chunk(9, 3)],
                    hard_link_to: Some(5),
                },
            ]),
        ),
        ("", ToAgent::WindowEnd),
        (
            "",
            ToAgent::Blob(BlobHeader {
                id: chunk(9, 3).id,
                stored_len: 2,
                len: 3,
                compressed: true,
                targets: vec![BlobTarget { node: 1, chunk: 0 }, BlobTarget { node: 300, chunk: 200 }],
            }),
        ),
        ("", ToAgent::CloseDirs(vec![0, 300])),
        ("", ToAgent::Finish),
        ("", ToAgent::MoreChunks(vec![chunk(10, 3)])),
    ]
}
