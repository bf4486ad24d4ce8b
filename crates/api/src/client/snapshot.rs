//! What is in a snapshot: its directories page by page, and its files as they are read.

use std::io::{self, Read};

use holdfast_model::{RepositoryUid, SnapshotId, SnapshotPath};
use ureq::http::Method;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName};

use super::transport::Call;
use super::{ApiClient, ApiError};
use crate::FileList;

/// The server has no more at once.
const PAGE: &str = "5000";

/// What comes down from a server. Reading fails if it ends before it is whole.
pub struct Download {
    body: Box<dyn Read + Send>,
    is_archive: bool,
    length: Option<u64>,
    read: u64,
}

impl Download {
    /// Whether it is an archive, and not a file as it is.
    pub fn is_archive(&self) -> bool {
        self.is_archive
    }

    /// How many bytes there will be, where that is known.
    pub fn length(&self) -> Option<u64> {
        self.length
    }
}

impl Read for Download {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.body.read(buffer)?;
        self.read += count as u64;
        let is_short = self.length.is_some_and(|length| self.read < length);
        if count == 0 && !buffer.is_empty() && is_short {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(count)
    }
}

impl ApiClient {
    /// A part of a directory of a snapshot.
    pub fn files(
        &self,
        (repository, snapshot): (RepositoryUid, SnapshotId),
        path: &SnapshotPath,
        cursor: Option<String>,
    ) -> Result<FileList, ApiError> {
        let mut parameters = vec![("path", path.to_string()), ("limit", PAGE.to_owned())];
        parameters.extend(cursor.map(|cursor| ("cursor", cursor)));
        self.transport.get(&format!("/api/v1/snapshots/{repository}/{snapshot}/files"), &parameters)
    }

    /// A file of a snapshot, or an archive: in this form (`tar.zst`, `tar`, `zip` or `raw`), or as suits what is there.
    pub fn download(
        &self,
        (repository, snapshot): (RepositoryUid, SnapshotId),
        path: &SnapshotPath,
        form: Option<&str>,
    ) -> Result<Download, ApiError> {
        let mut parameters = vec![("path", path.to_string())];
        parameters.extend(form.map(|form| ("format", form.to_owned())));
        let path = format!("/api/v1/snapshots/{repository}/{snapshot}/download");
        let (answer, body) = self.transport.stream(Call::new(Method::GET, &path).query(&parameters).accept("*/*"))?;
        let headers = answer.headers();
        let is_archive = header(headers, CONTENT_TYPE) != Some("application/octet-stream");
        let length = header(headers, CONTENT_LENGTH).and_then(|length| length.parse().ok());
        Ok(Download { body: Box::new(body), is_archive, length, read: 0 })
    }
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
