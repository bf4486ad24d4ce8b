//! Every rule on messages: what is just allowed passes, one step further is refused under its class.

use holdfast_model::{BlobId, Timestamp};

use super::*;
use crate::ViolationClass::{self, ChunkLength, Name, Protocol, Quota, Text};
use crate::limits::{MAX_CHUNK, MAX_COMMAND, MAX_HOME, MAX_PATTERN, MAX_STDERR, MAX_STORED_BLOB};
use crate::{
    BlobTarget, ChunkerSpec, EncodeError, Entry, EntryKind, FileOutcome, Filter, Need, Overwrite, RestoreOutcome,
    Xattr, encode,
};

/// The class of the violation that keeps a message from being sent.
fn from_agent(message: &FromAgent) -> Option<ViolationClass> {
    class(encode(message))
}

fn to_agent(message: &ToAgent) -> Option<ViolationClass> {
    class(encode(message))
}

fn class(result: Result<Vec<u8>, EncodeError>) -> Option<ViolationClass> {
    match result {
        Ok(_) => None,
        Err(EncodeError::Invalid { source }) => Some(source.class()),
        Err(other) => panic!("{other}"),
    }
}

fn bytes(len: usize) -> ByteBuf {
    ByteBuf::from(vec![b'x'; len])
}

fn text(len: usize) -> String {
    "x".repeat(len)
}

fn chunk(len: usize) -> ChunkRef {
    ChunkRef { id: BlobId::default(), len: len as u32 }
}

fn entry(name: &str, kind: EntryKind) -> Entry {
    let time = Timestamp::default();
    Entry {
        name: ByteBuf::from(name),
        kind,
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: time,
        atime: time,
        ctime: time,
        inode: 1,
        device: 1,
        links: 1,
        xattrs: Vec::new(),
    }
}

fn file(name: &str) -> Entry {
    entry(name, EntryKind::File { size: 1 })
}

#[test]
fn texts_for_people_are_bounded() {
    let problem = |during, message| FromAgent::Problem { path: bytes(1), during: text(during), message: text(message) };
    assert_eq!(from_agent(&FromAgent::Refused { message: text(MAX_TEXT) }), None);
    assert_eq!(from_agent(&FromAgent::Refused { message: text(MAX_TEXT + 1) }), Some(Text));
    assert_eq!(from_agent(&problem(MAX_TEXT, MAX_TEXT)), None);
    assert_eq!(from_agent(&problem(MAX_TEXT + 1, 0)), Some(Text));
    assert_eq!(from_agent(&problem(0, MAX_TEXT + 1)), Some(Text));
    let hello = |release, architecture, nanoseconds| {
        FromAgent::Hello(AgentHello {
            oldest: Version(1),
            newest: Version(1),
            release: text(release),
            architecture: text(architecture),
            uid: 0,
            now: Timestamp { seconds: 0, nanoseconds },
            home: bytes(0),
        })
    };
    assert_eq!(from_agent(&hello(MAX_TEXT, MAX_TEXT, 999_999_999)), None);
    assert_eq!(from_agent(&hello(MAX_TEXT + 1, 0, 0)), Some(Text));
    assert_eq!(from_agent(&hello(0, MAX_TEXT + 1, 0)), Some(Text));
    assert_eq!(from_agent(&hello(0, 0, 1_000_000_000)), Some(Protocol));
}

#[test]
fn a_home_is_an_absolute_path_of_bounded_length_or_not_known() {
    let hello = |home: &[u8]| {
        FromAgent::Hello(AgentHello {
            oldest: Version(1),
            newest: Version(1),
            release: text(1),
            architecture: text(1),
            uid: 0,
            now: Timestamp::default(),
            home: home.to_vec().into(),
        })
    };
    let of_length = |length: usize| [b"/aaaaaaa".repeat(length / 8), vec![b'a'; length % 8]].concat();
    for good in [&b""[..], b"/", b"/root", b"/home/\xff \n", &of_length(MAX_HOME)] {
        assert_eq!(from_agent(&hello(good)), None, "{}", good.escape_ascii());
    }
    for bad in [&b"root"[..], b"~", b"/root/", b"//root", b"/a/../etc", b"/..", b"/.", b"/ro\0ot"] {
        assert_eq!(from_agent(&hello(bad)), Some(Name), "{}", bad.escape_ascii());
    }
    assert_eq!(from_agent(&hello(&of_length(MAX_HOME + 1))), Some(Quota));
}

#[test]
fn a_problem_may_be_about_any_path_of_bounded_length() {
    let problem = |path| FromAgent::Problem { path, during: text(1), message: text(1) };
    assert_eq!(from_agent(&problem(ByteBuf::from(*b"a//..\0"))), None);
    assert_eq!(from_agent(&problem(bytes(MAX_PATH))), None);
    assert_eq!(from_agent(&problem(bytes(MAX_PATH + 1))), Some(Quota));
}

