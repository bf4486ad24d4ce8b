//! Servers for the time of one test: started on free ports, ended on drop.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use holdfast_testkit::skip;

/// A program on the path; without it the test is skipped and must return.
pub(crate) fn require(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|place| place.join(name)).find(|file| file.exists());
    if found.is_none() {
        skip(&format!("needs {name}"));
    }
    found
}

/// A port that nobody listens on now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A running server.
pub(crate) struct Server {
    child: Child,
}

impl Server {
    /// Starts the server that `command` makes for a port of the loopback. Somebody else may take the port first; then it is
    /// another.
    pub(crate) fn on_free_port(command: impl Fn(u16) -> Command) -> (Self, u16) {
        let try_one = || {
            let port = free_port();
            Self::start(&mut command(port), || TcpStream::connect(("127.0.0.1", port)).is_ok())
                .map(|server| (server, port))
        };
        (0..10).find_map(|_| try_one()).expect("one of ten ports is free")
    }

    /// Starts a server that listens on a socket.
    pub(crate) fn on_socket(command: &mut Command, socket: &Path) -> Self {
        Self::start(command, || UnixStream::connect(socket).is_ok()).expect("nobody else has this socket")
    }

    /// Starts a server and waits until it is ready; `None` if it ends before.
    fn start(command: &mut Command, ready: impl Fn() -> bool) -> Option<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        // The test's output is shown only if it fails; then the server's side of it helps.
        thread::spawn(move || log.lines().map_while(Result::ok).for_each(|line| println!("server: {line}")));
        let start = Instant::now();
        while !ready() {
            assert!(start.elapsed() < Duration::from_secs(60), "{command:?} does not become ready");
            if child.try_wait().unwrap().is_some() {
                return None;
            }
            thread::sleep(Duration::from_millis(10));
        }
        // Who answers may be another one, who had the port already; ours then ends.
        thread::sleep(Duration::from_millis(50));
        child.try_wait().unwrap().is_none().then_some(Self { child })
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
