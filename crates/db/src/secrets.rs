//! Secrets, sealed under a key that is never here. What they are sealed with is not known here.

use sqlx::Row;

use crate::connection::{Reader, Writer};
use crate::error::{DbError, During};

impl Reader {
    /// The sealed secret of this name.
    pub async fn sealed(&mut self, name: &str) -> Result<Option<String>, DbError> {
        let row = sqlx::query("SELECT sealed FROM secrets WHERE name = $1")
            .bind(name.to_owned())
            .fetch_optional(self.sql())
            .await
            .during("reading a sealed secret")?;
        row.map(|row| row.try_get(0).during("reading a sealed secret")).transpose()
    }
}

impl Reader {
    /// The names of all sealed secrets.
    pub async fn sealed_names(&mut self) -> Result<Vec<String>, DbError> {
        let rows = sqlx::query("SELECT name FROM secrets ORDER BY name").fetch_all(self.sql()).await;
        let rows = rows.during("listing sealed secrets")?;
        rows.iter().map(|row| row.try_get(0).during("listing sealed secrets")).collect()
    }
}

impl Writer {
    /// Keeps a sealed secret, in place of any of its name.
    pub async fn set_sealed(&mut self, name: &str, sealed: &str) -> Result<(), DbError> {
        sqlx::query("INSERT INTO secrets (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET sealed = $2")
            .bind(name.to_owned())
            .bind(sealed.to_owned())
            .execute(self.sql())
            .await
            .during("keeping a sealed secret")
            .map(drop)
    }

    /// Removes a sealed secret.
    pub async fn remove_sealed(&mut self, name: &str) -> Result<(), DbError> {
        sqlx::query("DELETE FROM secrets WHERE name = $1")
            .bind(name.to_owned())
            .execute(self.sql())
            .await
            .during("removing a sealed secret")
            .map(drop)
    }
}
