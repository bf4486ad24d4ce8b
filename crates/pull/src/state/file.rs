//! Files of the state directory: written whole and durable, read whole.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use tempfile::NamedTempFile;

use super::StateError;

/// Attaches the path to an error.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> StateError + '_ {
    |source| StateError { path: path.to_owned(), source }
}

/// Makes a folder that only its owner can read.
pub(super) fn create_folder(path: &Path) -> Result<(), StateError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(at(path))
}

/// Replaces a file: whoever reads it sees the old or the new content, also after a power cut.
pub(super) fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), StateError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let replaced = || -> io::Result<()> {
        let mut new = NamedTempFile::with_prefix_in(".new-", folder)?;
        let mut buffered = io::BufWriter::with_capacity(1 << 18, new.as_file_mut());
        write(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        new.as_file().sync_all()?;
        new.persist(path)?;
        File::open(folder)?.sync_all()
    };
    replaced().map_err(at(path))
}

/// The whole file, or `None` if there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path)(error)),
    }
}
