//! What a client may hear and where it may look.

use std::cell::OnceCell;

use holdfast_repo::IngestSession;
use holdfast_wire::{ChunkRef, ViolationClass};

use super::BackupError;
use crate::Violation;
use crate::state::Grants;

/// Which chunks count as present for this client.
pub(super) struct Possession<'a> {
    ingest: &'a IngestSession,
    granted: Granted<'a>,
}

enum Granted<'a> {
    /// A source of this machine: it may know what the repository holds, we read its files ourselves.
    Everything,
    /// A client: what it sent before. Found out when it is first needed.
    Sent(OnceCell<Option<Grants>>, Box<dyn Fn() -> Result<Option<Grants>, BackupError> + 'a>),
}

impl<'a> Possession<'a> {
    /// For sources that this process reads itself.
    pub(super) fn of_everything(ingest: &'a IngestSession) -> Self {
        Self { ingest, granted: Granted::Everything }
    }

    /// For a client, with what it sent before.
    pub(super) fn of_client(
        ingest: &'a IngestSession,
        grants: impl Fn() -> Result<Option<Grants>, BackupError> + 'a,
    ) -> Self {
        Self { ingest, granted: Granted::Sent(OnceCell::new(), Box::new(grants)) }
    }

    /// Whether the client need not send a chunk: it is in the repository, and came from this client. Then it has the length that
    /// is known of it.
    pub(super) fn proven(&self, chunk: &ChunkRef) -> Result<bool, BackupError> {
        let id = &chunk.id;
        // What is not granted is not even looked for: the time of an answer would tell whether somebody else has it.
        let granted = match &self.granted {
            Granted::Everything => true,
            Granted::Sent(cell, find) => {
                let grants = match cell.get() {
                    Some(grants) => grants,
                    None => {
                        let found = find()?;
                        cell.get_or_init(|| found)
                    }
                };
                grants.as_ref().map_or(Ok(false), |grants| grants.contains(id))?
            }
        };
        if !(granted && self.ingest.has_data(id)) {
            return Ok(false);
        }
        match self.ingest.data_length(id).filter(|length| *length != chunk.len) {
            Some(length) => Err(wrong_length(chunk, length).into()),
            None => Ok(true),
        }
    }
}

/// A chunk is said to be so long, and is not.
pub(super) fn wrong_length(chunk: &ChunkRef, length: u32) -> Violation {
    Violation::new(
        ViolationClass::ChunkLength,
        format!("chunk {} of {} instead of {length} bytes", chunk.id, chunk.len),
    )
}

/// The part of the client's file system that the job is about.
pub(super) struct Scope {
    roots: Vec<Vec<u8>>,
    found: bool,
}

impl Scope {
    /// The job's roots, absolute.
    pub(super) fn new(roots: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let roots: Vec<_> = roots.into_iter().collect();
        let found = roots.iter().any(|root| root == b"/");
        Self { roots, found }
    }

    /// Refuses a directory that is neither beneath a root nor on the way to one.
    pub(super) fn check(&self, path: &[u8]) -> Result<(), Violation> {
        let inside = self.roots.iter().any(|root| is_beneath(path, root) || is_beneath(root, path));
        if inside { Ok(()) } else { Err(Violation::new(ViolationClass::Scope, crate::text::printable_path(path))) }
    }

    /// Whether a path lies beneath a root, and not on the way to one.
    pub(super) fn holds(&self, path: &[u8]) -> bool {
        self.roots.iter().any(|root| is_beneath(path, root))
    }

    /// Refuses a name in a directory that is only on the way to roots, and does not lead to one.
    pub(super) fn check_entry(&self, dir: &[u8], name: &[u8]) -> Result<(), Violation> {
        if self.holds(dir) {
            return Ok(());
        }
        self.check(&[dir.strip_suffix(b"/").unwrap_or(dir), name].join(&b'/'))
    }

    /// Notes what the client has found in a directory: it may be a root.
    pub(super) fn note(&mut self, dir: &[u8], name: &[u8]) {
        let is_root = |root: &Vec<u8>| {
            let (parent, last) = root.split_at(root.iter().rposition(|byte| *byte == b'/').unwrap_or(0));
            last.get(1..) == Some(name) && (parent == dir || (parent.is_empty() && dir == b"/"))
        };
        self.found = self.found || self.roots.iter().any(is_root);
    }

    /// Notes that a directory is known from before: that is remembered only of what was found.
    pub(super) fn note_known(&mut self) {
        self.found = true;
    }

    /// Whether at least one root was found.
    pub(super) fn found(&self) -> bool {
        self.found
    }
}

/// Whether `path` is `dir` or lies beneath it. Both are absolute and normal.
fn is_beneath(path: &[u8], dir: &[u8]) -> bool {
    let dir = dir.strip_suffix(b"/").unwrap_or(dir);
    path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_found_in_the_directory_that_holds_it() {
        let found = |dir: &str, name: &str| {
            let mut scope = Scope::new([b"/etc".to_vec(), b"/var/www".to_vec()]);
            scope.note(dir.as_bytes(), name.as_bytes());
            scope.found()
        };
        assert!(found("/", "etc") && found("/var", "www"));
        assert!(!found("/", "var") && !found("/", "www") && !found("/etc", "www") && !found("/var/www", "etc"));
        assert!(Scope::new([b"/".to_vec()]).found());
    }

    #[test]
    fn only_the_roots_and_the_way_to_them_are_in_scope() {
        let scope = Scope::new([b"/etc".to_vec(), b"/var/www".to_vec()]);
        for inside in ["/", "/etc", "/etc/ssh", "/var", "/var/www/a/b"] {
            assert!(scope.check(inside.as_bytes()).is_ok(), "{inside}");
        }
        for outside in ["/etcetera", "/var/lib", "/home"] {
            assert!(scope.check(outside.as_bytes()).is_err(), "{outside}");
        }
        assert!(Scope::new([b"/".to_vec()]).check(b"/anything").is_ok());
        let entry = |dir: &str, name: &str| scope.check_entry(dir.as_bytes(), name.as_bytes()).is_ok();
        assert!(entry("/", "etc") && entry("/", "var") && entry("/var", "www") && entry("/etc/ssh", "any"));
        assert!(!entry("/", "home") && !entry("/var", "lib"));
    }
}
