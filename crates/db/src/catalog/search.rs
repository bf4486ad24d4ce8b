//! Asking the catalog: where a name is, in which snapshots, and how to get there.

use std::collections::HashMap;

use holdfast_model::{ClientUid, EntryKind, PolicyUid, RepositoryUid, SnapshotId, TenantUid, Time};

use super::{PAIRS_AT_ONCE, VALUES_AT_ONCE, kind_of};
use crate::codec::{Columns, micros};
use crate::connection::Reader;
use crate::error::{DbError, During};
use crate::snapshots::{self, KnownSnapshot};
use crate::statement::Statement;

/// Deeper directories are not cataloged; a path of more is cut rather than followed in a circle.
const DEEPEST: i64 = 1000;

/// Which chains. All that is said must hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChainFilter {
    /// Of this tenant.
    pub tenant: Option<TenantUid>,
    /// Of this client.
    pub client: Option<ClientUid>,
    /// Made by this policy.
    pub policy: Option<PolicyUid>,
    /// In this repository.
    pub repository: Option<RepositoryUid>,
}

/// A chain, with the snapshots of it that are cataloged and are still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The repository.
    pub repository: RepositoryUid,
    /// Whose it is.
    pub tenant: TenantUid,
    /// The client, if it is known.
    pub client: Option<ClientUid>,
    /// The policy, if one made them.
    pub policy: Option<PolicyUid>,
    /// The host that the newest is stamped with.
    pub hostname: String,
    /// Number, id and time of each.
    pub snapshots: Vec<(i64, SnapshotId, Time)>,
}

/// From when to when something was so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The number of the directory.
    pub directory: i64,
    /// The number of the name.
    pub name: i64,
    first: i64,
    last: i64,
    /// What it was.
    pub kind: EntryKind,
    /// How large.
    pub size: i64,
    /// When it had been changed, in microseconds since 1970.
    pub modified: i64,
}

impl Span {
    /// Whether it was so in the snapshot of this number.
    pub fn covers(&self, number: i64) -> bool {
        self.first <= number && (self.last == 0 || number <= self.last)
    }
}

impl ChainFilter {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Reader {
    /// Snapshots in a repository that are not cataloged, the oldest first; of the chain of one of them and not newer, or all.
    pub async fn uncataloged_snapshots(
        &mut self,
        repository: RepositoryUid,
        up_to: Option<&KnownSnapshot>,
        most: u32,
    ) -> Result<Vec<KnownSnapshot>, DbError> {
        let mut statement = Statement::new(&format!("SELECT {} FROM snapshots", snapshots::COLUMNS));
        statement.and("repository = ").bind(repository.to_string());
        if let Some(one) = up_to {
            statement.and("at <= ").bind(micros(one.at));
            for (column, uid) in
                [("client", one.client.map(|uid| uid.to_string())), ("policy", one.policy.map(|uid| uid.to_string()))]
            {
                match uid {
                    Some(uid) => statement.and(column).push(" = ").bind(uid),
                    None => statement.and(column).push(" IS NULL"),
                };
            }
        }
        statement.and(
            "NOT EXISTS (SELECT 1 FROM catalog_snapshots AS n JOIN catalog_chains AS c ON c.id = n.chain \
             WHERE n.snapshot = snapshots.id AND c.repository = snapshots.repository)",
        );
        statement.push(" ORDER BY at, id LIMIT ").bind(i64::from(most));
        let rows =
            statement.query().fetch_all(self.sql()).await.during("looking for snapshots that are not cataloged")?;
        rows.iter().map(|row| snapshots::snapshot(&Columns { table: "snapshots", row })).collect()
    }

    /// The numbers of chains, in order.
    pub async fn catalog_chains(&mut self, filter: &ChainFilter) -> Result<Vec<i64>, DbError> {
        let mut statement = Statement::new("SELECT id FROM catalog_chains");
        for (condition, uid) in [
            ("tenant = ", filter.tenant.map(|uid| uid.to_string())),
            ("client = ", filter.client.map(|uid| uid.to_string())),
            ("policy = ", filter.policy.map(|uid| uid.to_string())),
            ("repository = ", filter.repository.map(|uid| uid.to_string())),
        ] {
            if let Some(uid) = uid {
                statement.and(condition).bind(uid);
            }
        }
        statement.push(" ORDER BY id");
        let rows = statement.query().fetch_all(self.sql()).await.during("looking for chains of snapshots")?;
        rows.iter().map(|row| Columns { table: "catalog_chains", row }.integer("id")).collect()
    }

    /// A chain; none, if it is gone.
    pub async fn catalog_chain(&mut self, id: i64) -> Result<Option<Chain>, DbError> {
        let row = sqlx::query("SELECT repository, tenant, client, policy FROM catalog_chains WHERE id = $1")
            .bind(id)
            .fetch_optional(self.sql())
            .await
            .during("reading a chain of snapshots")?;
        let Some(row) = row else { return Ok(None) };
        let of = Columns { table: "catalog_chains", row: &row };
        let is_known = |column| Ok::<_, DbError>(!of.text(column)?.is_empty());
        let rows = sqlx::query(
            "SELECT n.number AS number, s.id AS id, s.at AS at, s.hostname AS hostname FROM catalog_snapshots AS n \
             JOIN snapshots AS s ON s.repository = $2 AND s.id = n.snapshot WHERE n.chain = $1 ORDER BY n.number",
        )
        .bind(id)
        .bind(of.text("repository")?)
        .fetch_all(self.sql())
        .await
        .during("reading the snapshots of a chain")?;
        let (mut snapshots, mut hostname, mut newest) = (Vec::with_capacity(rows.len()), String::new(), None);
        for row in &rows {
            let columns = Columns { table: "catalog_snapshots", row };
            let at = columns.time("at")?;
            if newest < Some(at) {
                (newest, hostname) = (Some(at), columns.text("hostname")?);
            }
            snapshots.push((columns.integer("number")?, columns.parsed("id")?, at));
        }
        Ok(Some(Chain {
            repository: of.parsed("repository")?,
            tenant: of.parsed("tenant")?,
            client: if is_known("client")? { Some(of.parsed("client")?) } else { None },
            policy: if is_known("policy")? { Some(of.parsed("policy")?) } else { None },
            hostname,
            snapshots,
        }))
    }

