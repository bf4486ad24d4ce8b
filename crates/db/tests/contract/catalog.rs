//! The catalog: held against what the snapshots really had, whatever happens in between.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use holdfast_db::catalog::{Begun, Cataloging, ChainFilter, Directory, Entry, Listing, State};
use holdfast_db::{Database, KnownSnapshot, SnapshotDetails};
use holdfast_model::repository::RepositorySpec;
use holdfast_model::{ClientUid, EntryKind, RepositoryUid, SnapshotId, Time, TreeId};

use super::scene::{Scene, time};

/// What is in a directory.
type Tree = BTreeMap<String, Node>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Node {
    File(i64),
    Directory(Tree),
}

/// What a name was in each snapshot, by its path.
type Found = BTreeMap<String, BTreeMap<SnapshotId, (EntryKind, i64)>>;

const TIMES: fn() -> (Time, Time) = || (time(1000), time(2000));

pub(crate) async fn a_name_is_found_in_the_snapshots_that_have_it(scene: &Scene) {
    let repository = repository(scene).await;
    let client = scene.client_uid();
    let first = tree(&[("etc/hosts", 5), ("etc/ssh/config", 7), ("www/index.html", 100)]);
    let mut second = first.clone();
    put(&mut second, "etc/hosts", Some(6));
    put(&mut second, "www/index.html", None);
    let snapshots = [snapshot(scene, repository, client, 1), snapshot(scene, repository, client, 2)];
    for (snapshot, tree) in snapshots.iter().zip([&first, &second]) {
        see(scene, snapshot).await;
        assert!(catalog(&scene.db, snapshot, tree, usize::MAX, 100).await);
        assert!(!catalog(&scene.db, snapshot, tree, usize::MAX, 100).await, "it is cataloged already");
    }
    assert_eq!(found(scene, client).await, expected(&[(snapshots[0].id, &first), (snapshots[1].id, &second)]));
    assert_eq!(rows(scene).await, 3 + 1 + 2 + 1, "three directories, the name that changed twice, two that did not");
    let other = ChainFilter { client: Some(scene.client_uid()), ..ChainFilter::default() };
    assert!(scene.db.read().await.unwrap().catalog_chains(&other).await.unwrap().is_empty());
}

pub(crate) async fn a_directory_whose_tree_is_the_same_is_not_asked_for(scene: &Scene) {
    let repository = repository(scene).await;
    let client = scene.client_uid();
    let mut now = tree(&[("a/x", 1), ("b/c/y", 1), ("b/d/z", 1)]);
    let one = snapshot(scene, repository, client, 1);
    catalog(&scene.db, &one, &now, usize::MAX, 100).await;
    put(&mut now, "b/c/y", Some(2));
    let two = snapshot(scene, repository, client, 2);
    let (mut cataloging, root) = begin(&scene.db, &two, &now).await.unwrap();
    let asked = walk(&mut cataloging, root.unwrap(), &now, usize::MAX, 100).await.1;
    assert_eq!(asked, ["", "/b", "/b/c"]);
    cataloging.finish(TIMES()).await.unwrap();
    let three = snapshot(scene, repository, client, 3);
    let (_, root) = begin(&scene.db, &three, &now).await.unwrap();
    assert_eq!(root, None, "nothing at all has changed");
}

pub(crate) async fn what_could_not_be_read_is_asked_for_again(scene: &Scene) {
    let repository = repository(scene).await;
    let client = scene.client_uid();
    let now = tree(&[("a/x", 1), ("b/c/y", 1)]);
    let one = snapshot(scene, repository, client, 1);
    let (mut cataloging, root) = begin(&scene.db, &one, &now).await.unwrap();
    let known = cataloging.keep(TIMES(), &[listing(root.unwrap(), &now)]).await.unwrap();
    let (directory, state) = (known[1].directory, State::Unknown);
    let unknown = Listing { directory, state, is_first: true, is_last: true, entries: Vec::new() };
    cataloging.keep(TIMES(), &[unknown]).await.unwrap();
    let Node::Directory(a) = &now["a"] else { panic!() };
    cataloging.keep(TIMES(), &[listing(known[0].directory, a)]).await.unwrap();
    cataloging.finish(TIMES()).await.unwrap();
    let two = snapshot(scene, repository, client, 2);
    see(scene, &two).await;
    let (mut cataloging, root) = begin(&scene.db, &two, &now).await.unwrap();
    assert_eq!(walk(&mut cataloging, root.unwrap(), &now, usize::MAX, 100).await.1, ["", "/b", "/b/c"]);
    cataloging.finish(TIMES()).await.unwrap();
    assert_eq!(found(scene, client).await, expected(&[(two.id, &now)]));
}

