//! The driver for servers of restic's REST protocol, version 2 (and 1, for listings).
//!
//! Source: restic's "REST Backend". The protocol does not say whether a server replaces a file of the same name or syncs
//! what it stores: we look before we write, and trust a server's 200 as restic does. Files of all kinds lie flat under
//! their kind's name.

mod listing;

use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use holdfast_model::Id;
use ureq::http::{Method, Request, StatusCode};

use crate::http::{Http, HttpError, Way, announced_length, drain, exact_body, whole_body};
use crate::uri::RestPlace;
use crate::{ErrorKind, FileInfo, FileKind, Secret, Store, StoreError, Tls};

/// Version 2 of the protocol, in the `Accept` header.
const VERSION_2: &str = "application/vnd.x.restic.rest.v2";

/// No file of a repository is this large, in bytes: a bound on what is allocated for one.
const MAX_FILE: u64 = 4 << 30;

/// Keeps a repository on a REST server.
#[derive(Debug)]
pub struct RestStore {
    http: Http,
    /// Ends with a slash.
    url: String,
    location: String,
}

impl RestStore {
    /// A store on a server; nothing is sent yet. `login` is used unless the place names a user itself.
    pub fn new(
        place: &RestPlace,
        login: Option<(String, Secret)>,
        tls: &Tls,
        connections: usize,
    ) -> Result<Self, StoreError> {
        let location = format!("rest:{place}");
        let way = match &place.socket {
            Some(socket) => Way::Socket(Path::new(socket)),
            None if place.url.starts_with("http://127.0.0.1:") => Way::Direct,
            None => Way::Usual,
        };
        let http = Http::new(tls, connections, way).map_err(|error| StoreError {
            kind: error.kind(),
            action: "connect to",
            what: "the server".to_owned(),
            location: location.clone(),
            source: error.into(),
        })?;
        let login = match &place.user {
            Some(user) => Some((user.clone(), place.password.clone().unwrap_or_default())),
            None => login,
        };
        let http = match login {
            Some((user, password)) => http.login(&user, &password),
            None => http,
        };
        Ok(Self { http, url: place.url.clone(), location })
    }

    /// The same store under another name: rclone's.
    pub(crate) fn located(self, location: String) -> Self {
        Self { location, ..self }
    }

    fn file_url(&self, kind: FileKind, id: &Id) -> String {
        match kind {
            FileKind::Config => format!("{}config", self.url),
            _ => format!("{}{}/{id}", self.url, kind.folder()),
        }
    }

    fn request(&self, method: Method, url: &str) -> Result<Request<()>, HttpError> {
        let built = Request::builder().method(method).uri(url).header("accept", VERSION_2);
        built.body(()).map_err(|error| HttpError::Transport(error.into()))
    }

    fn error(&self, action: &'static str, file: (FileKind, &Id), error: HttpError) -> StoreError {
        StoreError::of_file(error.kind(), action, file, self.location.clone(), error)
    }

    fn size_of(&self, kind: FileKind, id: &Id) -> Result<u64, HttpError> {
        let response = self.http.succeed(self.request(Method::HEAD, &self.file_url(kind, id))?, &[])?;
        announced_length(&response)
            .ok_or_else(|| HttpError::Nonsense("it does not say how large the file is".to_owned()))
    }

    fn exists(&self, kind: FileKind, id: &Id) -> Result<bool, HttpError> {
        match self.size_of(kind, id) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn read_whole(&self, kind: FileKind, id: &Id) -> Result<Bytes, HttpError> {
        let response = self.http.succeed(self.request(Method::GET, &self.file_url(kind, id))?, &[])?;
        whole_body(response, kind.max_size())
    }

    fn read_part(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Bytes, HttpError> {
        let too_short = || HttpError::Nonsense(format!("the file has no bytes {} to {}", range.start, range.end));
        let length = range.end.saturating_sub(range.start);
        if length == 0 {
            // HTTP knows no empty range.
            return if self.size_of(kind, id)? >= range.start { Ok(Bytes::new()) } else { Err(too_short()) };
        }
        if length > MAX_FILE {
            return Err(HttpError::TooLarge);
        }
        let mut request = self.request(Method::GET, &self.file_url(kind, id))?;
        let bytes = format!("bytes={}-{}", range.start, range.end - 1);
        request.headers_mut().insert("range", bytes.parse().expect("digits make a header"));
        let response = self.http.succeed(request, &[])?;
        if response.status() != StatusCode::PARTIAL_CONTENT {
            return Err(HttpError::Nonsense("a part was asked for, the whole file came".to_owned()));
        }
        exact_body(response, length)?.ok_or_else(too_short)
    }

    fn write(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), HttpError> {
        let mut request = self.request(Method::POST, &self.file_url(kind, id))?;
        let binary = "application/octet-stream".parse().expect("it is a header");
        request.headers_mut().insert("content-type", binary);
        self.http.succeed(request, parts).map(drain)
    }
}

/// Whether a server may mean that the name is taken.
fn refuses(error: &HttpError) -> bool {
    let HttpError::Status { status, .. } = error else { return false };
    matches!(*status, StatusCode::FORBIDDEN | StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED)
}

/// How a file that is there already refuses a put.
#[derive(Debug, thiserror::Error)]
#[error("a file of that name exists")]
struct Exists;

impl Store for RestStore {
    fn location(&self) -> String {
        self.location.clone()
    }

    fn create(&self) -> Result<(), StoreError> {
        let request = self.request(Method::POST, &format!("{}?create=true", self.url));
        request.and_then(|request| self.http.succeed(request, &[])).map(drain).map_err(|error| StoreError {
            kind: error.kind(),
            action: "create",
            what: "the folders of a repository".to_owned(),
            location: self.location.clone(),
            source: error.into(),
        })
    }

    fn list(&self, kind: FileKind) -> Result<Vec<FileInfo>, StoreError> {
        listing::list(self, kind).map_err(|error| StoreError {
            kind: error.kind(),
            action: "list",
            what: kind.folder().to_owned(),
            location: self.location.clone(),
            source: error.into(),
        })
    }

    fn size(&self, kind: FileKind, id: &Id) -> Result<u64, StoreError> {
        self.size_of(kind, id).map_err(|error| self.error("read the size of", (kind, id), error))
    }

    fn read(&self, kind: FileKind, id: &Id) -> Result<Bytes, StoreError> {
        self.read_whole(kind, id).map_err(|error| self.error("read", (kind, id), error))
    }

    fn read_range(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.read_part(kind, id, range).map_err(|error| self.error("read", (kind, id), error))
    }

    fn put(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), StoreError> {
        let failed = |error| self.error("write", (kind, id), error);
        let exists =
            || StoreError::of_file(ErrorKind::AlreadyExists, "write", (kind, id), self.location.clone(), Exists);
        if self.exists(kind, id).map_err(failed)? {
            return Err(exists());
        }
        match self.write(kind, id, parts) {
            // Restic's server answers "forbidden" for a name that was taken meanwhile, others "conflict".
            Err(error) if refuses(&error) && self.exists(kind, id).is_ok_and(|there| there) => Err(exists()),
            written => written.map_err(failed),
        }
    }

    fn remove(&self, kind: FileKind, id: &Id) -> Result<(), StoreError> {
        let failed = |error| self.error("delete", (kind, id), error);
        let request = self.request(Method::DELETE, &self.file_url(kind, id)).map_err(failed)?;
        self.http.succeed(request, &[]).map(drain).map_err(failed)
    }
}