    /// Those of some names, by their numbers, that anything in these chains has; in order.
    pub async fn catalog_names_in(&mut self, names: &[i64], chains: &[i64]) -> Result<Vec<i64>, DbError> {
        let mut found = Vec::new();
        for part in names.chunks(VALUES_AT_ONCE) {
            let mut statement = Statement::new("SELECT id FROM catalog_names");
            statement.and("id IN ").bind_list(part.iter().copied());
            statement.and("EXISTS (SELECT 1 FROM catalog_entries AS e WHERE e.name = catalog_names.id AND e.chain IN ");
            statement.bind_list(chains.iter().copied()).push(") ORDER BY id");
            let rows = statement.query().fetch_all(self.sql()).await.during("looking where names are")?;
            for row in &rows {
                found.push(Columns { table: "catalog_names", row }.integer("id")?);
            }
        }
        Ok(found)
    }

    /// Chains and directories that have or had a name, behind one of them; of these chains, or of all.
    pub async fn catalog_places(
        &mut self,
        name: i64,
        chains: Option<&[i64]>,
        after: (i64, i64),
        most: u32,
    ) -> Result<Vec<(i64, i64)>, DbError> {
        let mut statement = Statement::new("SELECT DISTINCT chain, directory FROM catalog_entries");
        statement.and("name = ").bind(name);
        statement.and("(chain, directory) > (").bind(after.0).push(", ").bind(after.1).push(")");
        if let Some(chains) = chains {
            statement.and("chain IN ").bind_list(chains.iter().copied());
        }
        statement.push(" ORDER BY chain, directory LIMIT ").bind(i64::from(most));
        let rows = statement.query().fetch_all(self.sql()).await.during("looking where a name is")?;
        let place = |row| {
            let columns = Columns { table: "catalog_entries", row };
            Ok((columns.integer("chain")?, columns.integer("directory")?))
        };
        rows.iter().map(place).collect()
    }

    /// All that is known of names in directories, in order.
    pub async fn catalog_spans(&mut self, places: &[(i64, i64)]) -> Result<Vec<Span>, DbError> {
        let mut found = Vec::new();
        for part in places.chunks(PAIRS_AT_ONCE) {
            let mut statement =
                Statement::new("SELECT directory, name, first, last, kind, size, modified FROM catalog_entries");
            let pairs = part.iter().map(|&(directory, name)| [directory, name]);
            statement.and("(directory, name) IN ").bind_pairs(pairs);
            statement.push(" ORDER BY directory, name, first");
            let rows = statement.query().fetch_all(self.sql()).await.during("reading what is known of a name")?;
            for row in &rows {
                let columns = Columns { table: "catalog_entries", row };
                found.push(Span {
                    directory: columns.integer("directory")?,
                    name: columns.integer("name")?,
                    first: columns.integer("first")?,
                    last: columns.integer("last")?,
                    kind: kind_of(&columns)?,
                    size: columns.integer("size")?,
                    modified: columns.integer("modified")?,
                });
            }
        }
        Ok(found)
    }

    /// The names that lead to directories, each from the root down.
    pub async fn catalog_paths(&mut self, directories: &[i64]) -> Result<HashMap<i64, Vec<String>>, DbError> {
        let mut found: HashMap<i64, Vec<String>> = HashMap::new();
        for part in directories.chunks(VALUES_AT_ONCE) {
            let mut statement = Statement::new(
                "WITH RECURSIVE up (start, parent, name, depth) AS (SELECT id, parent, name, 0 FROM catalog_directories \
                 WHERE id IN ",
            );
            statement.bind_list(part.iter().copied()).push(
                " UNION ALL SELECT up.start, d.parent, d.name, up.depth + 1 FROM up \
                 JOIN catalog_directories AS d ON d.id = up.parent WHERE up.depth < ",
            );
            statement.bind(DEEPEST).push(
                ") SELECT up.start AS start, n.name AS name FROM up JOIN catalog_names AS n ON n.id = up.name \
                 ORDER BY up.start, up.depth DESC",
            );
            let rows = statement.query().fetch_all(self.sql()).await.during("reading paths")?;
            for row in &rows {
                let columns = Columns { table: "catalog_directories", row };
                found.entry(columns.integer("start")?).or_default().push(columns.text("name")?);
            }
        }
        Ok(found)
    }

    /// The numbers of names that are known.
    pub async fn catalog_known(&mut self, names: &[&str]) -> Result<HashMap<String, i64>, DbError> {
        super::names::known(self, names.iter().copied()).await
    }

    /// The directory to which names lead, by their numbers, from the root of a chain down.
    pub async fn catalog_directory(&mut self, chain: i64, names: &[i64]) -> Result<Option<i64>, DbError> {
        let mut at = 0;
        // The root of a chain has no name and lies in nothing.
        for name in std::iter::once(&0).chain(names) {
            let row = sqlx::query("SELECT id FROM catalog_directories WHERE chain = $1 AND parent = $2 AND name = $3")
                .bind(chain)
                .bind(at)
                .bind(*name)
                .fetch_optional(self.sql())
                .await
                .during("following a path")?;
            match row {
                Some(row) => at = Columns { table: "catalog_directories", row: &row }.integer("id")?,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }
}