pub(crate) async fn one_job_at_a_time_works_on_a_chain(scene: &Scene) {
    let repository = repository(scene).await;
    let client = scene.client_uid();
    let (one, two) = (snapshot(scene, repository, client, 1), snapshot(scene, repository, client, 2));
    let Begun::Ready(mut first) = scene.db.begin_catalog(&one, "first", (time(0), time(60))).await.unwrap() else {
        panic!("nobody else is there")
    };
    let begun = scene.db.begin_catalog(&two, "second", (time(30), time(90))).await.unwrap();
    assert!(matches!(begun, Begun::Busy));
    let begun = scene.db.begin_catalog(&two, "second", (time(61), time(120))).await.unwrap();
    assert!(matches!(begun, Begun::Ready(_)), "the first has not been heard of for too long");
    let root = first.root(TreeId::new([1; 32])).unwrap();
    let listing = listing(root, &tree(&[("x", 1)]));
    let error = first.keep((time(62), time(120)), &[listing]).await.unwrap_err();
    assert_eq!(error.kind(), holdfast_db::DbErrorKind::Changed);
    assert_eq!(rows(scene).await, 0, "it writes no more");
}

pub(crate) async fn what_goes_and_comes_back_is_as_it_was_whoever_dies_in_between(scene: &Scene) {
    let repository = repository(scene).await;
    for seed in 1..=12 {
        let mut random = Random(seed);
        let clients = [scene.client_uid(), scene.client_uid()];
        let mut trees = [tree(&[]), tree(&[])];
        let mut kept: [Vec<(SnapshotId, Tree)>; 2] = Default::default();
        for step in 0..12_u8 {
            let at = random.below(2);
            let tree = &mut trees[at];
            for _ in 0..random.below(6) {
                change(tree, &mut random);
            }
            let mut snapshot = snapshot(scene, repository, clients[at], step);
            snapshot.id = SnapshotId::new([seed as u8, step, at as u8].repeat(11)[..32].try_into().unwrap());
            see(scene, &snapshot).await;
            let part = 1 + random.below(4);
            // Some die half-way, a few even twice; what comes after may be another snapshot.
            let steps = if random.below(3) == 0 { random.below(5) } else { usize::MAX };
            if catalog(&scene.db, &snapshot, tree, steps, part).await {
                kept[at].push((snapshot.id, tree.clone()));
            }
            if random.below(3) == 0 && !kept[at].is_empty() {
                let gone = random.below(kept[at].len());
                let (id, _) = kept[at].remove(gone);
                let mut writer = scene.db.write().await.unwrap();
                writer.remove_snapshot(repository, id).await.unwrap();
                writer.commit().await.unwrap();
            }
            if random.below(3) == 0 {
                while scene.db.tidy_catalog("job", TIMES()).await.unwrap().goes_on {}
            }
            for (client, kept) in clients.iter().zip(&kept) {
                let snapshots: Vec<_> = kept.iter().map(|(id, tree)| (*id, tree)).collect();
                assert_eq!(found(scene, *client).await, expected(&snapshots), "seed {seed}, step {step}");
            }
        }
    }
}

pub(crate) async fn what_no_snapshot_has_any_more_is_taken_out(scene: &Scene) {
    let repository = repository(scene).await;
    let client = scene.client_uid();
    let mut now = tree(&[("stays/a", 1), ("grows/b", 1)]);
    let mut ids = Vec::new();
    for day in 0..10_u8 {
        put(&mut now, "grows/b", Some(day.into()));
        put(&mut now, &format!("days/{day}"), Some(1));
        put(&mut now, &format!("days/{}", i16::from(day) - 2), None);
        let snapshot = snapshot(scene, repository, client, day);
        see(scene, &snapshot).await;
        catalog(&scene.db, &snapshot, &now, usize::MAX, 100).await;
        ids.push(snapshot.id);
    }
    let before = rows(scene).await;
    let mut writer = scene.db.write().await.unwrap();
    for id in &ids[1..8] {
        writer.remove_snapshot(repository, *id).await.unwrap();
    }
    writer.commit().await.unwrap();
    let as_it_was = found(scene, client).await;
    while scene.db.tidy_catalog("job", TIMES()).await.unwrap().goes_on {}
    assert_eq!(found(scene, client).await, as_it_was);
    let names = names(scene).await;
    assert!(!names.contains("3") && names.contains("0") && names.contains("8"), "{names:?}");
    assert!(rows(scene).await < before - 10, "{before} before, {} now", rows(scene).await);
    let mut writer = scene.db.write().await.unwrap();
    writer.remove::<RepositorySpec>(repository, None).await.unwrap();
    writer.commit().await.unwrap();
    assert!(found(scene, client).await.is_empty(), "they go with their repository");
    while scene.db.tidy_catalog("job", TIMES()).await.unwrap().goes_on {}
    assert_eq!((rows(scene).await, self::names(scene).await.len()), (0, 0));
    assert!(scene.db.read().await.unwrap().catalog_chains(&ChainFilter::default()).await.unwrap().is_empty());
}

