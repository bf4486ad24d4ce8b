//! The driver for object storage and WebDAV, over OpenDAL.
//!
//! Its futures run on the calling thread; requests go through our own HTTP client. Where the service can write only if
//! nothing is there, that is asked for; everywhere we look first. Files lie in restic's layout.

mod b2;
mod fetch;
mod services;

use std::ops::Range;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use holdfast_model::{Id, Timestamp};
use opendal::options::{ListOptions, ReadOptions, WriteOptions};
use opendal::{Entry, EntryMode, Operator};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::Runtime;

use crate::http::{Http, Way, whole_chain};
use crate::open::OpenError;
use crate::{ErrorKind, FileInfo, FileKind, Options, Place, Store, StoreError, layout};

/// No file of a repository is this large, in bytes: a bound on what is allocated for one.
const MAX_FILE: u64 = 4 << 30;

/// Keeps a repository in object storage.
#[derive(Debug)]
pub struct OpenDalStore {
    operator: Operator,
    /// Lets OpenDAL read credential files; used from plain threads only.
    runtime: Runtime,
    location: String,
    /// Whether the service refuses, or was never able, to write only if nothing is there.
    unconditional: AtomicBool,
}

/// A failed call: our client's words or OpenDAL's, without its context, which holds whole responses.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Failure {
    kind: ErrorKind,
    message: String,
}

impl Failure {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl From<opendal::Error> for Failure {
    fn from(error: opendal::Error) -> Self {
        use opendal::ErrorKind as Theirs;
        if let Some((kind, message)) = fetch::ours(&error) {
            return Self { kind, message };
        }
        let words = error.message().chars().map(|c| if c.is_control() { ' ' } else { c });
        let message = words.take(600).collect::<String>();
        let kind = match error.kind() {
            _ if message.contains("NoSuchBucket") => ErrorKind::NotFound,
            _ if message.contains("InsufficientStorage") || message.contains("QuotaExceeded") => ErrorKind::Full,
            Theirs::NotFound => ErrorKind::NotFound,
            Theirs::PermissionDenied => ErrorKind::Denied,
            // A conflict with another request, which says nothing of the file.
            _ if error.is_temporary() => ErrorKind::Transient,
            Theirs::AlreadyExists | Theirs::ConditionNotMatch => ErrorKind::AlreadyExists,
            Theirs::RangeNotSatisfied => ErrorKind::Corrupt,
            Theirs::RateLimited => ErrorKind::Transient,
            _ => ErrorKind::Permanent,
        };
        Self { kind, message }
    }
}

impl OpenDalStore {
    /// A store at a place that OpenDAL serves.
    pub fn open(place: &Place, options: &Options, connections: usize) -> Result<Self, OpenError> {
        let location = place.to_string();
        let failed = |failure: Failure| StoreError {
            kind: failure.kind,
            action: "open",
            what: "the storage".to_owned(),
            location: location.clone(),
            source: failure.into(),
        };
        let http = Http::new(&options.tls, connections, Way::Usual)
            .map_err(|error| failed(Failure { kind: error.kind(), message: whole_chain(&error) }))?;
        let service = services::service(place, options, &http)?;
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| {
            failed(Failure::new(ErrorKind::Permanent, format!("no runtime can be set up: {error}")))
        })?;
        opendal::init_default_registry();
        let operator = Operator::via_iter(service.scheme, service.settings).map_err(|error| failed(error.into()))?;
        let operator = operator.layer(fetch::layer(http));
        let unconditional = !operator.info().full_capability().write_with_if_not_exists;
        Ok(Self { operator, runtime, location, unconditional: AtomicBool::new(unconditional) })
    }

    fn error(&self, action: &'static str, file: (FileKind, &Id), failure: Failure) -> StoreError {
        StoreError::of_file(failure.kind, action, file, self.location.clone(), failure)
    }

    fn stat(&self, kind: FileKind, id: &Id) -> Result<u64, Failure> {
        let path = layout::path(kind, id);
        Ok(self.runtime.block_on(self.operator.stat(&path))?.content_length())
    }

