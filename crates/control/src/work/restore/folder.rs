//! A directory of this machine to restore to: beneath the one that is set apart, and never out of it by a link that an
//! earlier restore has put there.

use std::fs::{self, DirBuilder};
use std::io::{Error, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use holdfast_model::job::restore::FolderPath;

/// The absolute path of a folder beneath `base`, which is made if it is missing, for nobody but this user: what is restored
/// may be anybody's secrets, or programs that make whoever starts them somebody else.
pub(super) fn beneath(base: &Path, path: &FolderPath, dry_run: bool) -> Result<Vec<u8>, Error> {
    if !dry_run {
        DirBuilder::new().recursive(true).mode(0o700).create(base)?;
    }
    let base = match base.canonicalize() {
        Err(error) if error.kind() == ErrorKind::NotFound => std::path::absolute(base)?,
        other => other?,
    };
    let mut at = base;
    for name in path.as_str().split('/') {
        at.push(name);
        if is_directory(&at)? == Some(false) {
            return Err(Error::new(ErrorKind::NotADirectory, format!("{} is no directory", at.display())));
        }
    }
    Ok(at.as_os_str().as_bytes().to_vec())
}

/// Whether something is there, and is a directory, which a link to one is not.
fn is_directory(path: &Path) -> Result<Option<bool>, Error> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found.is_dir())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use holdfast_testkit::temp_dir;

    use super::*;

    #[test]
    fn a_folder_is_never_reached_through_a_link() {
        let dir = temp_dir();
        let base = dir.path().join("restores");
        let folder = |path: &str, dry_run| beneath(&base, &path.parse().unwrap(), dry_run);
        let expected = base.join("job/etc").as_os_str().as_bytes().to_vec();
        assert_eq!(folder("job/etc", true).unwrap(), expected);
        assert!(!base.exists(), "a plan makes nothing");
        assert_eq!(folder("job/etc", false).unwrap(), expected);
        assert_eq!(base.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::create_dir(base.join("job")).unwrap();
        symlink("/etc", base.join("job/etc")).unwrap();
        for path in ["job/etc", "job/etc/ssh"] {
            let error = folder(path, false).unwrap_err();
            assert!(error.to_string().contains("is no directory"), "{error}");
        }
        assert!(folder("job/other", false).is_ok());
    }
}
