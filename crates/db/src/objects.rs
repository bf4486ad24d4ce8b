//! Clients, repositories, schedules, policies and tenants.
//!
//! A name that a spec uses is a link, so that what is named stays and a new name is followed. A change counts only if nobody
//! else made one since the object was read.

mod links;
mod list;

use std::collections::BTreeMap;
use std::str::FromStr;

use holdfast_model::object::{Kind, Object, Spec};
use holdfast_model::{Name, TenantUid, Time};

use crate::codec::{Columns, json, micros};
use crate::connection::{Reader, Writer};
use crate::error::{DbError, During};

pub use list::{AllObjects, ObjectFilter, Order, Page, Unreadable};

const CHANGES: &str = "changes of ";

const COLUMNS: &str = "uid, tenant, revision, created, modified, spec, status";

impl Reader {
    /// The object of this id.
    pub async fn object<S: Spec>(&mut self, uid: S::Uid) -> Result<Object<S>, DbError> {
        let row = sqlx::query(
            "SELECT uid, tenant, revision, created, modified, spec, status FROM objects WHERE uid = $1 AND kind = $2",
        )
        .bind(uid.to_string())
        .bind(S::KIND.as_str())
        .fetch_optional(self.sql())
        .await
        .during("reading an object")?;
        let row = row.ok_or_else(|| DbError::NotFound { what: S::KIND.as_str(), name: uid.to_string() })?;
        object(&Columns { table: "objects", row: &row })
    }

    /// How often objects of each kind were changed: made, replaced, removed, or something found out about one.
    pub async fn object_changes(&mut self) -> Result<BTreeMap<String, u64>, DbError> {
        let query = sqlx::query("SELECT name, value FROM counters WHERE name LIKE 'changes of %'");
        let rows = query.fetch_all(self.sql()).await.during("counting changes")?;
        let changes = |row| {
            let columns = Columns { table: "counters", row };
            let name = columns.text("name")?;
            Ok((name.trim_start_matches(CHANGES).to_owned(), columns.number("value")?))
        };
        rows.iter().map(changes).collect()
    }

    /// The object of this name.
    pub async fn object_named<S: Spec>(&mut self, tenant: TenantUid, name: &Name) -> Result<Object<S>, DbError> {
        let uid = self.uid_of(S::KIND, tenant, name).await?;
        let uid = uid.and_then(|uid| S::Uid::from_str(&uid).ok());
        let uid = uid.ok_or_else(|| DbError::NotFound { what: S::KIND.as_str(), name: name.to_string() })?;
        self.object(uid).await
    }
}

impl Writer {
    /// Keeps a new object.
    pub async fn create<S: Spec>(
        &mut self,
        uid: S::Uid,
        tenant: TenantUid,
        spec: S,
        now: Time,
    ) -> Result<Object<S>, DbError> {
        self.refuse_taken(S::KIND, tenant, spec.name()).await?;
        let status = S::Status::default();
        sqlx::query(
            "INSERT INTO objects (uid, kind, tenant, name, enabled, revision, created, modified, spec, status) \
             VALUES ($1, $2, $3, $4, $5, 1, $6, $6, $7, $8)",
        )
        .bind(uid.to_string())
        .bind(S::KIND.as_str())
        .bind(tenant.to_string())
        .bind(spec.name().as_str())
        .bind(i64::from(spec.is_enabled()))
        .bind(micros(now))
        .bind(json(&spec))
        .bind(json(&status))
        .execute(self.sql())
        .await
        .unless_taken("keeping an object", S::KIND, spec.name())?;
        self.link(uid, tenant, &spec).await?;
        self.count_change(S::KIND).await?;
        Ok(Object { uid, tenant, revision: 1, created: now, modified: now, spec, status })
    }

    /// Changes an object. `revision` is the one that was read; without it, whatever is there is replaced.
    pub async fn update<S: Spec>(
        &mut self,
        uid: S::Uid,
        revision: Option<u64>,
        spec: S,
        now: Time,
    ) -> Result<Object<S>, DbError> {
        let old = self.lock_object::<S>(uid, revision).await?;
        if old.spec == spec {
            return Ok(old);
        }
        if old.spec.name() != spec.name() {
            self.refuse_taken(S::KIND, old.tenant, spec.name()).await?;
        }
        let new = Object { revision: old.revision + 1, modified: now, spec, ..old.clone() };
        self.save_spec(&new).await?;
        self.link(uid, new.tenant, &new.spec).await?;
        if old.spec.name() != new.spec.name() {
            self.follow(S::KIND, &uid.to_string(), old.spec.name(), new.spec.name(), now).await?;
        }
        Ok(new)
    }

