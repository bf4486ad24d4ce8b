//! Which cipher to prefer. `ssh` prefers ChaCha20-Poly1305, which takes about three times the work of AES-GCM where the
//! processor has instructions for AES; over a fast network that is a large part of what a backup costs the server.
//!
//! What the administrator has configured stays as it is: only `ssh`'s own list is put in another order, and no cipher
//! is added to it. Whatever cannot be found out, `ssh` decides.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use holdfast_model::source::RemoteHost;
use rustix::process::{Pid, Signal, kill_process_group};

use super::program::SshProgram;
use super::{ends_within, watched};

/// What is fast with instructions for AES, best first.
const FAST: [&str; 2] = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"];
/// Bytes of a configuration that are read.
const MAX_CONFIGURATION: u64 = 256 << 10;
/// `ssh` gets so long to print its configuration.
const PATIENCE: Duration = Duration::from_secs(2);

/// The list of ciphers to ask for; `None` to leave the choice to `ssh`.
pub(super) fn preferred(program: &SshProgram, host: &RemoteHost) -> Option<String> {
    if !has_aes() || !program.is_plain() {
        return None;
    }
    let (configured, own) = (start(program.configuration(host)), start(program.own_configuration(host)));
    // Both are waited for, whatever becomes of the other.
    let (configured, own) = (configured.and_then(ciphers), own.and_then(ciphers));
    (configured == own).then(|| reordered(&own?)).flatten()
}

/// The list with the fast ones first; `None` if it has none.
fn reordered(list: &str) -> Option<String> {
    let (fast, slow): (Vec<&str>, Vec<&str>) = list.split(',').partition(|cipher| FAST.contains(cipher));
    (!fast.is_empty()).then(|| [fast, slow].concat().join(","))
}

fn start(mut command: Command) -> Option<Child> {
    // A group of its own, so that whatever it starts ends with it.
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()
}

/// The ciphers of the configuration that `ssh -G` prints.
fn ciphers(mut ssh: Child) -> Option<String> {
    let _ = watched(&ssh).and_then(|pidfd| ends_within(&pidfd, PATIENCE));
    // What has ended stays as it is. Whatever it has left behind would keep the end of the output from us.
    let _ = kill_process_group(Pid::from_child(&ssh), Signal::KILL);
    let mut printed = String::new();
    let read = ssh.stdout.take()?.take(MAX_CONFIGURATION).read_to_string(&mut printed);
    ssh.wait().ok().filter(|status| status.success() && read.is_ok())?;
    printed.lines().find_map(|line| line.strip_prefix("ciphers ")).map(str::to_owned)
}

fn has_aes() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("aes") && is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preferred_by(ssh: &str) -> Option<String> {
        preferred(&ssh.parse().unwrap(), &RemoteHost::new(None, b"host.invalid", None).unwrap())
    }

    #[test]
    fn only_the_order_of_the_list_changes() {
        let list = "chacha20-poly1305@openssh.com,aes128-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com";
        let first = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr";
        assert_eq!(reordered(list).unwrap(), first);
        assert_eq!(reordered("chacha20-poly1305@openssh.com,aes128-ctr"), None);
    }

    #[test]
    fn ciphers_that_somebody_has_chosen_are_left_alone() {
        if has_aes() {
            assert!(preferred_by("ssh -F none").unwrap().starts_with(FAST[0]));
        }
        assert_eq!(preferred_by("ssh -F none -c aes128-ctr"), None);
        assert_eq!(preferred_by("ssh -F none -o Ciphers=-aes128-cbc,aes128-ctr"), None);
        let configuration = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(configuration.path(), "Host host.*\n Ciphers aes256-ctr\n").unwrap();
        assert_eq!(preferred_by(&format!("ssh -F {}", configuration.path().display())), None);
    }

    #[test]
    fn what_cannot_be_found_out_is_left_to_ssh() {
        assert_eq!(preferred_by("/nonexistent/ssh"), None);
        assert_eq!(preferred_by("echo"), None);
        assert_eq!(preferred_by("ssh -F /nonexistent"), None);
    }
}