#[test]
fn owners_have_bounded_names() {
    let owners = |user, group| FromAgent::Owners { users: vec![(0, text(user))], groups: vec![(0, text(group))] };
    assert_eq!(from_agent(&owners(MAX_OWNER_NAME, MAX_OWNER_NAME)), None);
    assert_eq!(from_agent(&owners(MAX_OWNER_NAME + 1, 0)), Some(Text));
    assert_eq!(from_agent(&owners(0, MAX_OWNER_NAME + 1)), Some(Text));
}

#[test]
fn entries_stand_in_an_absolute_path_and_are_all_checked() {
    let entries = |path: &str, names: &[&str]| {
        let entries = names.iter().map(|name| file(name)).collect();
        FromAgent::Entries(DirEntries { dir: 0, path: ByteBuf::from(path), entries, last: None })
    };
    assert_eq!(from_agent(&entries("/", &["a", "b"])), None);
    assert_eq!(from_agent(&entries("etc", &["a"])), Some(Name));
    assert_eq!(from_agent(&entries("/etc/../a", &["a"])), Some(Name));
    assert_eq!(from_agent(&entries(&"/a".repeat(3000), &["a"])), Some(Quota));
    assert_eq!(from_agent(&entries("/", &["a", ".."])), Some(Name));
}

#[test]
fn chunks_have_bytes_but_not_too_many() {
    let chunks = |len| FromAgent::Chunks { file: 0, chunks: vec![chunk(1), chunk(len)] };
    assert_eq!(from_agent(&chunks(MAX_CHUNK)), None);
    assert_eq!(from_agent(&chunks(MAX_CHUNK + 1)), Some(ChunkLength));
    assert_eq!(from_agent(&chunks(0)), Some(ChunkLength));
    assert_eq!(to_agent(&ToAgent::MoreChunks(vec![chunk(0)])), Some(ChunkLength));
}

#[test]
fn only_a_valid_regular_file_is_stored_as_something_else() {
    let end = |entry| FromAgent::FileEnd(FileEnd { file: 0, outcome: FileOutcome::StoredAs(Box::new(entry)) });
    assert_eq!(from_agent(&end(file("a"))), None);
    assert_eq!(from_agent(&end(file("/"))), Some(Name));
    assert_eq!(from_agent(&end(entry("a", EntryKind::Fifo))), Some(Protocol));
}

#[test]
fn a_command_ends_in_one_way() {
    let end = |code, signal, len| FromAgent::CommandEnd(CommandEnd { code, signal, stderr: bytes(len) });
    assert_eq!(from_agent(&end(Some(0), None, MAX_STDERR)), None);
    assert_eq!(from_agent(&end(None, None, 0)), None);
    assert_eq!(from_agent(&end(Some(0), Some(9), 0)), Some(Protocol));
    assert_eq!(from_agent(&end(Some(0), None, MAX_STDERR + 1)), Some(Quota));
}

#[test]
fn answers_must_be_well_formed() {
    // Ten answers, of which the message shows one byte.
    let mut message = encode(&ToAgent::WantChunks([true; 8].into_iter().collect())).unwrap();
    assert_eq!(message, [6, 8, 1, 0xff]);
    message[1] = 10;
    assert_eq!(crate::decode::<ToAgent>(&message).unwrap_err().class(), Protocol);
    let mut message =
        encode(&FromAgent::Needs(vec![Need { node: 0, chunks: [true; 8].into_iter().collect() }])).unwrap();
    assert_eq!(message, [11, 1, 0, 8, 1, 0xff]);
    message[3] = 7;
    assert_eq!(crate::decode::<FromAgent>(&message).unwrap_err().class(), Protocol);
}

