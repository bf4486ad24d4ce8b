//! Finding names in the snapshots of all clients, and the versions of one file.
//!
//! What is found is in a snapshot that is there now. An answer takes only so long: whoever has not seen all is told where to go
//! on, even if nothing was found yet.

mod pattern;
mod versions;

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use holdfast_db::catalog::{Chain, ChainFilter, Span};
use holdfast_db::{DbError, Reader};
use holdfast_model::{ClientUid, Clock, EntryKind, PolicyUid, RepositoryUid, SnapshotId, TenantUid, Time};

pub use pattern::{Mode, Pattern, PatternError};
pub use versions::{Version, versions};

/// A search goes on for so long.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many names are read at once.
const NAMES_AT_ONCE: u32 = 20_000;
/// Of so many it is asked at once where they are.
const PLACES_AT_ONCE: u32 = 200;
/// With more chains than these it is cheaper to look at all, and leave out the others.
const CHAINS_ASKED_FOR: usize = 500;

/// A search.
#[derive(Debug)]
pub struct Search<'a> {
    /// Which names.
    pub pattern: &'a Pattern,
    /// In which snapshots.
    pub filter: ChainFilter,
    /// At most so many.
    pub limit: usize,
    /// Behind this one.
    pub after: Option<Position>,
}

/// Where a search goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The number of a name.
    pub name: i64,
    /// The chain and directory that it was found in.
    pub place: (i64, i64),
}

/// A path that was found in the snapshots of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Whose it is.
    pub tenant: TenantUid,
    /// The client, if it is known.
    pub client: Option<ClientUid>,
    /// The host that the snapshots are stamped with.
    pub hostname: String,
    /// The policy, if one made the snapshots.
    pub policy: Option<PolicyUid>,
    /// Where the snapshots are.
    pub repository: RepositoryUid,
    /// The whole path.
    pub path: String,
    /// The last part of it.
    pub name: String,
    /// What it was last.
    pub kind: EntryKind,
    /// How large it was last.
    pub size: u64,
    /// When it had been changed then; none for a directory.
    pub modified: Option<Time>,
    /// The oldest snapshot that has it.
    pub first: (SnapshotId, Time),
    /// The newest.
    pub last: (SnapshotId, Time),
    /// How many versions of it there are.
    pub versions: u64,
}

/// Some of what was found.
#[derive(Debug, Default)]
pub struct FoundPage {
    /// What was found, in the order in which names became known.
    pub items: Vec<Found>,
    /// Where to go on, if there may be more.
    pub next: Option<Position>,
}

/// Searches for names.
pub async fn find(reader: &mut Reader, search: &Search<'_>, clock: &dyn Clock) -> Result<FoundPage, DbError> {
    let chains = match search.filter.is_empty() {
        true => None,
        false => Some(reader.catalog_chains(&search.filter).await?),
    };
    if chains.as_ref().is_some_and(Vec::is_empty) {
        return Ok(FoundPage::default());
    }
    let until = clock.instant() + PATIENCE;
    let allowed = chains.as_ref().map(|chains| chains.iter().copied().collect());
    let few = chains.filter(|chains| chains.len() <= CHAINS_ASKED_FOR);
    let mut finder = Finder { reader, clock, until, few, allowed, known: HashMap::new(), hits: Vec::new() };
    let next = finder.run(search).await?;
    let items = finder.items().await?;
    Ok(FoundPage { items, next })
}

/// A search under way.
struct Finder<'a> {
    reader: &'a mut Reader,
    clock: &'a dyn Clock,
    until: Instant,
    /// The chains that are searched, if they are few.
    few: Option<Vec<i64>>,
    /// The same, however many; none, if all are.
    allowed: Option<BTreeSet<i64>>,
    known: HashMap<i64, Option<Chain>>,
    hits: Vec<Hit>,
}

struct Hit {
    chain: i64,
    directory: i64,
    name: String,
    is: Summary,
}

/// What the snapshots that are there have of a name in a directory.
struct Summary {
    newest: Span,
    first: (SnapshotId, Time),
    last: (SnapshotId, Time),
    versions: u64,
}

/// Behind all places of a name.
const END: (i64, i64) = (i64::MAX, i64::MAX);

