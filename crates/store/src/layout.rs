//! Restic's "default" repository layout: where each file lies beneath the root of a repository.
//!
//! Source: restic's design document, "Repository Layout". Kept by every driver that sees plain files; nothing here
//! opens one.

use std::path::PathBuf;

use holdfast_model::Id;

use crate::FileKind;

/// What follows the file's own name in the name of one that is being written. Restic's tools take no such name for a
/// file of the repository (theirs read `NAME-tmp-NUMBER`).
pub(crate) const TEMPORARY: &str = "-tmp-holdfast-";

/// Path of a file beneath the root, with `/` between its parts.
pub(crate) fn path(kind: FileKind, id: &Id) -> String {
    match kind {
        FileKind::Config => name(kind, id),
        _ => format!("{}/{id}", folder(kind, id)),
    }
}

/// Name of a file in its folder.
pub(crate) fn name(kind: FileKind, id: &Id) -> String {
    match kind {
        FileKind::Config => "config".to_owned(),
        _ => id.to_string(),
    }
}

/// Path of the folder that holds a file, beneath the root; `.` for the config.
pub(crate) fn folder(kind: FileKind, id: &Id) -> String {
    match kind {
        FileKind::Config => ".".to_owned(),
        FileKind::Pack => format!("data/{:02x}", id.as_bytes()[0]),
        _ => kind.folder().to_owned(),
    }
}

/// Every folder of a repository, parents first.
pub(crate) fn folders() -> impl Iterator<Item = PathBuf> {
    let kinds = [FileKind::Key, FileKind::Lock, FileKind::Snapshot, FileKind::Index, FileKind::Pack];
    let packs = (0u8..=255).map(|first| PathBuf::from(format!("data/{first:02x}")));
    kinds.into_iter().map(|kind| PathBuf::from(kind.folder())).chain(packs)
}

/// The id that a file's name spells: only exactly as [`path`] would write it, so that it can be opened by it.
pub(crate) fn parse(name: &str) -> Option<Id> {
    if name.bytes().any(|digit| digit.is_ascii_uppercase()) {
        return None;
    }
    name.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_lie_in_folders_of_their_first_two_digits() {
        let id = Id::new([0xab; 32]);
        assert_eq!(path(FileKind::Pack, &id), format!("data/ab/{}", "ab".repeat(32)));
        assert_eq!(path(FileKind::Snapshot, &id), format!("snapshots/{}", "ab".repeat(32)));
        assert_eq!(path(FileKind::Config, &id), "config");
    }

    #[test]
    fn only_lower_case_names_are_ids() {
        assert_eq!(parse(&"ab".repeat(32)), Some(Id::new([0xab; 32])));
        assert_eq!(parse(&"AB".repeat(32)), None);
        assert_eq!(parse(&format!("{}-tmp-12", "ab".repeat(32))), None);
    }
}
