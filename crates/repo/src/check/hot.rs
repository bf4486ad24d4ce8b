//! The copies in the hot part: each file that should have one has it, and no others are there.
//!
//! Names and sizes are compared, and the content of packs where data is read. Other copies that are damaged inside are noticed
//! when they are read, and made anew: their names tell.

use holdfast_model::{CancelToken, PackId};
use holdfast_store::{Compared, FileKind};

use super::packs::KnownPack;

use super::{CheckReport, Finding};
use crate::Repository;
use crate::error::RepoError;
use crate::index::IndexView;
use crate::repository::{KEPT, in_parallel, tree_packs};

/// Compares everything but packs.
pub(super) fn check_files(repository: &Repository, report: &mut CheckReport) -> Result<(), RepoError> {
    report.findings.extend(repository.hot_trouble().map(|reason| Finding::HotUnused { reason }));
    let Some(hot) = repository.joined() else { return Ok(()) };
    for kind in KEPT {
        add(kind, hot.compare(kind, &|_| true)?, report);
    }
    Ok(())
}

/// Compares packs, of which those with trees have copies, and reads the copies of those that were `chosen` to be read.
pub(super) fn check_packs(
    repository: &Repository,
    view: &IndexView,
    chosen: &[KnownPack],
    cancel: &CancelToken,
    report: &mut CheckReport,
) -> Result<(), RepoError> {
    let Some(hot) = repository.joined() else { return Ok(()) };
    let packs = tree_packs(view);
    let compared = hot.compare(FileKind::Pack, &|id| packs.contains(&PackId::from(*id)))?;
    let bad: Vec<PackId> = compared.missing.iter().map(|file| file.id.into()).collect();
    add(FileKind::Pack, compared, report);
    let is_read = |pack: &&KnownPack| packs.contains(&pack.id) && !bad.contains(&pack.id);
    let read: Vec<KnownPack> = chosen.iter().filter(is_read).copied().collect();
    let is_whole = |pack: &KnownPack| {
        cancel.check()?;
        Ok::<bool, RepoError>(hot.is_whole(FileKind::Pack, &pack.id.into(), pack.size)?)
    };
    for (pack, result) in read.iter().zip(in_parallel(&read, is_whole)) {
        if !result? {
            report.findings.push(Finding::HotData { pack: pack.id });
        }
    }
    Ok(())
}

fn add(kind: FileKind, compared: Compared, report: &mut CheckReport) {
    let Compared { mut missing, left_over, .. } = compared;
    missing.sort_unstable_by_key(|file| file.id);
    report.findings.extend(missing.into_iter().map(|file| match file.copy {
        Some(copy) => Finding::HotSize { kind, file, copy },
        None => Finding::HotMissing { kind, id: file.id },
    }));
    if !left_over.is_empty() {
        report.findings.push(Finding::HotLeftOver { kind, count: left_over.len() });
    }
}