impl Finder<'_> {
    /// Gives back where to go on.
    async fn run(&mut self, search: &Search<'_>) -> Result<Option<Position>, DbError> {
        let mut behind = 0;
        if let Some(Position { name, place }) = search.after {
            behind = name;
            if place != END
                && let Some(text) = self.name(name).await?
                && let Some(next) = self.places(name, &text, place, search.limit).await?
            {
                return Ok(Some(next));
            }
        }
        while let Some(block) = self.reader.catalog_names(behind, NAMES_AT_ONCE).await? {
            behind = block.last;
            let mut matching: Vec<(i64, &str)> =
                block.names().filter(|(_, name)| search.pattern.matches(name)).collect();
            matching.sort_unstable();
            for part in matching.chunks(CHAINS_ASKED_FOR) {
                let ids: Vec<i64> = part.iter().map(|(id, _)| *id).collect();
                let there = match &self.few {
                    Some(chains) => self.reader.catalog_names_in(&ids, chains).await?,
                    None => ids,
                };
                for (id, text) in part.iter().filter(|(id, _)| there.binary_search(id).is_ok()) {
                    if let Some(next) = self.places(*id, text, (0, 0), search.limit).await? {
                        return Ok(Some(next));
                    }
                }
                if self.is_late() {
                    let last = part.last().map_or(behind, |(id, _)| *id);
                    return Ok(Some(Position { name: last, place: END }));
                }
            }
            if self.is_late() {
                return Ok(Some(Position { name: behind, place: END }));
            }
        }
        Ok(None)
    }

    fn is_late(&self) -> bool {
        self.clock.instant() >= self.until
    }

    async fn name(&mut self, id: i64) -> Result<Option<String>, DbError> {
        let block = self.reader.catalog_names(id - 1, 1).await?;
        Ok(block.and_then(|block| block.names().find(|(found, _)| *found == id).map(|(_, name)| name.to_owned())))
    }

    /// Looks at the places of one name. Gives back where to go on, if it has come to an end of patience or room.
    async fn places(
        &mut self,
        name: i64,
        text: &str,
        mut after: (i64, i64),
        limit: usize,
    ) -> Result<Option<Position>, DbError> {
        loop {
            let places = self.reader.catalog_places(name, self.few.as_deref(), after, PLACES_AT_ONCE).await?;
            let wanted: Vec<(i64, i64)> = places
                .iter()
                .filter(|(chain, _)| self.allowed.as_ref().is_none_or(|allowed| allowed.contains(chain)))
                .copied()
                .collect();
            let pairs: Vec<(i64, i64)> = wanted.iter().map(|(_, directory)| (*directory, name)).collect();
            let mut spans: HashMap<i64, Vec<Span>> = HashMap::new();
            for span in self.reader.catalog_spans(&pairs).await? {
                spans.entry(span.directory).or_default().push(span);
            }
            for (chain, directory) in wanted {
                let spans = spans.remove(&directory).unwrap_or_default();
                let Some(is) = self.chain(chain).await?.and_then(|chain| summary(chain, &spans)) else { continue };
                if self.hits.len() == limit {
                    // There is one more: the next page begins with it.
                    return Ok(Some(Position { name, place: after }));
                }
                after = (chain, directory);
                self.hits.push(Hit { chain, directory, name: text.to_owned(), is });
            }
            match places.last() {
                Some(last) if places.len() == PLACES_AT_ONCE as usize => after = *last,
                _ => return Ok(None),
            }
            if self.is_late() {
                return Ok(Some(Position { name, place: after }));
            }
        }
    }

    async fn chain(&mut self, id: i64) -> Result<Option<&Chain>, DbError> {
        if !self.known.contains_key(&id) {
            let chain = self.reader.catalog_chain(id).await?;
            self.known.insert(id, chain);
        }
        Ok(self.known[&id].as_ref())
    }

    async fn items(self) -> Result<Vec<Found>, DbError> {
        let directories: BTreeSet<i64> = self.hits.iter().map(|hit| hit.directory).collect();
        let paths = self.reader.catalog_paths(&directories.into_iter().collect::<Vec<_>>()).await?;
        let found = |hit: Hit| {
            let chain = self.known[&hit.chain].as_ref()?;
            let above = paths.get(&hit.directory).map(Vec::as_slice).unwrap_or_default();
            let path: String = above.iter().chain([&hit.name]).flat_map(|name| ["/", name]).collect();
            let Span { kind, size, modified, .. } = hit.is.newest;
            Some(Found {
                tenant: chain.tenant,
                client: chain.client,
                hostname: chain.hostname.clone(),
                policy: chain.policy,
                repository: chain.repository,
                path,
                name: hit.name,
                kind,
                size: size.unsigned_abs(),
                modified: modified_of(kind, modified),
                first: hit.is.first,
                last: hit.is.last,
                versions: hit.is.versions,
            })
        };
        Ok(self.hits.into_iter().filter_map(found).collect())
    }
}

/// What the snapshots that are there have of a name; none, if none has it any more.
fn summary(chain: &Chain, spans: &[Span]) -> Option<Summary> {
    let (mut first, mut last) = (None::<(Time, SnapshotId)>, None::<(Time, SnapshotId, Span)>);
    let mut versions = 0;
    for span in spans {
        let mut is_there = false;
        for (_, id, at) in chain.snapshots.iter().filter(|(number, ..)| span.covers(*number)) {
            is_there = true;
            if first.is_none_or(|first| (*at, *id) < first) {
                first = Some((*at, *id));
            }
            if last.is_none_or(|(time, last, _)| (*at, *id) > (time, last)) {
                last = Some((*at, *id, *span));
            }
        }
        versions += u64::from(is_there);
    }
    let (first, (at, id, newest)) = (first?, last?);
    Some(Summary { newest, first: (first.1, first.0), last: (id, at), versions })
}

/// When something was changed; of directories that is not kept.
fn modified_of(kind: EntryKind, microseconds: i64) -> Option<Time> {
    if kind == EntryKind::Directory { None } else { Time::from_microsecond(microseconds).ok() }
}
