//! What the catalog costs: a client with many files, of which some change from one snapshot to the next.
//!
//! `catalog sqlite|postgres FILES SNAPSHOTS DIR` makes a database in DIR, or in a PostgreSQL of its own, catalogs so many snapshots
//! of so many files, and searches them. Of a hundred files one changes each time: of ten of these eight get another size, one
//! goes, and one comes with a new name. Each file has a name of its own, 20 are in a directory, 100 directories in another.
//!
//! With no snapshots it searches in what is there. Directories come from memory: what reading them from a repository takes is not part of it.

#![expect(clippy::print_stdout, reason = "an example that shows figures")]

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use holdfast_control::find::{Mode, Pattern, Search, find, versions};
use holdfast_db::catalog::{Begun, ChainFilter, Entry, Listing, State};
use holdfast_db::{Database, KnownSnapshot, Options, SnapshotDetails};
use holdfast_model::repository::RepositorySpec;
use holdfast_model::tenant::TenantSpec;
use holdfast_model::{ClientUid, Clock, EntryKind, RepositoryUid, SnapshotId, SystemClock, TenantUid, Time, TreeId};
use holdfast_testkit::Postgres;

const PER_DIRECTORY: usize = 20;
const DIRECTORIES: usize = 100;
/// As the walk does it.
const ENTRIES_AT_ONCE: usize = 2000;

type Failure = Box<dyn std::error::Error>;

/// What the client has: directories of files, each with a count of its changes.
struct Client {
    directories: Vec<Vec<(String, i64)>>,
    changes: Vec<u64>,
    next: u64,
    random: u64,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [kind, files, snapshots, dir] = arguments[..] else {
        return Err("give `sqlite` or `postgres`, a count of files, one of snapshots, and a folder".into());
    };
    let server = if kind == "postgres" { Some(Postgres::start().ok_or("there is no PostgreSQL here")?) } else { None };
    let address = match &server {
        Some(server) => server.new_database("catalog"),
        None => format!("sqlite:{}", Path::new(dir).join("catalog.db").display()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(&address, files.parse()?, snapshots.parse()?))
}

async fn measure(address: &str, files: usize, snapshots: u32) -> Result<(), Failure> {
    let db = Database::open(&Options { address: address.to_owned(), connections: 4 }).await?;
    if snapshots == 0 {
        let mut reader = db.read().await?;
        let chain = *reader.catalog_chains(&ChainFilter::default()).await?.first().ok_or("there is nothing in it")?;
        let client = reader.catalog_chain(chain).await?.and_then(|chain| chain.client).ok_or("it is nobody's")?;
        drop(reader);
        return search(&db, client, &Client::new(PER_DIRECTORY).directories[0][0].0).await;
    }
    let now = SystemClock.now();
    let (tenant, repository) = (TenantUid::new(now, [1; 10]), RepositoryUid::new(now, [2; 10]));
    let client = ClientUid::new(now, [3; 10]);
    let spec: RepositorySpec =
        serde_json::from_str(r#"{"name": "main", "uri": "/srv/backup", "password": "file:/etc/p"}"#)?;
    let mut writer = db.write().await?;
    writer.create(tenant, tenant, TenantSpec::new("default".parse()?), now.to_time()).await?;
    writer.create(repository, tenant, spec, now.to_time()).await?;
    writer.commit().await?;

    let mut files = Client::new(files);
    let mut seconds = Vec::new();
    for number in 0..snapshots {
        if number > 0 {
            files.change();
        }
        let mut id = [0; 32];
        id[..4].copy_from_slice(&(number + 1).to_be_bytes());
        let snapshot = KnownSnapshot {
            repository,
            id: SnapshotId::new(id),
            tenant,
            client: Some(client),
            policy: None,
            job: None,
            at: Time::from_second(1_800_000_000 + i64::from(number) * 86_400)?,
            complete: true,
            hostname: "web1".into(),
            details: SnapshotDetails::default(),
        };
        let started = Instant::now();
        files.catalog(&db, &snapshot).await?;
        let taken = started.elapsed().as_secs_f64();
        let mut writer = db.write().await?;
        writer.add_snapshot(&snapshot).await?;
        writer.commit().await?;
        println!("snapshot {}: {taken:.2} s, {:.0} MB", number + 1, size(address)? as f64 / 1e6);
        seconds.push(taken);
    }
    let rest = &seconds[1.min(seconds.len())..];
    println!("first {:.1} s, others {:.2} s each", seconds[0], rest.iter().sum::<f64>() / rest.len().max(1) as f64);
    search(&db, client, &files.directories[0][0].0).await
}

async fn search(db: &Database, client: ClientUid, some: &str) -> Result<(), Failure> {
    let all = ChainFilter::default();
    let of_client = ChainFilter { client: Some(client), ..all };
    for (mode, text, filter) in [
        (Mode::Substring, some, all),
        (Mode::Substring, "nowhere", all),
        (Mode::Substring, "photo", all),
        (Mode::Substring, "photo", of_client),
        (Mode::Substring, "99999", of_client),
        (Mode::Glob, "*99999*.jpg", all),
        (Mode::Regex, r"^photo-0*4\d{3}7-.*\.jpe?g$", all),
        (Mode::Regex, r"(a|b)+.*(b|c)+x$", all),
    ] {
        let pattern = Pattern::new(mode, text)?;
        let mut times = Vec::new();
        let mut count = 0;
        for _ in 0..5 {
            let mut reader = db.read().await?;
            let started = Instant::now();
            let found =
                find(&mut reader, &Search { pattern: &pattern, filter, limit: 50, after: None }, &SystemClock).await?;
            times.push(started.elapsed().as_secs_f64());
            count = found.items.len();
        }
        times.sort_by(f64::total_cmp);
        let (middle, most) = (times[2] * 1e3, times[4] * 1e3);
        let filter = if filter.is_empty() { "" } else { " of one client" };
        println!("{} {text}{filter}: {count} found, {middle:.0} ms, at most {most:.0} ms", mode.as_str());
    }
    let mut reader = db.read().await?;
    let started = Instant::now();
    let found = versions(&mut reader, &of_client, &format!("/d0/e0/{some}")).await?;
    println!("versions: {} found, {:.1} ms", found.len(), started.elapsed().as_secs_f64() * 1e3);
    Ok(())
}

impl Client {
    fn new(files: usize) -> Self {
        let mut client = Self { directories: Vec::new(), changes: Vec::new(), next: 0, random: 1 };
        for _ in 0..files.div_ceil(PER_DIRECTORY) {
            let directory = (0..PER_DIRECTORY).map(|_| (client.new_name(), 1000)).collect();
            client.directories.push(directory);
            client.changes.push(0);
        }
        client
    }

    fn new_name(&mut self) -> String {
        self.next += 1;
        format!("photo-{:08}-{:04x}.jpg", self.next, self.next.wrapping_mul(2_654_435_761) & 0xffff)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.random >> 33) as usize) % bound
    }