pub(crate) async fn a_directory_that_loses_very_much_at_once_is_emptied(scene: &Scene) {
    let repository = repository(scene).await;
    let client = scene.client_uid();
    let paths: Vec<String> = (0..4500).map(|n| format!("many/{n}")).collect();
    let many = tree(&paths.iter().map(|path| (path.as_str(), 1)).collect::<Vec<_>>());
    let few = tree(&[("many/17", 1)]);
    let snapshots = [snapshot(scene, repository, client, 1), snapshot(scene, repository, client, 2)];
    for (snapshot, tree) in snapshots.iter().zip([&many, &few]) {
        see(scene, snapshot).await;
        catalog(&scene.db, snapshot, tree, usize::MAX, 2000).await;
    }
    assert_eq!(
        (rows(scene).await, count(scene, "last = 0").await),
        (4501, 2),
        "one of them and the directory are left"
    );
}

/// Catalogs a snapshot, or dies after so many steps. Gives back whether it is cataloged now and was not before.
async fn catalog(db: &Database, snapshot: &KnownSnapshot, tree: &Tree, steps: usize, part: usize) -> bool {
    let Some((mut cataloging, root)) = begin(db, snapshot, tree).await else { return false };
    let is_done = match root {
        Some(root) => walk(&mut cataloging, root, tree, steps, part).await.0,
        None => true,
    };
    if is_done {
        cataloging.finish(TIMES()).await.unwrap();
    }
    is_done
}

async fn begin(db: &Database, snapshot: &KnownSnapshot, tree: &Tree) -> Option<(Cataloging, Option<Directory>)> {
    match db.begin_catalog(snapshot, "job", TIMES()).await.unwrap() {
        Begun::Ready(cataloging) => {
            let root = cataloging.root(id_of(tree));
            Some((*cataloging, root))
        }
        Begun::Done => None,
        Begun::Busy => panic!("nobody else is there"),
    }
}

/// Gives directories, in parts of so many entries. Gives back whether it came to the end, and which it was asked for.
async fn walk(
    cataloging: &mut Cataloging,
    root: Directory,
    tree: &Tree,
    steps: usize,
    part: usize,
) -> (bool, Vec<String>) {
    let (mut left, mut asked) = (steps, Vec::new());
    let mut ahead = vec![(root, Some((String::new(), tree)))];
    while let Some((directory, found)) = ahead.pop() {
        let (path, tree) = found.map_or((None, None), |(path, tree)| (Some(path), Some(tree)));
        asked.extend(path.clone());
        let entries = tree.map(|tree| listing(directory, tree).entries).unwrap_or_default();
        let parts: Vec<Vec<Entry>> = match entries.len() {
            0 => vec![Vec::new()],
            _ => entries.chunks(part).map(<[Entry]>::to_vec).collect(),
        };
        for (at, entries) in parts.iter().enumerate() {
            if left == 0 {
                return (false, asked);
            }
            left -= 1;
            let listing = Listing {
                directory,
                state: tree.map_or(State::Gone, |tree| State::Tree(id_of(tree))),
                is_first: at == 0,
                is_last: at + 1 == parts.len(),
                entries: entries.clone(),
            };
            for next in cataloging.keep(TIMES(), &[listing]).await.unwrap() {
                let found = next.found.map(|(_, place)| {
                    let name = &entries[place].name;
                    let Node::Directory(inside) = &tree.unwrap()[name] else { panic!("{name} is no directory") };
                    (format!("{}/{name}", path.as_ref().unwrap()), inside)
                });
                ahead.push((next.directory, found));
            }
        }
    }
    (true, asked)
}

fn listing(directory: Directory, tree: &Tree) -> Listing {
    let entry = |(name, node): (&String, &Node)| {
        let (kind, size, tree) = match node {
            Node::File(size) => (EntryKind::File, *size, None),
            Node::Directory(tree) => (EntryKind::Directory, 0, Some(id_of(tree))),
        };
        Entry { name: name.clone(), kind, size, modified: size, content: 0, tree }
    };
    let entries = tree.iter().map(entry).collect();
    Listing { directory, state: State::Tree(id_of(tree)), is_first: true, is_last: true, entries }
}

fn id_of(tree: &Tree) -> TreeId {
    let mut hasher = DefaultHasher::new();
    tree.hash(&mut hasher);
    TreeId::new(hasher.finish().to_be_bytes().repeat(4).try_into().unwrap())
}

