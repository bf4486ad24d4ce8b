//! Listing a local repository: complete, or an error.
//!
//! Foreign names, half-written files and folders that are not there are left out; files that vanish meanwhile too.

use std::os::fd::{AsFd, OwnedFd};

use holdfast_model::{Id, Timestamp};
use rustix::fs::{AtFlags, Dir, FileType, StatxFlags, statx};
use rustix::io::Errno;

use super::folder;
use crate::{FileInfo, FileKind, layout};

/// All files of one kind.
pub(super) fn list(root: &OwnedFd, kind: FileKind) -> Result<Vec<FileInfo>, Errno> {
    let mut files = Vec::new();
    match kind {
        FileKind::Config => files.extend(info(root, "config", Id::default())?),
        FileKind::Pack => {
            if let Some(data) = open(root, kind.folder())? {
                for first in 0u8..=255 {
                    list_folder(&data, &format!("{first:02x}"), |id| id.as_bytes()[0] == first, &mut files)?;
                }
            }
        }
        _ => list_folder(root, kind.folder(), |_| true, &mut files)?,
    }
    Ok(files)
}

/// Opens a folder, unless there is none: copies of a repository often lack those that were empty.
fn open(parent: impl AsFd, name: &str) -> Result<Option<OwnedFd>, Errno> {
    match folder::open(parent, name) {
        Ok(folder) => Ok(Some(folder)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn list_folder(
    parent: &OwnedFd,
    name: &str,
    belongs: impl Fn(&Id) -> bool,
    files: &mut Vec<FileInfo>,
) -> Result<(), Errno> {
    let Some(folder) = open(parent, name)? else { return Ok(()) };
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if let Some(id) = layout::parse(name).filter(&belongs) {
            files.extend(info(&folder, name, id)?);
        }
    }
    Ok(())
}

/// Size and time of a regular file, if there is one of that name.
fn info(folder: &OwnedFd, name: &str, id: Id) -> Result<Option<FileInfo>, Errno> {
    let wanted = StatxFlags::TYPE | StatxFlags::SIZE | StatxFlags::MTIME;
    let found = match statx(folder, name, AtFlags::empty(), wanted) {
        Ok(found) => found,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno),
    };
    if FileType::from_raw_mode(found.stx_mode.into()) != FileType::RegularFile {
        return Ok(None);
    }
    let modified = Timestamp::new(found.stx_mtime.tv_sec, found.stx_mtime.tv_nsec);
    Ok(Some(FileInfo { id, size: found.stx_size, modified }))
}