    fn change(&mut self) {
        for nth in 0..self.directories.len() * PER_DIRECTORY / 100 {
            let at = self.below(self.directories.len());
            let count = self.directories[at].len();
            let file = self.below(count.max(1));
            match nth % 10 {
                0 if count > 1 => drop(self.directories[at].remove(file)),
                1 => {
                    let name = self.new_name();
                    self.directories[at].push((name, 1000));
                }
                _ => self.directories[at][file].1 += 1,
            }
            self.changes[at] += 1;
        }
    }

    /// Stands for a tree's id: another one if anything in it has changed.
    fn tree(&self, directories: std::ops::Range<usize>, level: u8) -> TreeId {
        let changes: u64 = self.changes[directories.clone()].iter().sum();
        let mut id = [level; 32];
        id[..8].copy_from_slice(&(directories.start as u64).to_be_bytes());
        id[8..16].copy_from_slice(&changes.to_be_bytes());
        TreeId::new(id)
    }

    fn directory(&self, name: String, directories: std::ops::Range<usize>, level: u8) -> Entry {
        let tree = Some(self.tree(directories, level));
        Entry { name, kind: EntryKind::Directory, size: 0, modified: 0, content: 0, tree }
    }

    /// What is in a directory: in the root and one level below, more of them.
    fn entries(&self, level: u8, first: usize) -> Vec<Entry> {
        let count = self.directories.len();
        match level {
            0 => (0..count)
                .step_by(DIRECTORIES)
                .map(|at| self.directory(format!("d{}", at / DIRECTORIES), at..count.min(at + DIRECTORIES), 1))
                .collect(),
            1 => (first..count.min(first + DIRECTORIES))
                .map(|at| self.directory(format!("e{}", at - first), at..at + 1, 2))
                .collect(),
            _ => self.directories[first]
                .iter()
                .map(|(name, size)| Entry {
                    name: name.clone(),
                    kind: EntryKind::File,
                    size: *size,
                    modified: 1_800_000_000_000_000 + size * 1_000_000,
                    content: *size,
                    tree: None,
                })
                .collect(),
        }
    }

    async fn catalog(&self, db: &Database, snapshot: &KnownSnapshot) -> Result<(), Failure> {
        let now = SystemClock.now().to_time();
        let times = (now, now.checked_add(std::time::Duration::from_secs(300))?);
        let Begun::Ready(mut cataloging) = db.begin_catalog(snapshot, "measure", times).await? else {
            return Err("it is cataloged already".into());
        };
        let root = self.tree(0..self.directories.len(), 0);
        let mut ahead: Vec<_> =
            cataloging.root(root).map(|root_of| (root_of, root, 0_u8, 0_usize)).into_iter().collect();
        while !ahead.is_empty() {
            let (mut listings, mut places, mut count) = (Vec::new(), Vec::new(), 0);
            while count < ENTRIES_AT_ONCE
                && let Some((directory, tree, level, first)) = ahead.pop()
            {
                let entries = self.entries(level, first);
                count += entries.len();
                listings.push(Listing { directory, state: State::Tree(tree), is_first: true, is_last: true, entries });
                places.push((level, first));
            }
            for next in cataloging.keep(times, &listings).await? {
                let (listing, place) = next.found.ok_or("no directory goes")?;
                let tree = listings[listing].entries[place].tree.ok_or("a directory has a tree")?;
                let (level, first) = places[listing];
                let first = first + place * if level == 0 { DIRECTORIES } else { 1 };
                ahead.push((next.directory, tree, level + 1, first));
            }
        }
        Ok(cataloging.finish(times).await?)
    }
}

/// Bytes of the database.
fn size(address: &str) -> Result<u64, Failure> {
    if let Some(path) = address.strip_prefix("sqlite:") {
        let log = std::fs::metadata(format!("{path}-wal")).map_or(0, |log| log.len());
        return Ok(std::fs::metadata(path)?.len() + log);
    }
    let query = "SELECT pg_database_size(current_database())";
    let output = Command::new("psql").args([address, "-Atc", query]).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}
