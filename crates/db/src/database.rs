//! An open database: SQLite in a file, or PostgreSQL.
//!
//! SQLite has one connection that writes, and some that read beside it; each transaction that writes says so from its start, so
//! that none fails half-way for another's sake.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use holdfast_model::Time;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyPool, ConnectOptions, Executor};

use crate::bus::Bus;
use crate::connection::{Reader, Writer};
use crate::error::{DbError, During};
use crate::migrate;

/// So long one waits for a connection.
const PATIENCE: Duration = Duration::from_secs(30);
/// So long one waits for it only to see whether the database answers.
const LOOK: Duration = Duration::from_secs(10);

/// A database. Clones share it.
#[derive(Debug, Clone)]
pub struct Database {
    pub(crate) engine: Engine,
    read: AnyPool,
    write: AnyPool,
    pub(crate) bus: Arc<Bus>,
    /// Where PostgreSQL is.
    shared: Option<Arc<str>>,
}

/// How a database is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// `sqlite:/PATH` or `postgres://USER@HOST/NAME`.
    pub address: String,
    /// Connections at the same time, at most, beside the one that writes to SQLite.
    pub connections: u32,
}

/// Which of the two it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Database {
    /// Opens a database, makes it if there is none, and brings its tables up to date.
    pub async fn open(options: &Options) -> Result<Self, DbError> {
        sqlx::any::install_default_drivers();
        let engine = engine_of(&options.address)?;
        let database = match engine {
            Engine::Sqlite => sqlite(options).await?,
            Engine::Postgres => postgres(options).await?,
        };
        migrate::run(&database).await?;
        Ok(database)
    }

    /// Whether there is a database that answers; nothing is made or changed. SQLite's file is made when it is opened: as long as
    /// it is not there, that is no error.
    pub async fn look(address: &str) -> Result<bool, DbError> {
        sqlx::any::install_default_drivers();
        match engine_of(address)? {
            Engine::Sqlite => {
                let path = Path::new(address.trim_start_matches("sqlite:"));
                match std::fs::OpenOptions::new().read(true).append(true).open(path) {
                    Ok(_) => Ok(true),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
                    Err(source) => Err(DbError::Place { path: path.to_owned(), source }),
                }
            }
            Engine::Postgres => {
                let pool = postgres_pool(address, 1, LOOK).await?;
                let answered = pool.execute("SELECT 1").await.during("asking whether it answers");
                pool.close().await;
                answered.map(|_| true)
            }
        }
    }

    /// To read, without a transaction: what is read first may be gone when the next is.
    pub async fn read(&self) -> Result<Reader, DbError> {
        Ok(Reader::new(self.engine, self.read.acquire().await.during("connecting")?))
    }

    /// To read, all of it as it was at one time.
    pub async fn read_at_one_time(&self) -> Result<Reader, DbError> {
        let begin = match self.engine {
            Engine::Sqlite => "BEGIN",
            Engine::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        let transaction = self.read.begin_with(begin).await.during("beginning a transaction")?;
        Ok(Reader::within(self.engine, transaction))
    }

    /// To read and write, all or nothing; nothing unless it is committed.
    pub async fn write(&self) -> Result<Writer, DbError> {
        let transaction = match self.engine {
            Engine::Sqlite => self.write.begin_with("BEGIN IMMEDIATE").await,
            Engine::Postgres => self.write.begin().await,
        };
        Ok(Writer::new(self.engine, transaction.during("beginning a transaction")?, self.bus.clone()))
    }

    /// Whether other processes may work with it.
    pub fn is_shared(&self) -> bool {
        self.engine == Engine::Postgres
    }

    pub(crate) fn shared_address(&self) -> Option<&str> {
        self.shared.as_deref()
    }

    pub(crate) fn pool(&self) -> &AnyPool {
        &self.read
    }

    /// Whether it answers.
    pub async fn ping(&self) -> Result<(), DbError> {
        self.read.execute("SELECT 1").await.during("asking whether it answers").map(drop)
    }

    /// The time by the clock of a database that other processes share.
    pub async fn time(&self) -> Result<Option<Time>, DbError> {
        if !self.is_shared() {
            return Ok(None);
        }
        let micros: i64 = sqlx::query_scalar("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)")
            .fetch_one(&self.read)
            .await
            .during("asking for the time")?;
        Ok(Time::from_microsecond(micros).ok())
    }

    /// Ends all connections, once what is under way has ended.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

fn engine_of(address: &str) -> Result<Engine, DbError> {
    match address.split_once(':') {
        Some(("sqlite", path)) if !path.is_empty() && !path.contains('?') => Ok(Engine::Sqlite),
        Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => Ok(Engine::Postgres),
        _ => Err(DbError::Address { address: without_password(address) }),
    }
}

async fn sqlite(options: &Options) -> Result<Database, DbError> {
    let path = Path::new(options.address.trim_start_matches("sqlite:"));
    prepare_file(path).map_err(|source| DbError::Place { path: path.to_owned(), source })?;
    let connect = AnyConnectOptions::from_url(&sqlite_url(path)?)
        .map_err(|_| DbError::Address { address: options.address.clone() })?
        .disable_statement_logging();
    let pool = |connections: u32| {
        AnyPoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_secs(30)).after_connect(
            |connection, _| {
                Box::pin(async move {
                    // Durable at each commit: a job that was reported as done is done after a power cut too.
                    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                                   PRAGMA busy_timeout = 10000; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY";
                    connection.execute(pragmas).await.map(drop)
                })
            },
        )
    };
    let write = pool(1).connect_with(connect.clone()).await.during("opening the database")?;
    let read = pool(options.connections.max(1)).connect_with(connect).await.during("opening the database")?;
    Ok(Database { engine: Engine::Sqlite, read, write, bus: Arc::new(Bus::new()), shared: None })
}

