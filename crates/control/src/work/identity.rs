//! The key by which the server logs in on its clients. It is made once, beside the master key, by `ssh-keygen`; what the
//! server's administrator has in `ssh_config` goes on to be offered too.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// `ssh-keygen` does not do it.
    #[error("cannot make the server's SSH key {}: {said}", path.display())]
    Make {
        /// The key's file.
        path: PathBuf,
        /// What `ssh-keygen` said.
        said: String,
    },
    /// It cannot be read or kept.
    #[error("cannot keep the server's SSH key at {}", path.display())]
    Keep {
        /// The key's file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The server's key.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The file of the private key.
    pub file: PathBuf,
    /// The line for `authorized_keys`.
    pub public: String,
}

impl Identity {
    /// The key in a folder; made, if there is none yet.
    pub fn open(folder: &Path) -> Result<Self, IdentityError> {
        let file = folder.join("id_ed25519");
        let keep = |source| IdentityError::Keep { path: file.clone(), source };
        if !file.exists() {
            make(folder, &file)?;
        }
        let public = std::fs::read_to_string(file.with_extension("pub")).map_err(keep)?.trim().to_owned();
        Ok(Self { file, public })
    }
}

fn make(folder: &Path, file: &Path) -> Result<(), IdentityError> {
    use std::os::unix::fs::DirBuilderExt;
    let keep = |source| IdentityError::Keep { path: file.to_owned(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(keep)?;
    // Both files are there before either has its name: of two servers that begin at once, both use the same key.
    let draft = tempfile::tempdir_in(folder).map_err(keep)?;
    let made = draft.path().join("id_ed25519");
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "holdfast", "-f"]).arg(&made);
    let output = command.stdin(Stdio::null()).output();
    let wrong = |said: String| IdentityError::Make { path: file.to_owned(), said };
    let output = output.map_err(|error| wrong(format!("{error} (it comes with OpenSSH's client)")))?;
    if !output.status.success() {
        return Err(wrong(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    // On the disk before it has its name: a key that is empty after a power cut would be used for ever.
    for made in [&made, &made.with_extension("pub")] {
        File::open(made).and_then(|file| file.sync_all()).map_err(keep)?;
    }
    for (from, to) in [(made.with_extension("pub"), file.with_extension("pub")), (made, file.to_owned())] {
        if let Err(error) = std::fs::hard_link(from, to)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(keep(error));
        }
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(keep)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_nobody_elses() {
        let dir = holdfast_testkit::temp_dir();
        let folder = dir.path().join("ssh");
        let first = Identity::open(&folder).unwrap();
        assert!(first.public.starts_with("ssh-ed25519 ") && first.public.ends_with(" holdfast"), "{}", first.public);
        assert_eq!(std::fs::metadata(&first.file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Identity::open(&folder).unwrap().public, first.public);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
    }
}
