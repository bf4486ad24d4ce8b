//! What we write is what restic reads, and the other way round; and our prune finds what restic's finds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use holdfast_chunker::sha256;
use holdfast_model::{BlobId, CancelToken, Clock, PackId, Silent, SystemClock, TreeId};
use holdfast_repo::key::KdfCost;
use holdfast_repo::prune::{MaxUnused, PruneOptions, PrunePlan};
use holdfast_repo::tree::{Node, NodeKind, Tree};
use holdfast_repo::{
    BlobKind, CheckpointPolicy, Compression, EngineOptions, IngestError, IngestSession, InitOptions, LockMode,
    OpenOptions, Proof, Repository, SavedSnapshot, Snapshot, copy_snapshots,
};
use holdfast_store::fault::{Effect, FaultStore, Trigger};
use holdfast_store::{FileKind, LocalStore, Sleep, Store};
use holdfast_testkit::{Prng, Restic, temp_dir};

const PASSWORD: &str = "a password";

fn cheap() -> InitOptions {
    InitOptions { kdf_cost: KdfCost { log_n: 10, r: 8, p: 1 }, ..InitOptions::default() }
}

fn options(compression: Compression) -> OpenOptions {
    let checkpoint = CheckpointPolicy { bytes: 1 << 20, interval: Duration::MAX };
    let engine = EngineOptions { compression, checkpoint, pack_size: 300_000, ..EngineOptions::default() };
    OpenOptions { engine, ..OpenOptions::default() }
}

fn init(path: &Path, compression: Compression) -> Repository {
    Repository::init(Arc::new(LocalStore::new(path)), PASSWORD.as_bytes(), cheap(), options(compression)).unwrap()
}

fn open(store: impl Store + 'static) -> Repository {
    Repository::open(Arc::new(store), PASSWORD.as_bytes(), options(Compression::Auto)).unwrap()
}

fn begin(repository: &Repository) -> Result<IngestSession, IngestError> {
    IngestSession::begin(repository, Box::new(|_| ()), &Sleep::default())
}

/// Puts a directory, its files cut every 100,000 bytes.
fn put_dir(session: &IngestSession, dir: &Path) -> Result<TreeId, IngestError> {
    let mut nodes = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().as_bytes().to_owned();
        if path.is_dir() {
            let subtree = put_dir(session, &path)?;
            nodes.push(Node::new(name, NodeKind::Dir { subtree }, 0o755));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let mut content = Vec::new();
        for chunk in bytes.chunks(100_000) {
            let id = BlobId::new(sha256(chunk));
            session.put_data(id, chunk.to_vec(), Proof::Unverified)?;
            content.push(id);
        }
        let mut node = Node::new(name, NodeKind::File { content }, 0o644);
        (node.size, node.links) = (bytes.len() as u64, 1);
        nodes.push(node);
    }
    session.put_tree(&Tree::new(nodes).unwrap())
}

fn backup(repository: &Repository, dir: &Path) -> Result<SavedSnapshot, IngestError> {
    let session = begin(repository)?;
    let tree = put_dir(&session, dir)?;
    let mut snapshot = Snapshot::new(SystemClock.now().into(), tree);
    snapshot.paths = vec!["/source".to_owned()];
    snapshot.hostname = "host".to_owned();
    Ok(session.commit(snapshot, |_, _| ())?.snapshot)
}

/// Files that compress and files that do not, small and large, in folders.
fn make_source(dir: &Path, seed: u64) {
    let mut random = Prng::new(seed);
    for folder in 0..5 {
        let folder = dir.join(format!("folder {folder}"));
        fs::create_dir_all(&folder).unwrap();
        for file in 0..20 {
            let length = random.below(if file == 0 { 700_000 } else { 20_000 }) as usize;
            let bytes: Vec<u8> = if file % 2 == 0 {
                (0..length).map(|_| random.below(256) as u8).collect()
            } else {
                format!("line {} of {seed}\n", random.below(100)).into_bytes().repeat(length / 20)
            };
            fs::write(folder.join(format!("file {file}")), bytes).unwrap();
        }
    }
    fs::write(dir.join("empty"), "").unwrap();
}

/// The contents of all files beneath, by path.
fn files(dir: &Path) -> BTreeSet<(String, Vec<u8>)> {
    let mut found = BTreeSet::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(at) = dirs.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().display().to_string();
                found.insert((name, fs::read(path).unwrap()));
            }
        }
    }
    found
}