#[test]
fn jobs_name_absolute_paths_and_bounded_patterns() {
    let backup = |root: &str, filter| {
        ToAgent::Backup(BackupJob {
            roots: vec![ByteBuf::from("/etc"), ByteBuf::from(root)],
            filter,
            chunker: ChunkerSpec::Rabin { polynomial: 1 },
            digest_seed: [0; 32],
            atime: false,
            compress: false,
            credit: 0,
        })
    };
    assert_eq!(to_agent(&backup("/", Filter::default())), None);
    assert_eq!(to_agent(&backup("~", Filter::default())), Some(Name));
    let long = || vec![text(MAX_PATTERN + 1)];
    let filters = [
        Filter { exclude: long(), ..Filter::default() },
        Filter { iexclude: long(), ..Filter::default() },
        Filter { exclude_if_present: long(), ..Filter::default() },
    ];
    for filter in filters {
        assert_eq!(to_agent(&backup("/", filter)), Some(Quota));
    }
    let command = |len| {
        let chunker = ChunkerSpec::Gear { seed: [0; 32] };
        ToAgent::Command(CommandJob { command: text(len), chunker, compress: false, credit: 0 })
    };
    assert_eq!(to_agent(&command(MAX_COMMAND)), None);
    assert_eq!(to_agent(&command(MAX_COMMAND + 1)), Some(Quota));
    let restore = |target: &str| {
        let target = ByteBuf::from(target);
        ToAgent::Restore(RestoreJob {
            target,
            overwrite: Overwrite::Never,
            delete: false,
            verify: false,
            dry_run: false,
            owners_by_name: false,
        })
    };
    assert_eq!(to_agent(&restore("/srv")), None);
    assert_eq!(to_agent(&restore("srv/..")), Some(Name));
}

#[test]
fn only_answered_directories_are_wanted() {
    assert_eq!(to_agent(&ToAgent::WantDirs { upto: 3, wanted: vec![2, 0] }), None);
    assert_eq!(to_agent(&ToAgent::WantDirs { upto: 3, wanted: vec![3] }), Some(Protocol));
}

#[test]
fn a_node_lies_beneath_its_target_under_its_own_name() {
    let node = |path: &str, entry: Entry, chunks: Vec<ChunkRef>| {
        let (path, user, group) = (ByteBuf::from(path), text(MAX_OWNER_NAME), text(MAX_OWNER_NAME));
        RestoreNode { path, entry, user, group, whole: true, chunks, hard_link_to: None }
    };
    let nodes = |node| to_agent(&ToAgent::Nodes(vec![node]));
    let dir = || EntryKind::Dir { number: 0 };
    assert_eq!(nodes(node("", entry("", dir()), vec![])), None);
    assert_eq!(nodes(node("a/b", file("b"), vec![chunk(1)])), None);
    assert_eq!(nodes(node("a/b", file("a"), vec![])), Some(Name));
    assert_eq!(nodes(node("a/..", entry("..", dir()), vec![])), Some(Name));
    assert_eq!(nodes(node("/a", file("a"), vec![])), Some(Name));
    assert_eq!(nodes(node("", entry("a", dir()), vec![])), Some(Name));
    assert_eq!(nodes(node("a", entry("a", EntryKind::Fifo), vec![chunk(1)])), Some(Protocol));
    assert_eq!(nodes(node("a", file("a"), vec![chunk(0)])), Some(ChunkLength));
    let unsorted = ["b", "a"].map(|name| Xattr { name: ByteBuf::from(name), value: bytes(0) });
    assert_eq!(nodes(node("a", Entry { xattrs: unsorted.into(), ..file("a") }, vec![])), Some(Name));
    let long = || text(MAX_OWNER_NAME + 1);
    assert_eq!(nodes(RestoreNode { user: long(), ..node("a", file("a"), vec![]) }), Some(Text));
    assert_eq!(nodes(RestoreNode { group: long(), ..node("a", file("a"), vec![]) }), Some(Text));
}

#[test]
fn a_blob_has_possible_lengths() {
    let blob = |stored_len: usize, len: usize, compressed| {
        let (stored_len, len) = (stored_len as u32, len as u32);
        let targets = vec![BlobTarget { node: 0, chunk: 0 }];
        to_agent(&ToAgent::Blob(BlobHeader { id: BlobId::default(), stored_len, len, compressed, targets }))
    };
    assert_eq!(blob(MAX_STORED_BLOB, MAX_CHUNK, true), None);
    assert_eq!(blob(MAX_CHUNK, MAX_CHUNK, false), None);
    assert_eq!(blob(MAX_STORED_BLOB + 1, 1, true), Some(ChunkLength));
    assert_eq!(blob(1, MAX_CHUNK + 1, true), Some(ChunkLength));
    assert_eq!(blob(0, 1, true), Some(ChunkLength));
    assert_eq!(blob(1, 0, true), Some(ChunkLength));
    assert_eq!(blob(5, 6, false), Some(Protocol));
}

#[test]
fn messages_without_bounds_of_their_own_pass() {
    let restored = RestoredNode { node: u64::MAX, outcome: RestoreOutcome::Failed };
    assert_eq!(from_agent(&FromAgent::Restored(vec![restored])), None);
    assert_eq!(from_agent(&FromAgent::Walked { files: u64::MAX, bytes: u64::MAX }), None);
    assert_eq!(to_agent(&ToAgent::WantFiles { dir: u64::MAX, entries: vec![u32::MAX] }), None);
    assert_eq!(to_agent(&ToAgent::CloseDirs(vec![u64::MAX])), None);
}
