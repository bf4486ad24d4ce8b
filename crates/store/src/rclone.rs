//! The driver for rclone's remotes: rclone serves restic's REST protocol where only we can reach it ([`launch`]).
//!
//! A shell stands between us and rclone; it ends rclone when its standard input ends, hence also when we are killed. Other
//! than restic we cannot talk to rclone through a pipe: that takes HTTP/2.

mod launch;

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use holdfast_model::Id;

use self::launch::Launched;
use crate::uri::Place;
use crate::{ErrorKind, FileInfo, FileKind, RestStore, Store, StoreError, Tls};

/// How rclone is started.
#[derive(Debug, Clone)]
pub struct RcloneProgram {
    /// The program, perhaps with arguments, as in a shell.
    pub program: String,
    /// What it is told to do, as in a shell, without the remote.
    pub arguments: String,
    /// How long it may take to serve.
    pub patience: Duration,
}

impl Default for RcloneProgram {
    fn default() -> Self {
        Self {
            program: "rclone".to_owned(),
            arguments: "serve restic --b2-hard-delete".to_owned(),
            patience: Duration::from_secs(60),
        }
    }
}

/// Keeps a repository in a remote of rclone's, which runs as long as this lives.
#[derive(Debug)]
pub struct RcloneStore {
    rest: RestStore,
    rclone: Launched,
}

/// A call failed, and this is what rclone has said of late.
#[derive(Debug, thiserror::Error)]
#[error("rclone says: {said}")]
struct Said {
    said: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl RcloneStore {
    /// Starts rclone for a remote (`NAME:PATH`) and waits until it serves.
    pub fn start(remote: &str, how: &RcloneProgram, connections: usize) -> Result<Self, StoreError> {
        let location = Place::Rclone(remote.to_owned()).to_string();
        let (rclone, place) = launch::launch(remote, how).map_err(|error| StoreError {
            kind: ErrorKind::Permanent,
            action: "start",
            what: "rclone".to_owned(),
            location: location.clone(),
            source: error.into(),
        })?;
        let rest = RestStore::new(&place, None, &Tls::default(), connections)?.located(location);
        Ok(Self { rest, rclone })
    }

    /// Adds rclone's own words to an error, and makes it final if rclone is gone.
    fn explained<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        result.map_err(|mut error| {
            let ended = self.rclone.complaints.ended();
            if matches!(error.kind, ErrorKind::NotFound | ErrorKind::AlreadyExists) {
                return error;
            }
            if ended {
                error.kind = ErrorKind::Permanent;
            }
            let said = self.rclone.complaints.last_words(Duration::ZERO);
            if !said.is_empty() {
                error.source = Box::new(Said { said, source: error.source });
            }
            error
        })
    }
}

/// The values of a connection string's options (`:sftp,host=h,pass=p:path`): passwords may be among them.
fn secrets_of(remote: &str) -> Vec<String> {
    let Some((_, options)) = remote.split_once(',') else { return Vec::new() };
    let values = options.split(',').filter_map(|option| option.split_once('='));
    let value = |text: &str| text.split(':').next().unwrap_or_default().trim_matches(['"', '\'']).to_owned();
    values.map(|(_, text)| value(text)).filter(|value| value.len() > 3).collect()
}

impl Store for RcloneStore {
    fn location(&self) -> String {
        self.rest.location()
    }

    fn create(&self) -> Result<(), StoreError> {
        self.explained(self.rest.create())
    }

    fn list(&self, kind: FileKind) -> Result<Vec<FileInfo>, StoreError> {
        self.explained(self.rest.list(kind))
    }

    fn size(&self, kind: FileKind, id: &Id) -> Result<u64, StoreError> {
        self.explained(self.rest.size(kind, id))
    }

    fn read(&self, kind: FileKind, id: &Id) -> Result<Bytes, StoreError> {
        self.explained(self.rest.read(kind, id))
    }

    fn read_range(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.explained(self.rest.read_range(kind, id, range))
    }

    fn put(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), StoreError> {
        self.explained(self.rest.put(kind, id, parts))
    }

    fn remove(&self, kind: FileKind, id: &Id) -> Result<(), StoreError> {
        self.explained(self.rest.remove(kind, id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_a_connection_string_are_secrets() {
        assert_eq!(secrets_of(":sftp,host=host.example,pass=\"hunter2\":path"), ["host.example", "hunter2"]);
        assert_eq!(secrets_of("remote:path,with=comma"), ["comma"]);
        assert_eq!(secrets_of("remote:path"), [] as [&str; 0]);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let how = RcloneProgram { program: "/nowhere/rclone".to_owned(), ..RcloneProgram::default() };
        let error = RcloneStore::start("remote:path", &how, 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Permanent);
        assert!(error.source.to_string().contains("/nowhere/rclone"), "{}", error.source);
    }
}