fn files_of(repository: &Repository, tree: TreeId, path: &str, found: &mut BTreeSet<(String, Vec<u8>)>) {
    let engine = repository.engine();
    for node in engine.load_tree(tree).unwrap().nodes() {
        let name = format!("{path}{}", String::from_utf8_lossy(&node.name));
        match &node.kind {
            NodeKind::Dir { subtree } => files_of(repository, *subtree, &format!("{name}/"), found),
            NodeKind::File { content } => {
                let blobs = content.iter().map(|id| engine.load_blob(BlobKind::Data, id).unwrap());
                found.insert((name, blobs.collect::<Vec<_>>().concat()));
            }
            _ => panic!("no other kinds were made"),
        }
    }
}

#[test]
fn restic_checks_and_restores_what_we_write() {
    let dir = temp_dir();
    let source = dir.path().join("source");
    make_source(&source, 1);
    for compression in ["auto", "off", "fast", "best", "7"] {
        let path = dir.path().join(compression);
        let Some(restic) = Restic::new(&path, PASSWORD) else { return };
        let repository = init(&path, compression.parse().unwrap());
        let saved = backup(&repository, &source).unwrap();
        backup(&repository, &source.join("folder 1")).unwrap();
        restic.check_read_data();
        let target = dir.path().join(format!("target {compression}"));
        restic.restore(&saved.id.to_string(), &target);
        assert_eq!(files(&target), files(&source), "{compression}");
    }
}

#[test]
fn we_read_what_restic_writes_and_add_to_it() {
    let dir = temp_dir();
    let (source, path) = (dir.path().join("source"), dir.path().join("repository"));
    make_source(&source, 2);
    let Some(restic) = Restic::new(&path, PASSWORD) else { return };
    restic.ok(["init"]);
    let mut command = restic.command();
    assert!(command.current_dir(&source).args(["backup", "."]).output().unwrap().status.success());

    let repository = open(LocalStore::new(&path));
    repository.engine().refresh().unwrap();
    let snapshots = repository.snapshots().unwrap();
    let mut found = BTreeSet::new();
    files_of(&repository, snapshots[0].tree, "", &mut found);
    assert_eq!(found, files(&source));

    // What restic stored is not stored again: small files are one chunk in any cut.
    let before = repository.engine().index().len(BlobKind::Data);
    let small = source.join("folder 0");
    fs::remove_file(small.join("file 0")).unwrap();
    backup(&repository, &small).unwrap();
    assert_eq!(repository.engine().index().len(BlobKind::Data), before);
    restic.check_read_data();
}

#[test]
fn a_copy_is_what_restic_would_have_made() {
    let dir = temp_dir();
    let (source, from, to) = (dir.path().join("source"), dir.path().join("from"), dir.path().join("to"));
    make_source(&source, 3);
    let Some(restic_from) = Restic::new(&from, PASSWORD) else { return };
    let Some(restic_to) = Restic::new(&to, PASSWORD) else { return };
    restic_from.ok(["init"]);
    let mut command = restic_from.command();
    assert!(command.current_dir(&source).args(["backup", ".", "--tag", "x"]).output().unwrap().status.success());
    let (from, to) = (open(LocalStore::new(&from)), init(&to, Compression::Auto));
    let copy = || {
        let snapshots = from.snapshots().unwrap();
        copy_snapshots(&from, &snapshots, &to, &Sleep::default(), &Silent, &CancelToken::new()).unwrap()
    };
    assert_eq!(copy().copied.len(), 1);
    restic_to.check_read_data();
    assert_eq!(copy().copied.len(), 0);
    // restic takes our copy for its own, too.
    let mut command = restic_to.command();
    command.args(["copy", "--from-repo"]).arg(dir.path().join("from")).env("RESTIC_FROM_PASSWORD", PASSWORD);
    let output = command.output().unwrap();
    assert!(output.status.success());
    assert_eq!(to.snapshots().unwrap().len(), 1, "{}", String::from_utf8_lossy(&output.stdout));
}