/// The database holds what only the server may know.
fn prepare_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let file = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

fn sqlite_url(path: &Path) -> Result<url::Url, DbError> {
    let address = || DbError::Address { address: format!("sqlite:{}", path.display()) };
    let path = std::path::absolute(path).map_err(|_| address())?;
    // Whatever stands in a path that has a meaning in an address is escaped.
    let url = url::Url::from_file_path(&path).map_err(|()| address())?;
    url.as_str().replacen("file:", "sqlite:", 1).parse().map_err(|_| address())
}

async fn postgres(options: &Options) -> Result<Database, DbError> {
    let pool = postgres_pool(&options.address, options.connections.max(1), PATIENCE).await?;
    let shared = Some(options.address.as_str().into());
    Ok(Database { engine: Engine::Postgres, read: pool.clone(), write: pool, bus: Arc::new(Bus::new()), shared })
}

async fn postgres_pool(text: &str, connections: u32, patience: Duration) -> Result<AnyPool, DbError> {
    let address = || DbError::Address { address: without_password(text) };
    let url = text.parse().map_err(|_| address())?;
    let connect = AnyConnectOptions::from_url(&url).map_err(|_| address())?.disable_statement_logging();
    let pool = AnyPoolOptions::new().max_connections(connections).acquire_timeout(patience);
    pool.connect_with(connect).await.during("connecting")
}

/// An address as it may be shown.
pub fn without_password(address: &str) -> String {
    match (address.find("://"), address.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => match address[scheme + 3..at].find(':') {
            Some(colon) => format!("{}:…{}", &address[..scheme + 3 + colon], &address[at..]),
            None => address.to_owned(),
        },
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        for (address, shown) in [
            ("postgres://ann:secret@db/holdfast", "postgres://ann:…@db/holdfast"),
            ("postgres://ann:se@cr:et@db/holdfast", "postgres://ann:…@db/holdfast"),
            ("postgres://ann@db/holdfast", "postgres://ann@db/holdfast"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(without_password(address), shown);
        }
    }

    #[test]
    fn only_two_kinds_of_databases_are_known() {
        assert_eq!(engine_of("sqlite:/var/lib/holdfast/holdfast.db").unwrap(), Engine::Sqlite);
        assert_eq!(engine_of("postgresql:///holdfast?host=/run/postgresql").unwrap(), Engine::Postgres);
        for address in ["mysql://x", "sqlite:", "/var/lib/x.db", "sqlite:/x?mode=memory", "postgres:x"] {
            assert!(engine_of(address).is_err(), "{address}");
        }
    }
}
