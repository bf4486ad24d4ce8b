//! The fingerprint of a host key: what a person compares with what the host itself shows.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use holdfast_model::client::HostKey;
use sha2::{Digest, Sha256};

/// `SHA256:…`, as `ssh-keygen -lf` shows it; `None` if the key's text is no base64.
pub fn fingerprint(key: &HostKey) -> Option<String> {
    let encoded = key.as_str().split(' ').nth(1)?;
    let bytes = STANDARD.decode(encoded).ok()?;
    Some(format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(bytes))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_one_that_ssh_keygen_shows() {
        // `ssh-keygen -lf` of this very line.
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
        let shown = fingerprint(&key.parse().unwrap());
        assert_eq!(shown.as_deref(), Some("SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"));
        let no_base64 = format!("ssh-ed25519 {}", "a=".repeat(30));
        assert_eq!(fingerprint(&no_base64.parse().unwrap()), None);
    }
}
