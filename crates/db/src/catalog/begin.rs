//! Beginning and ending with a snapshot.

use holdfast_model::Time;

use super::names::Ids;
use super::{Cataloging, ChainKey, Directory, Lease};
use crate::codec::Columns;
use crate::connection::{Reader, Writer};
use crate::database::Database;
use crate::error::{DbError, During};
use crate::snapshots::KnownSnapshot;

/// What came of it to begin with a snapshot.
#[derive(Debug)]
pub enum Begun {
    /// It is cataloged.
    Done,
    /// Another job works on the same chain now.
    Busy,
    /// It can be done.
    Ready(Box<Cataloging>),
}

impl Database {
    /// Begins to catalog a snapshot. What a job that died has left half-way is taken back first.
    pub async fn begin_catalog(
        &self,
        snapshot: &KnownSnapshot,
        holder: &str,
        (now, until): (Time, Time),
    ) -> Result<Begun, DbError> {
        let key = ChainKey::of(snapshot);
        let mut writer = self.write().await?;
        let chain = match find(&mut writer, &key).await? {
            Some(chain) => chain,
            None => make(&mut writer, &key).await?,
        };
        let lease = Lease { name: format!("catalog {chain}"), holder: holder.to_owned() };
        if !writer.hold(&lease.name, holder, now, until).await? {
            return Ok(Begun::Busy);
        }
        let is_done = is_cataloged(&mut writer, chain, &snapshot.id.to_string()).await?;
        if is_done {
            writer.let_go(&lease.name, holder).await?;
        }
        writer.commit().await?;
        if is_done {
            return Ok(Begun::Done);
        }
        self.undo(chain, &lease, (now, until)).await?;
        let mut writer = self.write().await?;
        let row =
            sqlx::query("UPDATE catalog_chains SET next = next + 1 WHERE id = $1 RETURNING tip, next - 1 AS number")
                .bind(chain)
                .fetch_one(writer.sql())
                .await
                .during("numbering a snapshot")?;
        let columns = Columns { table: "catalog_chains", row: &row };
        let (tip, number) = (columns.integer("tip")?, columns.integer("number")?);
        let (root, root_tree) = root(&mut writer, chain).await?;
        writer.commit().await?;
        Ok(Begun::Ready(Box::new(Cataloging {
            db: self.clone(),
            lease,
            chain,
            snapshot: snapshot.id.to_string(),
            root,
            root_tree,
            tip,
            number,
            names: Ids::new("catalog_names"),
            directories: Ids::new("catalog_directories"),
            seen: Default::default(),
        })))
    }
}

impl Cataloging {
    /// The snapshot counts from now on.
    pub async fn finish(self, times: (Time, Time)) -> Result<(), DbError> {
        let mut writer = self.db.write().await?;
        self.lease.renew(&mut writer, times).await?;
        sqlx::query("INSERT INTO catalog_snapshots (chain, number, snapshot) VALUES ($1, $2, $3)")
            .bind(self.chain)
            .bind(self.number)
            .bind(self.snapshot.clone())
            .execute(writer.sql())
            .await
            .during("noting a cataloged snapshot")?;
        sqlx::query("UPDATE catalog_chains SET tip = $2 WHERE id = $1")
            .bind(self.chain)
            .bind(self.number)
            .execute(writer.sql())
            .await
            .during("noting a cataloged snapshot")?;
        writer.let_go(&self.lease.name, &self.lease.holder).await?;
        writer.commit().await
    }

    /// Gives the chain back, half-way: whoever comes next takes back what was done.
    pub async fn give_up(self) -> Result<(), DbError> {
        let mut writer = self.db.write().await?;
        writer.let_go(&self.lease.name, &self.lease.holder).await?;
        writer.commit().await
    }
}

impl Lease {
    /// Goes on holding it. Fails if somebody else does.
    pub(super) async fn renew(&self, writer: &mut Writer, (now, until): (Time, Time)) -> Result<(), DbError> {
        if writer.hold(&self.name, &self.holder, now, until).await? {
            return Ok(());
        }
        Err(DbError::Changed { what: "lease", name: self.name.clone() })
    }
}

