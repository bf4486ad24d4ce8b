//! Turns the end of an `ssh` into one sentence that says what to do.
//!
//! `ssh` reserves exit status 255 for its own failures. Its words are always passed on; the advice is only added.

/// What `ssh` says when it fails, and what to do about it. The text only picks the advice, it decides nothing.
const ADVICE: &[(&str, &str)] = &[
    (
        "IDENTIFICATION HAS CHANGED",
        "the host has another key than before: if it was not set up anew, somebody else answers in its place; compare \
         the fingerprint with the host's own before you remove the old key with 'ssh-keygen -R'",
    ),
    (
        "Host key verification failed",
        "the host's key is not known here: compare its fingerprint with the host's own, then add it with \
         'ssh-keyscan' or 'ssh' by hand",
    ),
    ("Permission denied", "the host accepts none of our keys: add the public key to the host's authorized_keys"),
    ("Could not resolve hostname", "there is no such host: check the name"),
    ("Connection refused", "nothing listens there: check the port and that sshd runs"),
    ("Connection timed out", "the host does not answer: check that it is up and that no firewall is in the way"),
    ("No route to host", "the host can't be reached: check that it is up"),
    ("Network is unreachable", "the host can't be reached: check the network"),
    ("not responding", LOST),
    ("closed by remote host", LOST),
    ("Connection reset", LOST),
    ("Broken pipe", LOST),
];

const LOST: &str = "the connection was lost: run it again, what has been stored need not be sent again";

/// One sentence for an `ssh` that failed with `own` messages.
pub fn explain(host: &str, own: &str) -> String {
    let said: Vec<&str> = own.lines().map(undecorated).filter(|line| !line.is_empty()).collect();
    let words = said.join("; ");
    let advice = ADVICE.iter().find(|(sign, _)| own.contains(sign)).map(|(_, advice)| *advice);
    match (words.is_empty(), advice) {
        (true, _) => format!("ssh to {host} ended without a word ({LOST})"),
        (false, None) => format!("ssh to {host} failed: {words}"),
        (false, Some(advice)) => format!("ssh to {host} failed: {words} ({advice})"),
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
        let text = explain("web1", "@@@@@@\r\n@  LOOK  @\r\nHost key verification failed.\r\n");
        assert!(text.starts_with("ssh to web1 failed: LOOK; Host key verification failed. (the host's key"), "{text}");
        assert!(explain("web1", "").starts_with("ssh to web1 ended without a word (the connection was lost"));
    }
}