    /// Notes what was found out about an object; that is no change of it.
    pub async fn set_status<S: Spec>(&mut self, uid: S::Uid, status: &S::Status) -> Result<(), DbError> {
        let done = sqlx::query("UPDATE objects SET status = $2 WHERE uid = $1 AND kind = $3")
            .bind(uid.to_string())
            .bind(json(status))
            .bind(S::KIND.as_str())
            .execute(self.sql())
            .await
            .during("noting what was found out")?;
        let found: u64 = done.rows_affected();
        if found == 0u64 {
            return Err(DbError::NotFound { what: S::KIND.as_str(), name: uid.to_string() });
        }
        self.count_change(S::KIND).await
    }

    /// Counts a change of the objects of a kind, so that who knows them all need not read them all again.
    pub(crate) async fn count_change(&mut self, kind: Kind) -> Result<(), DbError> {
        sqlx::query(
            "INSERT INTO counters (name, value) VALUES ($1, 1) \
             ON CONFLICT (name) DO UPDATE SET value = counters.value + 1",
        )
        .bind(format!("{CHANGES}{kind}"))
        .execute(self.sql())
        .await
        .during("counting a change")
        .map(drop)
    }

    /// Removes an object that nothing needs.
    pub async fn remove<S: Spec>(&mut self, uid: S::Uid, revision: Option<u64>) -> Result<Object<S>, DbError> {
        // Jobs that end note how clients stand, as this does: the second waits here, and not in the middle.
        self.lock_queue().await?;
        let object = self.lock_object::<S>(uid, revision).await?;
        self.refuse_needed(S::KIND, &uid.to_string(), object.spec.name()).await?;
        self.forget_last_backups_of(&uid.to_string()).await?;
        self.forget_sizes_of(&uid.to_string()).await?;
        sqlx::query("DELETE FROM objects WHERE uid = $1")
            .bind(uid.to_string())
            .execute(self.sql())
            .await
            .during("removing an object")?;
        self.count_change(S::KIND).await?;
        Ok(object)
    }

    /// Reads an object so that nobody else changes it until this transaction ends.
    async fn lock_object<S: Spec>(&mut self, uid: S::Uid, revision: Option<u64>) -> Result<Object<S>, DbError> {
        // Writing is what locks a row in both databases.
        sqlx::query("UPDATE objects SET revision = revision WHERE uid = $1")
            .bind(uid.to_string())
            .execute(self.sql())
            .await
            .during("locking an object")?;
        let object = self.object::<S>(uid).await?;
        if revision.is_some_and(|revision| revision != object.revision) {
            return Err(DbError::Changed { what: S::KIND.as_str(), name: object.spec.name().to_string() });
        }
        Ok(object)
    }

    async fn save_spec<S: Spec>(&mut self, object: &Object<S>) -> Result<(), DbError> {
        sqlx::query(
            "UPDATE objects SET name = $2, enabled = $3, revision = $4, modified = $5, spec = $6 WHERE uid = $1",
        )
        .bind(object.uid.to_string())
        .bind(object.spec.name().as_str())
        .bind(i64::from(object.spec.is_enabled()))
        .bind(object.revision as i64)
        .bind(micros(object.modified))
        .bind(json(&object.spec))
        .execute(self.sql())
        .await
        .unless_taken("changing an object", S::KIND, object.spec.name())?;
        self.count_change(S::KIND).await
    }
}

/// Tells that a name was taken by somebody who looked for it at the same time, and was faster.
trait UnlessTaken<T> {
    fn unless_taken(self, during: &'static str, kind: Kind, name: &Name) -> Result<T, DbError>;
}

impl<T> UnlessTaken<T> for Result<T, sqlx::Error> {
    fn unless_taken(self, during: &'static str, kind: Kind, name: &Name) -> Result<T, DbError> {
        match self {
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                Err(DbError::Exists { what: kind.as_str(), name: name.to_string() })
            }
            other => other.during(during),
        }
    }
}

fn object<S: Spec>(columns: &Columns<'_>) -> Result<Object<S>, DbError> {
    Ok(Object {
        uid: columns.parsed("uid")?,
        tenant: columns.parsed("tenant")?,
        revision: columns.number("revision")?,
        created: columns.time("created")?,
        modified: columns.time("modified")?,
        spec: columns.document("spec")?,
        status: columns.document("status")?,
    })
}