/// A repository with four snapshots of a changing source, two of them forgotten, and an unreferenced pack.
fn used_repository(path: &Path, source: &Path, seed: u64) -> Repository {
    let repository = init(path, if seed.is_multiple_of(2) { Compression::Auto } else { Compression::Off });
    let mut saved = Vec::new();
    for n in 0..4 {
        make_source(&source.join(format!("part {n}")), 10 * seed + n);
        if n > 1 {
            fs::remove_dir_all(source.join(format!("part {}", n - 2))).unwrap();
        }
        saved.push(backup(&repository, source).unwrap());
    }
    repository.remove_snapshot(saved[0].id).unwrap();
    repository.remove_snapshot(saved[1].id).unwrap();
    // A pack that no index file names.
    let store = LocalStore::new(path);
    let named = store.list(FileKind::Index).unwrap();
    let left_over = begin(&repository).unwrap();
    left_over.put_data(BlobId::new(sha256(b"x")), b"x".to_vec(), Proof::Verified).unwrap();
    left_over.abandon().unwrap();
    for file in store.list(FileKind::Index).unwrap().iter().filter(|file| !named.contains(file)) {
        store.remove(FileKind::Index, &file.id).unwrap();
    }
    repository
}

/// What a plan says, in the form in which restic prints it.
#[derive(Debug, PartialEq)]
struct ResticPlan {
    numbers: BTreeMap<&'static str, u64>,
    /// The beginnings of the ids of packs: unreferenced, repacked and removed.
    packs: [BTreeSet<String>; 3],
}

impl ResticPlan {
    fn of(plan: &PrunePlan) -> Self {
        let stats = plan.stats();
        let (blobs, packs) = (&stats.blobs, &stats.packfiles);
        let numbers = [
            ("used", blobs.used),
            ("duplicates", blobs.duplicate),
            ("unused", blobs.unused),
            ("total", blobs.total),
            ("to repack", blobs.repack),
            ("this removes", blobs.repack_removed),
            ("to delete", blobs.remove),
            ("total prune", blobs.remove_total),
            ("remaining", blobs.remain),
            ("totally used packs", packs.used),
            ("partly used packs", packs.partly_used),
            ("unused packs", packs.unused),
            ("keep", packs.keep),
            ("repack", packs.repack),
            ("remove", packs.remove),
            ("unreferenced", packs.unref),
        ];
        let short = |packs: &mut dyn Iterator<Item = PackId>| packs.map(|pack| pack.short()).collect();
        let packs = [short(&mut plan.unreferenced()), short(&mut plan.repacked()), short(&mut plan.removed())];
        Self { numbers: numbers.into(), packs }
    }

    fn parse(said: &str) -> Self {
        // The number behind a label; 0 where restic leaves the line out.
        let number = |label: &str, last: &str| {
            let line = said.lines().find_map(|line| {
                let rest = line.strip_prefix(label)?.strip_prefix(':')?;
                rest.contains(last).then(|| rest.split_whitespace().next().unwrap().parse().unwrap())
            });
            line.unwrap_or(0)
        };
        let blobs = [
            "used",
            "duplicates",
            "unused",
            "total",
            "to repack",
            "this removes",
            "to delete",
            "total prune",
            "remaining",
        ];
        let mut numbers: BTreeMap<_, _> = blobs.into_iter().map(|label| (label, number(label, "blobs"))).collect();
        for label in ["totally used packs", "partly used packs", "unused packs"] {
            numbers.insert(label, number(label, ""));
        }
        for (name, label, last) in [
            ("keep", "to keep", "packs"),
            ("repack", "to repack", "packs"),
            ("remove", "to delete", " packs"),
            ("unreferenced", "to delete", "unreferenced"),
        ] {
            let mut line = said.lines().filter(|line| line.starts_with(label) && line.contains(last));
            let line = line.rfind(|line| name != "remove" || !line.contains("unreferenced"));
            let number = line.map_or("0", |line| line.split(':').nth(1).unwrap().split_whitespace().next().unwrap());
            numbers.insert(name, number.parse().unwrap());
        }
        let ids = |heading: &str| {
            let mut lines = said.lines().skip_while(|line| !line.contains(heading));
            let list = lines.nth(1).unwrap_or_default().trim_matches(['{', '}']);
            list.split_whitespace().map(|id| id[..8].to_owned()).collect()
        };
        let packs = ["following unreferenced packs", "following packs", "no longer used packs"].map(ids);
        Self { numbers, packs }
    }
}

