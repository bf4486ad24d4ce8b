//! The driver for rclone's remotes: rclone serves restic's REST protocol on a socket that only we can reach.
//!
//! The socket lies in a folder for our user alone. A shell stands between us and rclone; it ends rclone when its standard
//! input ends, hence also when we are killed. Other than restic we cannot talk to rclone through a pipe: that takes HTTP/2.

use std::ops::Range;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use holdfast_model::Id;

use crate::helper::{Complaints, split_words};
use crate::uri::{Place, RestPlace};
use crate::{ErrorKind, FileInfo, FileKind, RestStore, Store, StoreError, Tls};

/// Starts rclone, keeps its standard error for it alone, waits for our end, ends rclone and what is left of the socket.
const KEEPER: &str = r#"folder=$1; shift; "$@" & child=$!; exec 2>/dev/null; cat >/dev/null
kill "$child"; wait "$child"; rm -f "$folder/rclone.sock"; rmdir "$folder""#;

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
    keeper: Child,
    complaints: Complaints,
    /// Removed with everything in it when the store goes.
    _folder: tempfile::TempDir,
}

#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("{text:?} is not a command line: a quote is not closed")]
    Quote { text: String },
    #[error("cannot start {program}; is it installed?")]
    Start {
        program: String,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot make a folder for the socket")]
    Folder(#[source] std::io::Error),
    #[error("rclone has ended: {said}")]
    Ended { said: String },
    #[error("rclone does not serve within {} seconds: {said}", patience.as_secs())]
    Silent { patience: Duration, said: String },
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
        Self::try_start(remote, how, connections, location.clone()).map_err(|error| StoreError {
            kind: ErrorKind::Permanent,
            action: "start",
            what: "rclone".to_owned(),
            location,
            source: error,
        })
    }

    fn try_start(
        remote: &str,
        how: &RcloneProgram,
        connections: usize,
        location: String,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let split = |text: &str| split_words(text).ok_or(StartError::Quote { text: text.to_owned() });
        let program = split(&how.program)?;
        // Restic's users may have its own way to talk to rclone in their arguments.
        let arguments = split(&how.arguments)?.into_iter().filter(|argument| argument != "--stdio");
        let folder = tempfile::Builder::new().prefix("holdfast-").tempdir().map_err(StartError::Folder)?;
        let socket = folder.path().join("rclone.sock");
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "holdfast-rclone"]).arg(folder.path());
        command.args(&program).args(arguments).arg("--addr").arg(format!("unix://{}", socket.display())).arg(remote);
        // A group of its own, so that Ctrl-C reaches us alone and we can still clean up through it.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        let name = program.first().cloned().unwrap_or_default();
        let mut keeper = command.spawn().map_err(|source| StartError::Start { program: name, source })?;
        let secrets = secrets_of(remote);
        let stderr = keeper.stderr.take().expect("it was asked for");
        let complaints = Complaints::listen(stderr, move |line| {
            secrets.iter().fold(line, |line, secret| line.replace(secret, "***"))
        });
        let place = RestPlace {
            url: "http://localhost/".to_owned(),
            socket: Some(socket.display().to_string()),
            user: None,
            password: None,
        };
        let rest = RestStore::new(&place, None, &Tls::default(), connections)?.located(location);
        // From here on the drop of the store ends rclone.
        let store = Self { rest, keeper, complaints, _folder: folder };
        store.await_service(&socket, how.patience)?;
        Ok(store)
    }

    fn await_service(&self, socket: &Path, patience: Duration) -> Result<(), StartError> {
        let start = Instant::now();
        while UnixStream::connect(socket).is_err() {
            if self.complaints.ended() {
                return Err(StartError::Ended { said: self.complaints.last_words(Duration::ZERO) });
            }
            if start.elapsed() > patience {
                return Err(StartError::Silent { patience, said: self.complaints.last_words(Duration::ZERO) });
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Adds rclone's own words to an error, and makes it final if rclone is gone.
    fn explained<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        result.map_err(|mut error| {
            let ended = self.complaints.ended();
            if matches!(error.kind, ErrorKind::NotFound | ErrorKind::AlreadyExists) {
                return error;
            }
            if ended {
                error.kind = ErrorKind::Permanent;
            }
            let said = self.complaints.last_words(Duration::ZERO);
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

impl Drop for RcloneStore {
    fn drop(&mut self) {
        // The keeper waits for this end, ends rclone, and ends itself.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
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
