//! Host keys, as a person decides about them: by their fingerprints.
//!
//! Only what was shown is accepted: the keys themselves go back to the server, so that others that came meanwhile do not
//! slip in.

use anyhow::{Result, bail};
use holdfast_api::Client;
use holdfast_control::fingerprint;
use holdfast_model::client::HostKey;

use super::Session;
use crate::output::printable;

/// What `--accept-key` says, if it can be a fingerprint.
pub fn wanted(fingerprints: &[String]) -> Result<Vec<String>> {
    let is_fingerprint = |text: &&String| text.strip_prefix("SHA256:").is_some_and(|rest| rest.len() == 43);
    if let Some(other) = fingerprints.iter().find(|text| !is_fingerprint(text)) {
        bail!("{other:?} is no fingerprint: write it as `ssh-keygen -lf` shows it on the host, SHA256:…");
    }
    Ok(fingerprints.to_vec())
}

/// Keys with their fingerprints, a line each.
pub fn lines(keys: &[HostKey]) -> String {
    keys.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn line(key: &HostKey) -> String {
    let kind = key.as_str().split(' ').next().unwrap_or_default();
    let shown = fingerprint(key).unwrap_or_else(|| format!("no fingerprint, its text is no key: {key}"));
    printable(&format!("{kind} {shown}"))
}

/// Decides about the keys that a client has shown: by the fingerprints that were given, or by asking.
pub fn decide(session: &Session<'_>, client: &Client, wanted: &[String]) -> Result<Client> {
    let (name, keys) = (&client.spec.hostname, &client.status.host_keys);
    if keys.offered.is_empty() {
        bail!(
            "{name} has shown no host key that is to be decided about: `holdfast client prepare {name}` asks it for one"
        );
    }
    let is_wanted = |key: &&HostKey| fingerprint(key).is_some_and(|shown| wanted.contains(&shown));
    let chosen: Vec<HostKey> = keys.offered.iter().filter(is_wanted).cloned().collect();
    if !chosen.is_empty() {
        return Ok(session.api.accept_host_keys(client.id, &chosen)?);
    }
    let shown = keys.offered.iter().map(line).collect::<Vec<_>>();
    if !wanted.is_empty() {
        bail!("{name} shows no host key of that fingerprint, but {}; nothing was accepted", shown.join(", "));
    }
    let what =
        if keys.is_changed() { "shows OTHER host keys than those that are believed" } else { "shows these host keys" };
    session.context.output.line(format!("{name} {what}:"))?;
    for line in &shown {
        session.context.output.line(format!("  {line}"))?;
    }
    if keys.is_changed() {
        session.context.output.line("If it was not installed anew, somebody else may be answering in its place.")?;
    }
    session
        .context
        .output
        .line("On the host, `ssh-keygen -lf FILE` of /etc/ssh/ssh_host_*.pub shows the same, if it is the host.")?;
    let how = format!("compare {} with the host's own, and say --accept-key FINGERPRINT", shown.join(", "));
    if !session.ask("Believe them?", &how)? {
        bail!("no host key of {name} was accepted");
    }
    Ok(session.api.accept_host_keys(client.id, &keys.offered)?)
}