/// All that the catalog says of a client.
async fn found(scene: &Scene, client: ClientUid) -> Found {
    let mut reader = scene.db.read().await.unwrap();
    let filter = ChainFilter { client: Some(client), ..ChainFilter::default() };
    let mut found = Found::new();
    let mut after = 0;
    while let Some(block) = reader.catalog_names(after, 3).await.unwrap() {
        after = block.last;
        for (id, name) in block.names() {
            for chain in reader.catalog_chains(&filter).await.unwrap() {
                let mut behind = (0, 0);
                loop {
                    let places = reader.catalog_places(id, Some(&[chain]), behind, 2).await.unwrap();
                    let Some(last) = places.last() else { break };
                    behind = *last;
                    let snapshots = reader.catalog_chain(chain).await.unwrap().unwrap().snapshots;
                    let places: Vec<(i64, i64)> = places.iter().map(|(_, directory)| (*directory, id)).collect();
                    for span in reader.catalog_spans(&places).await.unwrap() {
                        let path = reader.catalog_paths(&[span.directory]).await.unwrap();
                        let mut path = path.get(&span.directory).cloned().unwrap_or_default().join("/");
                        if !path.is_empty() {
                            path.push('/');
                        }
                        for (number, id, _) in snapshots.iter().filter(|(number, ..)| span.covers(*number)) {
                            let before =
                                found.entry(format!("{path}{name}")).or_default().insert(*id, (span.kind, span.size));
                            assert_eq!(before, None, "{path}{name} at {number}");
                        }
                    }
                }
            }
        }
    }
    found
}

fn expected(snapshots: &[(SnapshotId, &Tree)]) -> Found {
    fn add(found: &mut Found, path: &str, id: SnapshotId, tree: &Tree) {
        for (name, node) in tree {
            let path = format!("{path}{name}");
            let what = match node {
                Node::File(size) => (EntryKind::File, *size),
                Node::Directory(inside) => {
                    add(found, &format!("{path}/"), id, inside);
                    (EntryKind::Directory, 0)
                }
            };
            found.entry(path).or_default().insert(id, what);
        }
    }
    let mut found = Found::new();
    for (id, tree) in snapshots {
        add(&mut found, "", *id, tree);
    }
    found
}

async fn names(scene: &Scene) -> BTreeSet<String> {
    let block = scene.db.read().await.unwrap().catalog_names(0, 10_000).await.unwrap();
    block.map(|block| block.names().map(|(_, name)| name.to_owned()).collect()).unwrap_or_default()
}

async fn rows(scene: &Scene) -> i64 {
    count(scene, "0 = 0").await
}

async fn count(scene: &Scene, condition: &'static str) -> i64 {
    use sqlx::{Connection, Row};
    let mut connection = sqlx::AnyConnection::connect(&scene.address).await.unwrap();
    let statement = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) AS count FROM catalog_entries WHERE {condition}"));
    sqlx::query(statement).fetch_one(&mut connection).await.unwrap().get("count")
}

async fn repository(scene: &Scene) -> RepositoryUid {
    super::snapshots::repository(scene).await
}

fn snapshot(scene: &Scene, repository: RepositoryUid, client: ClientUid, number: u8) -> KnownSnapshot {
    KnownSnapshot {
        repository,
        id: SnapshotId::new([number; 32]),
        tenant: scene.tenant,
        client: Some(client),
        policy: None,
        job: None,
        at: time(number.into()),
        complete: true,
        hostname: "web1".into(),
        details: SnapshotDetails::default(),
    }
}

async fn see(scene: &Scene, snapshot: &KnownSnapshot) {
    let mut writer = scene.db.write().await.unwrap();
    writer.add_snapshot(snapshot).await.unwrap();
    writer.commit().await.unwrap();
}

fn tree(files: &[(&str, i64)]) -> Tree {
    let mut tree = Tree::new();
    for (path, size) in files {
        put(&mut tree, path, Some(*size));
    }
    tree
}

/// Puts a file there, or takes away what is there.
fn put(tree: &mut Tree, path: &str, size: Option<i64>) {
    match path.split_once('/') {
        None => match size {
            Some(size) => drop(tree.insert(path.to_owned(), Node::File(size))),
            None => drop(tree.remove(path)),
        },
        Some((name, rest)) => {
            let node = tree.entry(name.to_owned()).or_insert_with(|| Node::Directory(Tree::new()));
            if !matches!(node, Node::Directory(_)) {
                *node = Node::Directory(Tree::new());
            }
            if let Node::Directory(inside) = node {
                put(inside, rest, size);
            }
        }
    }
}

fn change(tree: &mut Tree, random: &mut Random) {
    let depth = 1 + random.below(3);
    let names: Vec<&str> = (0..depth).map(|_| ["a", "b", "c"][random.below(3)]).collect();
    let size = (random.below(3) > 0).then(|| random.below(3) as i64);
    put(tree, &names.join("/"), size);
}

/// Numbers that are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }
}