    fn read_part(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Bytes, Failure> {
        let length = range.end.saturating_sub(range.start);
        if length == 0 || length > MAX_FILE || range.end > i64::MAX as u64 {
            return self.read_odd_part(kind, id, range);
        }
        let options = ReadOptions { range: range.clone().into(), ..ReadOptions::default() };
        let path = layout::path(kind, id);
        let read = self.operator.read_options(&path, options);
        let short =
            || Failure::new(ErrorKind::Corrupt, format!("the file has no bytes {} to {}", range.start, range.end));
        match self.runtime.block_on(read).map_err(Failure::from) {
            Ok(found) if found.len() as u64 == length => Ok(found.to_bytes()),
            Ok(_) => Err(short()),
            // Services tell a range behind the end in many ways: see what is there.
            Err(failure) if failure.kind != ErrorKind::NotFound => match self.stat(kind, id) {
                Ok(size) if size < range.end => Err(short()),
                _ => Err(failure),
            },
            Err(failure) => Err(failure),
        }
    }

    /// Ranges that no service is asked for: empty ones, and those that no file can hold.
    fn read_odd_part(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Bytes, Failure> {
        let size = self.stat(kind, id)?;
        if range.start >= range.end && range.start <= size {
            return Ok(Bytes::new());
        }
        Err(Failure::new(ErrorKind::Corrupt, format!("the file has only {size} bytes")))
    }

    fn read_whole(&self, kind: FileKind, id: &Id) -> Result<Bytes, Failure> {
        let size = self.stat(kind, id)?;
        if size > kind.max_size() {
            return Err(Failure::new(ErrorKind::Permanent, "the file is too large"));
        }
        self.read_part(kind, id, 0..size)
    }

    fn write(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), Failure> {
        match self.stat(kind, id) {
            Ok(_) => return Err(Failure::new(ErrorKind::AlreadyExists, "a file of that name exists")),
            Err(failure) if failure.kind == ErrorKind::NotFound => {}
            Err(failure) => return Err(failure),
        }
        let path = layout::path(kind, id);
        let content: opendal::Buffer = parts.iter().map(|part| Bytes::copy_from_slice(part)).collect();
        let conditional = !self.unconditional.load(Ordering::Relaxed);
        let options = WriteOptions { if_not_exists: conditional, ..WriteOptions::default() };
        let written = self.runtime.block_on(self.operator.write_options(&path, content.clone(), options));
        match written {
            Ok(_) => Ok(()),
            // Some services that speak a cloud's language refuse its newest words.
            Err(error) if conditional && is_not_implemented(&error) => {
                self.unconditional.store(true, Ordering::Relaxed);
                let again = self.operator.write_options(&path, content, WriteOptions::default());
                self.runtime.block_on(again).map(drop).map_err(Failure::from)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn list_kind(&self, kind: FileKind) -> Result<Vec<FileInfo>, Failure> {
        if kind == FileKind::Config {
            return match self.stat(kind, &Id::default()) {
                Ok(size) => Ok(vec![FileInfo { id: Id::default(), size, modified: None }]),
                Err(failure) if failure.kind == ErrorKind::NotFound && !failure.message.contains("NoSuchBucket") => {
                    Ok(Vec::new())
                }
                Err(failure) => Err(failure),
            };
        }
        let options = ListOptions { recursive: true, ..ListOptions::default() };
        let folder = format!("{}/", kind.folder());
        self.runtime.block_on(async {
            let lister = match self.operator.lister_options(&folder, options).await {
                Ok(lister) => lister,
                Err(error) if error.kind() == opendal::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            };
            let rows = lister.try_filter_map(|entry| async move { Ok(info(kind, &entry)) });
            rows.try_collect().await.map_err(Failure::from)
        })
    }
}

/// Whether a service says that it does not know the condition that a write came with.
fn is_not_implemented(error: &opendal::Error) -> bool {
    error.kind() == opendal::ErrorKind::Unsupported || error.message().contains("NotImplemented")
}

/// A row of a listing, for a file of the repository in its place.
fn info(kind: FileKind, entry: &Entry) -> Option<FileInfo> {
    if entry.metadata().mode() != EntryMode::FILE {
        return None;
    }
    let id = layout::parse(entry.name())?;
    if entry.path() != layout::path(kind, &id) {
        return None;
    }
    let modified = entry.metadata().last_modified().map(|time| Timestamp::from(std::time::SystemTime::from(time)));
    Some(FileInfo { id, size: entry.metadata().content_length(), modified })
}

impl Store for OpenDalStore {
    fn location(&self) -> String {
        self.location.clone()
    }

    fn create(&self) -> Result<(), StoreError> {
        // Object storage has no folders; WebDAV's are made when a file is put.
        Ok(())
    }

    fn list(&self, kind: FileKind) -> Result<Vec<FileInfo>, StoreError> {
        self.list_kind(kind).map_err(|failure| StoreError {
            kind: failure.kind,
            action: "list",
            what: kind.folder().to_owned(),
            location: self.location.clone(),
            source: failure.into(),
        })
    }

    fn size(&self, kind: FileKind, id: &Id) -> Result<u64, StoreError> {
        self.stat(kind, id).map_err(|failure| self.error("read the size of", (kind, id), failure))
    }

    fn read(&self, kind: FileKind, id: &Id) -> Result<Bytes, StoreError> {
        self.read_whole(kind, id).map_err(|failure| self.error("read", (kind, id), failure))
    }

    fn read_range(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.read_part(kind, id, range).map_err(|failure| self.error("read", (kind, id), failure))
    }

    fn put(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), StoreError> {
        self.write(kind, id, parts).map_err(|failure| self.error("write", (kind, id), failure))
    }

    fn remove(&self, kind: FileKind, id: &Id) -> Result<(), StoreError> {
        let path = layout::path(kind, id);
        let deleted = self.runtime.block_on(self.operator.delete(&path));
        deleted.map_err(|error| self.error("delete", (kind, id), error.into()))
    }
}
