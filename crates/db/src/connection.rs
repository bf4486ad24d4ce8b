//! Connections: one that reads, and one that writes within a transaction. What can be done over them stands in the files
//! of what is kept.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, Transaction};

use crate::bus::{self, Bus};
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
pub struct Writer {
    reader: Reader,
    bus: Arc<Bus>,
    /// The number of the last event that this transaction has made.
    pub(crate) told: u64,
}

impl Reader {
    pub(crate) fn new(engine: Engine, connection: PoolConnection<Any>) -> Self {
        Self { engine, connection: Connection::Single(connection) }
    }

    pub(crate) fn within(engine: Engine, transaction: Transaction<'static, Any>) -> Self {
        Self { engine, connection: Connection::Transaction(transaction) }
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
    pub(crate) fn new(engine: Engine, transaction: Transaction<'static, Any>, bus: Arc<Bus>) -> Self {
        Self { reader: Reader::within(engine, transaction), bus, told: 0 }
    }

    /// Makes all of it so.
    pub async fn commit(mut self) -> Result<(), DbError> {
        if self.told > 0 && self.reader.engine == Engine::Postgres {
            // Others hear of it when it is so, and not before.
            let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(bus::EVENTS).bind(self.told.to_string());
            notify.execute(self.reader.sql()).await.during("telling others")?;
        }
        if let Connection::Transaction(transaction) = self.reader.connection {
            transaction.commit().await.during("committing")?;
        }
        self.bus.events_until(self.told);
        Ok(())
    }
}

impl Deref for Writer {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl DerefMut for Writer {
    fn deref_mut(&mut self) -> &mut Reader {
        &mut self.reader
    }
}
