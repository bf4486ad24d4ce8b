//! Connections: one that reads, and one that writes within a transaction. What can be done over them stands in the files
//! of what is kept.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, Transaction};

use crate::database::Engine;
use crate::error::{DbError, During};

/// Reads.
#[derive(Debug)]
pub struct Reader {
    engine: Engine,
    connection: Connection,
}

#[derive(Debug)]
enum Connection {
    Single(PoolConnection<Any>),
    Transaction(Transaction<'static, Any>),
}

/// Reads and writes within a transaction. If it goes without being committed, nothing was written.
#[derive(Debug)]
#[must_use]
pub struct Writer(Reader);

impl Reader {
    pub(crate) fn new(engine: Engine, connection: PoolConnection<Any>) -> Self {
        Self { engine, connection: Connection::Single(connection) }
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }

    pub(crate) fn sql(&mut self) -> &mut AnyConnection {
        match &mut self.connection {
            Connection::Single(connection) => connection,
            Connection::Transaction(transaction) => transaction,
        }
    }
}

impl Writer {
    pub(crate) fn new(engine: Engine, transaction: Transaction<'static, Any>) -> Self {
        Self(Reader { engine, connection: Connection::Transaction(transaction) })
    }

    /// Makes all of it so.
    pub async fn commit(self) -> Result<(), DbError> {
        match self.0.connection {
            Connection::Transaction(transaction) => transaction.commit().await.during("committing"),
            Connection::Single(_) => Ok(()),
        }
    }
}

impl Deref for Writer {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.0
    }
}

impl DerefMut for Writer {
    fn deref_mut(&mut self) -> &mut Reader {
        &mut self.0
    }
}