#[test]
fn our_prune_plans_what_restic_plans_and_leaves_it_nothing_to_do() {
    // Packs are small here: only some of the settings take them for such.
    let base = PruneOptions { repack_smaller_than: Some(100 << 10), ..PruneOptions::default() };
    let with = |max_unused| PruneOptions { max_unused, ..base.clone() };
    let settings: [(&str, PruneOptions); 7] = [
        ("", PruneOptions::default()),
        ("--repack-smaller-than 100k", base.clone()),
        ("--repack-smaller-than 100k --max-unused 0", with(MaxUnused::Bytes(0))),
        ("--repack-smaller-than 100k --max-unused unlimited", with(MaxUnused::Unlimited)),
        (
            "--repack-smaller-than 100k --max-unused 20% --max-repack-size 1M",
            PruneOptions { max_repack: 1 << 20, ..with(MaxUnused::Percent(20.0)) },
        ),
        (
            "--repack-smaller-than 100k --repack-cacheable-only",
            PruneOptions { repack_cacheable_only: Some(true), ..base.clone() },
        ),
        (
            "--repack-smaller-than 1M --repack-uncompressed",
            PruneOptions { repack_uncompressed: true, repack_smaller_than: Some(1 << 20), ..base.clone() },
        ),
    ];
    for (seed, (arguments, options)) in settings.into_iter().enumerate() {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        let dir = temp_dir();
        let (source, path) = (dir.path().join("source"), dir.path().join("repository"));
        let Some(restic) = Restic::new(&path, PASSWORD) else { return };
        let repository = used_repository(&path, &source, seed as u64);
        let restic_plan = |arguments: &[&str]| {
            ResticPlan::parse(&restic.ok(["prune", "--dry-run", "-v", "-v", "--no-lock"].iter().chain(arguments)))
        };
        let lock = repository.lock(LockMode::Exclusive, &Sleep::default()).unwrap();
        let plan = PrunePlan::new(&repository, options.clone(), &(), &[], &Silent, &CancelToken::new()).unwrap();
        let used = plan.stats().blobs.used;
        assert_eq!(ResticPlan::of(&plan), restic_plan(&arguments), "{arguments:?}");
        plan.execute(&lock, &Silent, &CancelToken::new()).unwrap();
        lock.release().unwrap();
        restic.check_read_data();
        let after = restic_plan(if options.repack_uncompressed { &[] } else { &arguments });
        assert_eq!((after.numbers["unreferenced"], after.numbers["remove"]), (0, 0), "{arguments:?}");
        if options.max_unused == MaxUnused::Bytes(0) {
            assert_eq!(after.numbers["total prune"], 0);
        }
        let again = PrunePlan::new(&repository, options, &(), &[], &Silent, &CancelToken::new()).unwrap();
        assert_eq!(again.stats().blobs.used, used);
    }
}

#[test]
fn restic_finds_nothing_wrong_after_a_process_of_ours_died() {
    let dir = temp_dir();
    let (source, path) = (dir.path().join("source"), dir.path().join("repository"));
    let Some(restic) = Restic::new(&path, PASSWORD) else { return };
    make_source(&source, 7);
    let repository = init(&path, Compression::Off);
    backup(&repository, &source.join("folder 1")).unwrap();
    drop(repository);
    // Points all over a backup and a prune; every single one is tried in memory, without restic.
    for (round, call) in [6, 11, 16, 22].into_iter().enumerate() {
        make_source(&source.join(format!("more {round}")), 100 + round as u64);
        let store = Arc::new(FaultStore::local(LocalStore::new(&path)));
        let dying = open(store.clone());
        store.inject(Trigger::nth(store.calls() + call), Effect::DieDuring);
        let _ = backup(&dying, &source);
        drop(dying);
        restic.check_read_data();

        let store = Arc::new(FaultStore::local(LocalStore::new(&path)));
        let dying = open(store.clone());
        dying.unlock(true).unwrap();
        let lock = dying.lock(LockMode::Exclusive, &Sleep::default()).unwrap();
        store.inject(Trigger::nth(store.calls() + 3 * call), Effect::DieDuring);
        let options = PruneOptions { max_unused: MaxUnused::Bytes(0), ..PruneOptions::default() };
        if let Ok(plan) = PrunePlan::new(&dying, options, &(), &[], &Silent, &CancelToken::new()) {
            let _ = plan.execute(&lock, &Silent, &CancelToken::new());
        }
        drop((lock, dying));
        restic.check_read_data();

        let next = open(LocalStore::new(&path));
        next.unlock(true).unwrap();
        let saved = backup(&next, &source).unwrap();
        let mut found = BTreeSet::new();
        files_of(&next, saved.tree, "", &mut found);
        assert_eq!(found, files(&source));
        next.remove_snapshot(saved.id).unwrap();
    }
}
