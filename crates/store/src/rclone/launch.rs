//! Starts rclone so that it serves us and nobody else, and ends it.
//!
//! It listens on a socket in a folder for our user alone. An rclone older than 1.61 knows no sockets, and a socket's path
//! has at most 107 bytes: then it listens on a port of the loopback that it chooses itself, and lets nobody in without a
//! user and a password that are made up for this one time and told to it by its environment, which other users cannot see.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{RcloneProgram, secrets_of};
use crate::Secret;
use crate::helper::{Complaints, keep_secrets, split_words};
use crate::uri::RestPlace;

/// Starts rclone, keeps its standard error for it alone, waits for our end, ends rclone and what is left of the socket.
const KEEPER: &str = r#"folder=$1; shift; "$@" & child=$!; exec 2>/dev/null; cat >/dev/null
kill "$child"; wait "$child"; rm -f "$folder/rclone.sock"; rmdir "$folder""#;

/// The first release that listens on sockets.
const KNOWS_SOCKETS: (u32, u32) = (1, 61);

/// Bytes of a socket's path, without the zero at its end.
const MAX_SOCKET_PATH: usize = 107;

/// Stands before the port in what rclone says once it serves.
const SERVES: &str = "http://127.0.0.1:";

/// A running rclone. It ends with this.
#[derive(Debug)]
pub(super) struct Launched {
    keeper: Child,
    pub(super) complaints: Complaints,
    /// Removed with everything in it.
    _folder: tempfile::TempDir,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error("{text:?} is not a command line: a quote is not closed")]
    Quote { text: String },
    #[error("cannot start {program}; is it installed?")]
    Start {
        program: String,
        #[source]
        source: io::Error,
    },
    #[error("cannot make a folder for the socket")]
    Folder(#[source] io::Error),
    #[error("the system gives no random bytes for a password")]
    Random(#[source] io::Error),
    #[error("rclone has ended: {said}")]
    Ended { said: String },
    #[error("rclone does not serve within {} seconds: {said}", patience.as_secs())]
    Silent { patience: Duration, said: String },
}

/// Where rclone listens.
enum Address {
    Socket(PathBuf),
    /// On the loopback, with this user and this password.
    Loopback(String, Secret),
}

/// Starts rclone for a remote, waits until it serves, and says where it does.
pub(super) fn launch(remote: &str, how: &RcloneProgram) -> Result<(Launched, RestPlace), StartError> {
    let folder = new_folder()?;
    let socket = folder.path().join("rclone.sock");
    if socket.as_os_str().as_bytes().len() > MAX_SOCKET_PATH {
        return start(remote, how, folder, loopback()?);
    }
    match start(remote, how, folder, Address::Socket(socket)) {
        // It ends for many reasons, of which only this one makes a second attempt worth it.
        Err(StartError::Ended { .. }) if !knows_sockets(&version_of(how)?) => {
            start(remote, how, new_folder()?, loopback()?)
        }
        started => started,
    }
}

fn start(
    remote: &str,
    how: &RcloneProgram,
    folder: tempfile::TempDir,
    address: Address,
) -> Result<(Launched, RestPlace), StartError> {
    let program = words(&how.program)?;
    // Restic's users may have its own way to talk to rclone in their arguments.
    let arguments = words(&how.arguments)?.into_iter().filter(|argument| argument != "--stdio");
    let mut command = Command::new("sh");
    command.args(["-c", KEEPER, "holdfast-rclone"]).arg(folder.path()).args(&program).args(arguments);
    match &address {
        Address::Socket(socket) => command.arg("--addr").arg(format!("unix://{}", socket.display())),
        Address::Loopback(user, password) => {
            command.env("RCLONE_USER", user).env("RCLONE_PASS", password.reveal()).args(["--addr", "127.0.0.1:0"])
        }
    };
    command.arg(remote);
    keep_secrets(&mut command);
    // A group of its own, so that Ctrl-C reaches us alone and we can still clean up through it.
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    let mut keeper = command.spawn().map_err(|source| not_started(&program, source))?;
    let secrets = secrets_of(remote);
    let stderr = keeper.stderr.take().expect("it was asked for");
    let complaints =
        Complaints::listen(stderr, move |line| secrets.iter().fold(line, |line, secret| line.replace(secret, "***")));
    // From here on its drop ends rclone.
    let launched = Launched { keeper, complaints, _folder: folder };
    let place = launched.await_service(&address, how.patience)?;
    Ok((launched, place))
}

fn words(text: &str) -> Result<Vec<String>, StartError> {
    split_words(text).ok_or(StartError::Quote { text: text.to_owned() })
}

fn not_started(program: &[String], source: io::Error) -> StartError {
    StartError::Start { program: program.first().cloned().unwrap_or_default(), source }
}

fn new_folder() -> Result<tempfile::TempDir, StartError> {
    tempfile::Builder::new().prefix("holdfast-").tempdir().map_err(StartError::Folder)
}

/// The loopback, with a user and a password that nobody can guess.
fn loopback() -> Result<Address, StartError> {
    let word = || -> Result<String, StartError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|source| StartError::Random(source.into()))?;
        Ok(format!("{:032x}", u128::from_le_bytes(bytes)))
    };
    Ok(Address::Loopback(word()?, Secret::new(word()?)))
}

