//! What objects name of each other, and the tags by which they are found.

use holdfast_model::client::ClientSpec;
use holdfast_model::object::{Kind, Reference, Spec};
use holdfast_model::policy::PolicySpec;
use holdfast_model::repository::RepositorySpec;
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::tenant::TenantSpec;
use holdfast_model::{Name, TenantUid, Time};
use sqlx::Row;

use crate::connection::{Reader, Writer};
use crate::error::{DbError, During};

/// So many of those that need an object are named when it cannot be removed.
const NAMED: i64 = 5;

impl Reader {
    pub(super) async fn uid_of(
        &mut self,
        kind: Kind,
        tenant: TenantUid,
        name: &Name,
    ) -> Result<Option<String>, DbError> {
        // Each tenant is its own: their names are given once among all of them.
        let row =
            sqlx::query("SELECT uid FROM objects WHERE kind = $1 AND (tenant = $2 OR kind = 'tenant') AND name = $3")
                .bind(kind.as_str())
                .bind(tenant.to_string())
                .bind(name.as_str())
                .fetch_optional(self.sql())
                .await
                .during("looking for a name")?;
        row.map(|row| row.try_get(0).during("looking for a name")).transpose()
    }
}

impl Writer {
    pub(super) async fn refuse_taken(&mut self, kind: Kind, tenant: TenantUid, name: &Name) -> Result<(), DbError> {
        match self.uid_of(kind, tenant, name).await? {
            Some(_) => Err(DbError::Exists { what: kind.as_str(), name: name.to_string() }),
            None => Ok(()),
        }
    }

    pub(super) async fn refuse_needed(&mut self, kind: Kind, uid: &str, name: &Name) -> Result<(), DbError> {
        let mut by = self.needed_by(uid).await?;
        if kind == Kind::Tenant {
            let rows = sqlx::query(
                "SELECT kind, name FROM objects WHERE tenant = $1 AND uid <> $1 ORDER BY kind, name LIMIT $2",
            )
            .bind(uid.to_owned())
            .bind(NAMED)
            .fetch_all(self.sql())
            .await
            .during("looking for what a tenant has")?;
            by.extend(rows.iter().map(named).collect::<Result<Vec<_>, _>>()?);
        }
        if by.is_empty() { Ok(()) } else { Err(DbError::InUse { what: kind.as_str(), name: name.to_string(), by }) }
    }

    async fn needed_by(&mut self, uid: &str) -> Result<Vec<String>, DbError> {
        let rows = sqlx::query(
            "SELECT objects.kind, objects.name FROM object_links JOIN objects ON objects.uid = object_links.source \
             WHERE object_links.target = $1 ORDER BY objects.kind, objects.name LIMIT $2",
        )
        .bind(uid.to_owned())
        .bind(NAMED)
        .fetch_all(self.sql())
        .await
        .during("looking for what needs an object")?;
        rows.iter().map(named).collect()
    }

    /// Notes the tags of an object and what it names, in place of what was noted before.
    pub(super) async fn link<S: Spec>(&mut self, uid: S::Uid, tenant: TenantUid, spec: &S) -> Result<(), DbError> {
        let uid = uid.to_string();
        for table in ["DELETE FROM object_tags WHERE object = $1", "DELETE FROM object_links WHERE source = $1"] {
            sqlx::query(table).bind(uid.clone()).execute(self.sql()).await.during("noting what an object names")?;
        }
        for tag in spec.tags() {
            sqlx::query("INSERT INTO object_tags (object, tag) VALUES ($1, $2)")
                .bind(uid.clone())
                .bind(tag.as_str())
                .execute(self.sql())
                .await
                .during("noting a tag")?;
        }
        for Reference { kind, name } in spec.references() {
            let target = self.uid_of(kind, tenant, &name).await?;
            let target = target.ok_or_else(|| DbError::Dangling { what: kind.as_str(), name: name.to_string() })?;
            sqlx::query("INSERT INTO object_links (source, target) VALUES ($1, $2)")
                .bind(uid.clone())
                .bind(target)
                .execute(self.sql())
                .await
                .during("noting what an object names")?;
        }
        Ok(())
    }

    /// Whatever names an object by its old name names it by the new one.
    pub(super) async fn follow(
        &mut self,
        kind: Kind,
        uid: &str,
        from: &Name,
        to: &Name,
        now: Time,
    ) -> Result<(), DbError> {
        let rows = sqlx::query(
            "SELECT objects.uid, objects.kind FROM object_links JOIN objects ON objects.uid = object_links.source \
             WHERE object_links.target = $1 ORDER BY objects.uid",
        )
        .bind(uid.to_owned())
        .fetch_all(self.sql())
        .await
        .during("looking for what names an object")?;
        let from = Reference { kind, name: from.clone() };
        for row in rows {
            let source: String = row.try_get(0).during("looking for what names an object")?;
            let kind: String = row.try_get(1).during("looking for what names an object")?;
            match kind.as_str() {
                "tenant" => self.rename_in::<TenantSpec>(&source, &from, to, now).await?,
                "client" => self.rename_in::<ClientSpec>(&source, &from, to, now).await?,
                "repository" => self.rename_in::<RepositorySpec>(&source, &from, to, now).await?,
                "schedule" => self.rename_in::<ScheduleSpec>(&source, &from, to, now).await?,
                _ => self.rename_in::<PolicySpec>(&source, &from, to, now).await?,
            }
        }
        Ok(())
    }

    async fn rename_in<S: Spec>(
        &mut self,
        source: &str,
        from: &Reference,
        to: &Name,
        now: Time,
    ) -> Result<(), DbError> {
        let uid =
            source.parse().map_err(|_| DbError::Corrupt { table: "objects", column: "uid", value: source.into() })?;
        let mut object = self.lock_object::<S>(uid, None).await?;
        object.spec.follow(from, to);
        (object.revision, object.modified) = (object.revision + 1, now);
        self.save_spec(&object).await
    }
}

fn named(row: &sqlx::any::AnyRow) -> Result<String, DbError> {
    let text = |column| row.try_get::<String, usize>(column).during("looking for what needs an object");
    Ok(format!("{} {}", text(0)?, text(1)?))
}