impl ChainKey {
    fn of(snapshot: &KnownSnapshot) -> Self {
        let text = |uid: Option<String>| uid.unwrap_or_default();
        Self {
            repository: snapshot.repository,
            tenant: snapshot.tenant,
            client: text(snapshot.client.map(|uid| uid.to_string())),
            policy: text(snapshot.policy.map(|uid| uid.to_string())),
            line: if snapshot.policy.is_some() { String::new() } else { line(snapshot) },
        }
    }
}

/// Of those that no policy has made, snapshots of the same host and the same paths follow one another. If two are taken for one by
/// chance, that costs rows and nothing else.
fn line(snapshot: &KnownSnapshot) -> String {
    let texts = std::iter::once(&snapshot.hostname).chain(&snapshot.details.paths);
    let bytes = texts.flat_map(|text| text.bytes().chain([0]));
    // FNV-1a.
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    format!("{hash:016x}")
}

async fn find(reader: &mut Reader, key: &ChainKey) -> Result<Option<i64>, DbError> {
    let row = sqlx::query(
        "SELECT id FROM catalog_chains WHERE repository = $1 AND tenant = $2 AND client = $3 AND policy = $4 AND line = $5",
    )
    .bind(key.repository.to_string())
    .bind(key.tenant.to_string())
    .bind(key.client.clone())
    .bind(key.policy.clone())
    .bind(key.line.clone())
    .fetch_optional(reader.sql())
    .await
    .during("looking for a chain of snapshots")?;
    row.map(|row| Columns { table: "catalog_chains", row: &row }.integer("id")).transpose()
}

async fn make(writer: &mut Writer, key: &ChainKey) -> Result<i64, DbError> {
    let id = super::names::reserve(writer, "catalog_chains", 1).await?;
    sqlx::query(
        "INSERT INTO catalog_chains (id, repository, tenant, client, policy, line, tip, next) \
         VALUES ($1, $2, $3, $4, $5, $6, 0, 1) ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(key.repository.to_string())
    .bind(key.tenant.to_string())
    .bind(key.client.clone())
    .bind(key.policy.clone())
    .bind(key.line.clone())
    .execute(writer.sql())
    .await
    .during("beginning a chain of snapshots")?;
    // Somebody else may have been faster.
    find(writer, key).await?.ok_or_else(|| DbError::NotFound { what: "chain of snapshots", name: id.to_string() })
}

async fn is_cataloged(reader: &mut Reader, chain: i64, snapshot: &str) -> Result<bool, DbError> {
    let row = sqlx::query("SELECT number FROM catalog_snapshots WHERE chain = $1 AND snapshot = $2")
        .bind(chain)
        .bind(snapshot.to_owned())
        .fetch_optional(reader.sql())
        .await
        .during("looking whether a snapshot is cataloged")?;
    Ok(row.is_some())
}

/// The root of a chain, with its tree as far as that is known.
async fn root(writer: &mut Writer, chain: i64) -> Result<(Directory, String), DbError> {
    let row = sqlx::query("SELECT id, tree FROM catalog_directories WHERE chain = $1 AND parent = 0 AND name = 0")
        .bind(chain)
        .fetch_optional(writer.sql())
        .await
        .during("looking for the root of a chain")?;
    if let Some(row) = row {
        let columns = Columns { table: "catalog_directories", row: &row };
        return Ok((Directory { id: columns.integer("id")?, is_new: false }, columns.text("tree")?));
    }
    let id = super::names::reserve(writer, "catalog_directories", 1).await?;
    sqlx::query("INSERT INTO catalog_directories (id, chain, parent, name, tree, number) VALUES ($1, $2, 0, 0, '', 0)")
        .bind(id)
        .bind(chain)
        .execute(writer.sql())
        .await
        .during("making the root of a chain")?;
    Ok((Directory { id, is_new: false }, String::new()))
}