/// What `rclone version` says.
fn version_of(how: &RcloneProgram) -> Result<String, StartError> {
    let program = words(&how.program)?;
    let (name, arguments) = program.split_first().ok_or(StartError::Quote { text: how.program.clone() })?;
    let mut command = Command::new(name);
    keep_secrets(&mut command);
    let output = command.args(arguments).arg("version").stdin(Stdio::null()).output();
    let output = output.map_err(|source| not_started(&program, source))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether an rclone that says this of itself listens on sockets. One that says nothing is taken for a new one.
fn knows_sockets(version: &str) -> bool {
    let number = version.split_whitespace().find_map(|word| word.strip_prefix('v')).unwrap_or_default();
    let mut parts = number.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) => (major, minor) >= KNOWS_SOCKETS,
        _ => true,
    }
}

/// The port that rclone says it serves on.
fn port_in(said: &str) -> Option<u16> {
    let (_, rest) = said.rsplit_once(SERVES)?;
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

impl Launched {
    fn await_service(&self, address: &Address, patience: Duration) -> Result<RestPlace, StartError> {
        let start = Instant::now();
        loop {
            if let Some(place) = self.place(address) {
                return Ok(place);
            }
            if self.complaints.ended() {
                return Err(StartError::Ended { said: self.complaints.last_words(Duration::ZERO) });
            }
            if start.elapsed() > patience {
                return Err(StartError::Silent { patience, said: self.complaints.last_words(Duration::ZERO) });
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Where it serves, once it does.
    fn place(&self, address: &Address) -> Option<RestPlace> {
        match address {
            Address::Socket(socket) => {
                UnixStream::connect(socket).ok()?;
                let (url, socket) = ("http://localhost/".to_owned(), Some(socket.display().to_string()));
                Some(RestPlace { url, socket, user: None, password: None })
            }
            // The port is its own choice: one that we had chosen somebody else could have taken first.
            Address::Loopback(user, password) => {
                let url = format!("{SERVES}{}/", port_in(&self.complaints.last_words(Duration::ZERO))?);
                Some(RestPlace { url, socket: None, user: Some(user.clone()), password: Some(password.clone()) })
            }
        }
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        // The keeper waits for this end, ends rclone, and ends itself.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_releases_get_a_port() {
        for (version, knows) in [
            ("rclone v1.60.1-DEV\n- os/version: debian 12.10 (64 bit)", false),
            ("rclone v1.53.3-DEV", false),
            ("rclone v1.61.0", true),
            ("rclone v1.75.2\n- os/version: debian v1.2", true),
            ("rclone v2.0.0-beta.1", true),
            ("rclone of somebody's own", true),
            ("", true),
        ] {
            assert_eq!(knows_sockets(version), knows, "{version}");
        }
    }

    #[test]
    fn the_port_is_read_from_what_either_kind_of_rclone_says() {
        let old = "2026/11/21 NOTICE: Local file system at /r: Serving restic REST API on http://127.0.0.1:39487/";
        let new = "NOTICE: Local file system at /r: Serving restic REST API on [http://127.0.0.1:36617/]";
        assert_eq!((port_in(old), port_in(new)), (Some(39487), Some(36617)));
        assert_eq!(port_in("NOTICE: Failed to restic: start server failed"), None);
        assert_eq!(port_in("http://127.0.0.1:99999/"), None);
    }

    #[test]
    fn no_two_passwords_are_the_same_and_none_is_shown() {
        let pair = || match loopback().unwrap() {
            Address::Loopback(user, password) => (user, password.reveal().to_owned()),
            Address::Socket(_) => panic!("a socket"),
        };
        let (one, other) = (pair(), pair());
        assert!(one.0 != other.0 && one.1 != other.1 && one.0 != one.1 && one.1.len() == 32);
    }
}
