//! The files of a server: keys, `sshd_config`, `authorized_keys`, `known_hosts`.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::SshdBuilder;

/// An ed25519 key without a passphrase, at `path` and `path.pub`.
pub(super) fn generate_key(path: &Path) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "holdfast-test", "-f"]).arg(path);
    let output = command.output().unwrap_or_else(|error| panic!("cannot start ssh-keygen: {error}"));
    assert!(output.status.success(), "ssh-keygen: {}", String::from_utf8_lossy(&output.stderr));
}

/// Everything in `dir` that does not depend on the port.
pub(super) fn write_files(dir: &Path, builder: &SshdBuilder) {
    generate_key(&dir.join("host_key"));
    generate_key(&dir.join("client_key"));
    let key = read(&dir.join("client_key.pub"));
    let authorized = match &builder.forced_command {
        Some(command) => format!("restrict,command=\"{}\" {key}", command.replace('"', "\\\"")),
        None => key,
    };
    write(&dir.join("authorized_keys"), &authorized);
    // The sessions' user may be another one than the owner of these directories.
    for open in [dir, &dir.join("authorized_keys")] {
        let mode = if open == dir { 0o755 } else { 0o644 };
        std::fs::set_permissions(open, std::fs::Permissions::from_mode(mode)).expect("these files are our own");
    }
}

/// The `sshd_config` for a port, and the `known_hosts` that goes with it.
pub(super) fn write_port(dir: &Path, port: u16, builder: &SshdBuilder) {
    let path = |name: &str| dir.join(name).display().to_string();
    let mut environment = format!("HOME={}", path("home"));
    for (name, value) in &builder.environment {
        environment.push_str(&format!(" {name}={value}"));
    }
    let mut lines = vec![
        "ListenAddress 127.0.0.1".to_owned(),
        format!("Port {port}"),
        format!("HostKey {}", path("host_key")),
        format!("AuthorizedKeysFile {}", path("authorized_keys")),
        "PidFile none".to_owned(),
        "UsePAM no".to_owned(),
        "StrictModes no".to_owned(),
        "PasswordAuthentication no".to_owned(),
        "KbdInteractiveAuthentication no".to_owned(),
        "PermitRootLogin prohibit-password".to_owned(),
        "MaxStartups 100".to_owned(),
        "PrintMotd no".to_owned(),
        "LogLevel VERBOSE".to_owned(),
        format!("SetEnv {environment}"),
    ];
    // sshd takes the first value of a setting: a test's own lines come before ours.
    lines.splice(0..0, builder.config_lines.iter().cloned());
    write(&dir.join("sshd_config"), &(lines.join("\n") + "\n"));
    write_known_hosts(&dir.join("known_hosts"), port, &dir.join("host_key.pub"));
}

/// Lets clients expect this public key on this port.
pub(super) fn write_known_hosts(path: &Path, port: u16, public_key: &Path) {
    write(path, &format!("[127.0.0.1]:{port} {}", read(public_key)));
}

pub(super) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

pub(super) fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}
