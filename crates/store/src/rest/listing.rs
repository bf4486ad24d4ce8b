//! Listings of the REST protocol: version 2 tells names and sizes, version 1 names alone.
//!
//! A listing that ends early is broken JSON, hence an error.

use std::io::Read;

use holdfast_model::Id;
use serde::Deserialize;
use ureq::Body;
use ureq::http::{Method, Response};

use super::{RestStore, VERSION_2};
use crate::http::{HttpError, drain};
use crate::{ErrorKind, FileInfo, FileKind, layout};

/// The most bytes of a listing: some eight million files.
const MAX_LISTING: u64 = 1 << 30;

#[derive(Deserialize)]
struct Row {
    name: String,
    size: u64,
}

/// All files of one kind.
pub(super) fn list(store: &RestStore, kind: FileKind) -> Result<Vec<FileInfo>, HttpError> {
    if kind == FileKind::Config {
        return match store.size_of(kind, &Id::default()) {
            Ok(size) => Ok(vec![FileInfo { id: Id::default(), size, modified: None }]),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        };
    }
    let url = format!("{}{}/", store.url, kind.folder());
    let response = store.http.send(store.request(Method::GET, &url)?, &[])?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Rclone says "not found" for failures too, and answers an empty listing where nothing is.
    if response.status() == 404 && !header("server").starts_with("rclone/") {
        drain(response);
        return Ok(Vec::new());
    }
    if !response.status().is_success() {
        return Err(HttpError::of_status(response));
    }
    if header("content-type") == VERSION_2 { version_2(response) } else { version_1(store, kind, response) }
}

fn version_2(response: Response<Body>) -> Result<Vec<FileInfo>, HttpError> {
    let rows: Option<Vec<Row>> = json(response)?;
    let info = |row: Row| layout::parse(&row.name).map(|id| FileInfo { id, size: row.size, modified: None });
    Ok(rows.unwrap_or_default().into_iter().filter_map(info).collect())
}

fn version_1(store: &RestStore, kind: FileKind, response: Response<Body>) -> Result<Vec<FileInfo>, HttpError> {
    let names: Option<Vec<String>> = json(response)?;
    let mut files = Vec::new();
    for id in names.unwrap_or_default().iter().filter_map(|name| layout::parse(name)) {
        match store.size_of(kind, &id) {
            Ok(size) => files.push(FileInfo { id, size, modified: None }),
            // Deleted meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(files)
}

fn json<T: for<'de> Deserialize<'de>>(response: Response<Body>) -> Result<T, HttpError> {
    let reader = response.into_body().into_with_config().limit(u64::MAX).reader().take(MAX_LISTING);
    serde_json::from_reader(std::io::BufReader::with_capacity(64 << 10, reader)).map_err(|error| {
        match error.io_error_kind() {
            Some(kind) => std::io::Error::new(kind, error).into(),
            None => HttpError::Nonsense(error.to_string()),
        }
    })
}
