//! Servers for the time of one test: found, started on free ports, ended on drop.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The program that `variable` names, or else the first of `names` on the path.
pub(crate) fn find(variable: &str, names: &[&str]) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = || {
        let places: Vec<_> = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]).collect();
        names.iter().flat_map(|name| places.iter().map(move |place| place.join(name))).find(|file| file.exists())
    };
    let found = named.or_else(on_path);
    if found.is_none() {
        println!("SKIPPED: there is no {} here; {variable} may name it", names[0]);
    }
    found
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A running server.
pub(crate) struct Server {
    child: Child,
}

impl Server {
    /// Starts a server and waits until `ready`.
    pub(crate) fn start(command: &mut Command, ready: impl Fn() -> bool) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        // The test's output is shown only if it fails; then the server's side of it helps.
        std::thread::spawn(move || log.lines().map_while(Result::ok).for_each(|line| println!("server: {line}")));
        let start = Instant::now();
        while !ready() {
            assert!(start.elapsed() < Duration::from_secs(30), "{command:?} does not become ready");
            assert!(child.try_wait().unwrap().is_none(), "{command:?} has ended");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { child }
    }

    /// Starts a server that listens on a port of the loopback.
    pub(crate) fn on_port(command: &mut Command, port: u16) -> Self {
        Self::start(command, || TcpStream::connect(("127.0.0.1", port)).is_ok())
    }

    /// Starts a server that listens on a socket.
    pub(crate) fn on_socket(command: &mut Command, socket: &Path) -> Self {
        Self::start(command, || std::os::unix::net::UnixStream::connect(socket).is_ok())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// An error and its causes, as a person would see them.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
