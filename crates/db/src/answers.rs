//! What was answered to requests that may be sent again, by the keys that whoever asked gave them.
//!
//! A key is claimed before its request is carried out: of two that come at once, one claims it. What is claimed by a server
//! that dies stays so until it is forgotten, for nobody knows then what became of the request.

use std::collections::BTreeMap;

use holdfast_model::Time;

use crate::codec::{Columns, json, micros};
use crate::connection::Writer;
use crate::error::{DbError, During};

/// A request, by the key that it was given.
#[derive(Debug, Clone, Copy)]
pub struct RequestKey<'a> {
    /// Who asks: no two share their keys.
    pub actor: &'a str,
    /// The key.
    pub given: &'a str,
    /// What tells the request from others.
    pub digest: &'a str,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nothing: now it is taken by the request, which is to be carried out.
    Ours,
    /// It is taken by the same request, which was answered so.
    Answered(KeptAnswer),
    /// It is taken by the same request, which was not answered yet.
    UnderWay,
    /// It is taken by another request.
    Other,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The status of HTTP.
    pub status: u16,
    /// The headers that belong to the answer itself.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

impl Writer {
    /// Takes a key, if nobody has since `forgotten`.
    pub async fn claim_key(&mut self, key: &RequestKey<'_>, (now, forgotten): (Time, Time)) -> Result<Claim, DbError> {
        sqlx::query("DELETE FROM answers WHERE actor = $1 AND given = $2 AND at < $3")
            .bind(key.actor.to_owned())
            .bind(key.given.to_owned())
            .bind(micros(forgotten))
            .execute(self.sql())
            .await
            .during("taking the key of a request")?;
        let taken = sqlx::query(
            "INSERT INTO answers (actor, given, digest, at, status, headers, body) VALUES ($1, $2, $3, $4, NULL, '{}', '') \
             ON CONFLICT (actor, given) DO NOTHING",
        )
        .bind(key.actor.to_owned())
        .bind(key.given.to_owned())
        .bind(key.digest.to_owned())
        .bind(micros(now))
        .execute(self.sql())
        .await
        .during("taking the key of a request")?;
        if taken.rows_affected() > 0 {
            return Ok(Claim::Ours);
        }
        let row = sqlx::query("SELECT digest, status, headers, body FROM answers WHERE actor = $1 AND given = $2")
            .bind(key.actor.to_owned())
            .bind(key.given.to_owned())
            .fetch_optional(self.sql())
            .await
            .during("looking for the answer to a request")?;
        // Whoever had it has let it go this very moment.
        let Some(row) = row else { return Ok(Claim::UnderWay) };
        let columns = Columns { table: "answers", row: &row };
        if columns.text("digest")? != key.digest {
            return Ok(Claim::Other);
        }
        if columns.optional_integer("status")?.is_none() {
            return Ok(Claim::UnderWay);
        }
        let status = columns.number("status")?;
        Ok(Claim::Answered(KeptAnswer { status, headers: columns.document("headers")?, body: columns.text("body")? }))
    }

    /// Keeps what the request was answered that has taken a key.
    pub async fn keep_answer(&mut self, key: &RequestKey<'_>, answer: &KeptAnswer) -> Result<(), DbError> {
        sqlx::query("UPDATE answers SET status = $3, headers = $4, body = $5 WHERE actor = $1 AND given = $2")
            .bind(key.actor.to_owned())
            .bind(key.given.to_owned())
            .bind(i64::from(answer.status))
            .bind(json(&answer.headers))
            .bind(answer.body.clone())
            .execute(self.sql())
            .await
            .during("keeping the answer to a request")
            .map(drop)
    }

    /// Lets a key go whose request was not carried out.
    pub async fn let_key_go(&mut self, key: &RequestKey<'_>) -> Result<(), DbError> {
        sqlx::query("DELETE FROM answers WHERE actor = $1 AND given = $2 AND status IS NULL")
            .bind(key.actor.to_owned())
            .bind(key.given.to_owned())
            .execute(self.sql())
            .await
            .during("letting the key of a request go")
            .map(drop)
    }

    /// Forgets keys that were taken before a time.
    pub async fn forget_answers(&mut self, before: Time) -> Result<u64, DbError> {
        let gone = sqlx::query("DELETE FROM answers WHERE at < $1").bind(micros(before)).execute(self.sql()).await;
        Ok(gone.during("forgetting answers")?.rows_affected())
    }
}
