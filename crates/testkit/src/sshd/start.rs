//! Finds a port and starts the server on it.
//!
//! A port that is free now may be taken a moment later, by another test too. So nothing is assumed: the server says
//! in its log whether it got the port, and if not, the next one is tried.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::geteuid;

use super::{Sshd, SshdBuilder, config, namespace};
use crate::{process, skip, temp_dir};

const ATTEMPTS: usize = 30;

pub(super) fn start(builder: &SshdBuilder) -> Option<Sshd> {
    let Some(program) = program() else {
        skip("needs sshd (Debian's openssh-server)");
        return None;
    };
    if builder.needs_namespace() && !namespace::available() {
        return None;
    }
    let dir = temp_dir();
    config::write_files(dir.path(), builder);
    let home = dir.path().join("home");
    std::fs::create_dir(&home).expect("the directory is new");
    if let Some(user) = &builder.user {
        let owner = Some(user.id);
        std::os::unix::fs::chown(&home, owner, owner).expect("root may give a directory away");
    }
    if geteuid().is_root() {
        // Where sshd as root locks up its unprivileged half; Debian's service makes it at boot.
        std::fs::create_dir_all("/run/sshd").expect("root may write to /run");
    }
    for _ in 0..ATTEMPTS {
        let port = free_port();
        config::write_port(dir.path(), port, builder);
        if let Some(server) = try_port(dir.path(), &program, builder) {
            let user = builder.user.as_ref().map_or_else(current_user, |user| user.name.clone());
            return Some(Sshd { dir, server, port, user });
        }
    }
    panic!("found no free port in {ATTEMPTS} attempts");
}

/// sshd wants to be started by its absolute path.
fn program() -> Option<PathBuf> {
    ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}

/// The server, if it got its port; `None` if somebody else has it.
fn try_port(dir: &Path, program: &Path, builder: &SshdBuilder) -> Option<Child> {
    let log_path = dir.join("log");
    let log = File::create(&log_path).expect("the directory is our own");
    let program = program.display().to_string();
    let arguments = [program, "-D".into(), "-e".into(), "-f".into(), dir.join("sshd_config").display().to_string()];
    let mut command = if builder.needs_namespace() {
        namespace::wrap(dir, builder, &arguments)
    } else {
        let mut command = Command::new(&arguments[0]);
        command.args(&arguments[1..]);
        command
    };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let mut server = command.spawn().unwrap_or_else(|error| panic!("cannot start sshd: {error}"));
    let mut ended = None;
    let listening = process::wait_until(Duration::from_secs(60), || {
        ended = server.try_wait().expect("the server is our child");
        ended.is_some() || config::read(&log_path).contains("Server listening on")
    });
    let said = config::read(&log_path);
    match ended {
        None if listening => Some(server),
        Some(_) if said.contains("Address already in use") => None,
        _ => {
            let _ = server.kill();
            let _ = server.wait();
            panic!("sshd did not start ({ended:?}); it said:\n{said}")
        }
    }
}

/// The name of the user who runs this, from the only place that sshd will look at.
fn current_user() -> String {
    let uid = geteuid().as_raw().to_string();
    let passwd = config::read(Path::new("/etc/passwd"));
    let row = passwd.lines().find(|row| row.split(':').nth(2) == Some(&uid));
    let name = row.and_then(|row| row.split(':').next());
    name.unwrap_or_else(|| panic!("no user of /etc/passwd has the id {uid}")).to_owned()
}
