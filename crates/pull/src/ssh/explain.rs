//! Turns the end of an `ssh` into one sentence that says what to do.
//!
//! `ssh` reserves exit status 255 for its own failures. Its words are always passed on; the advice is only added.

/// Why an `ssh` failed. It has one exit status for all of it, so that its own words are all there is to go by; what the
/// remote side says is never among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SshFailure {
    /// The host shows another key than the one that is known.
    HostKeyChanged,
    /// The host's key is not known.
    HostKeyUnknown,
    /// The host accepts none of our keys.
    LoginRefused,
    /// The host does not answer.
    Unreachable,
    /// The host on the way does not let us through.
    JumpHost,
    /// The connection broke.
    Lost,
    /// Something else, or it did not say.
    Other,
}

/// What `ssh` says when it fails, what that means, and what to do about it.
pub(super) const ADVICE: &[(&str, SshFailure, &str)] = &[
    (
        "IDENTIFICATION HAS CHANGED",
        SshFailure::HostKeyChanged,
        "the host has another key than before: if it was not set up anew, somebody else answers in its place; compare \
         the fingerprint with the host's own before you remove the old key with 'ssh-keygen -R'",
    ),
    (
        "Host key verification failed",
        SshFailure::HostKeyUnknown,
        "the host's key is not known here: compare its fingerprint with the host's own, then add it with \
         'ssh-keyscan' or 'ssh' by hand",
    ),
    (
        "Permission denied",
        SshFailure::LoginRefused,
        "the host accepts none of our keys: add the public key to the host's authorized_keys",
    ),
    ("Could not resolve hostname", SshFailure::Unreachable, "there is no such host: check the name"),
    ("Connection refused", SshFailure::Unreachable, "nothing listens there: check the port and that sshd runs"),
    (
        "Connection timed out",
        SshFailure::Unreachable,
        "the host does not answer: check that it is up and that no firewall is in the way",
    ),
    ("No route to host", SshFailure::Unreachable, "the host can't be reached: check that it is up"),
    ("Network is unreachable", SshFailure::Unreachable, "the host can't be reached: check the network"),
    ("not responding", SshFailure::Lost, LOST),
    ("closed by remote host", SshFailure::Lost, LOST),
    ("Connection reset", SshFailure::Lost, LOST),
    ("Broken pipe", SshFailure::Lost, LOST),
];

const LOST: &str = "the connection was lost: run it again, what has been stored need not be sent again";

/// Why an `ssh` failed that said `own`, and one sentence about it.
pub(super) fn explain(host: &str, own: &str) -> (SshFailure, String) {
    let said: Vec<&str> = own.lines().map(undecorated).filter(|line| !line.is_empty()).collect();
    let words = said.join("; ");
    let known = ADVICE.iter().find(|(sign, ..)| own.contains(sign));
    match (words.is_empty(), known) {
        (true, _) => (SshFailure::Lost, format!("ssh to {host} ended without a word ({LOST})")),
        (false, None) => (SshFailure::Other, format!("ssh to {host} failed: {words}")),
        (false, Some((_, failure, advice))) => (*failure, format!("ssh to {host} failed: {words} ({advice})")),
    }
}

/// Without the frame of @ signs around ssh's warning of a changed key.
fn undecorated(line: &str) -> &str {
    line.trim_matches(|c: char| c == '@' || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_ssh_are_passed_on_with_advice() {
        let (failure, text) = explain("web1", "@@@@@@\r\n@  LOOK  @\r\nHost key verification failed.\r\n");
        assert_eq!(failure, SshFailure::HostKeyUnknown);
        assert!(text.starts_with("ssh to web1 failed: LOOK; Host key verification failed. (the host's key"), "{text}");
        assert!(explain("web1", "").1.starts_with("ssh to web1 ended without a word (the connection was lost"));
    }
}
