//! Secrets, from where they are said to come.
//!
//! What is sealed is sealed under the server's master key, which is never in the database: who has only that has no
//! secret. A secret is read when it is needed, kept no longer, and shown nowhere.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holdfast_model::SecretSource;
use holdfast_repo::crypto::Key;
use zeroize::Zeroizing;

/// Gives the value of a variable.
type Environment = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Reads secrets.
pub struct Secrets {
    credentials: Option<PathBuf>,
    environment: Box<Environment>,
    master: Key,
}

/// A secret. It has no other form than its own bytes, so that it is not printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// Why a secret cannot be had. Never shows what was read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not there.
    #[error("the server's environment has no variable {0}")]
    NoVariable(String),
    /// systemd gave no credentials.
    #[error(
        "the secret {0} is to come from systemd, which gave the server no credentials: add LoadCredential= to its unit"
    )]
    NoCredentials(String),
    /// A file cannot be read.
    #[error("cannot read the secret in {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is empty.
    #[error("the secret that {0} names is empty")]
    Empty(SecretSource),
    /// It was never handed over.
    #[error("nobody has handed over the secret {0}")]
    NotSealed(String),
    /// The master key is another than the one it was sealed with.
    #[error(
        "the secret {0} was sealed with another master key than the server's: bring the right one back, or hand the secret over again"
    )]
    WrongMasterKey(String),
    /// The master key is not one.
    #[error("{} is no master key: it must have 64 bytes that are not all 0", path.display())]
    MasterKey {
        /// The file.
        path: PathBuf,
    },
    /// The master key cannot be kept.
    #[error("cannot keep the master key at {}", path.display())]
    Keep {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The largest file that is read as a secret.
const LONGEST: u64 = 64 << 10;
const MASTER_KEY: &str = "master-key";

/// Where the master key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MasterKey {
    /// It is there, and is one.
    Found(PathBuf),
    /// It is made when it is needed.
    NotYet(PathBuf),
}

impl Secrets {
    /// Whether there is a master key that can be read. None is made.
    pub fn look(folder: &Path, environment: impl Fn(&str) -> Option<String>) -> Result<MasterKey, SecretError> {
        let given = environment("CREDENTIALS_DIRECTORY").map(|folder| Path::new(&folder).join(MASTER_KEY));
        let path = given.filter(|path| path.exists()).unwrap_or_else(|| folder.join(MASTER_KEY));
        match path.try_exists() {
            Ok(false) => Ok(MasterKey::NotYet(path)),
            // Why it cannot be seen is told by reading it.
            _ => read_master_key(&path).map(|_| MasterKey::Found(path)),
        }
    }

    /// With the master key that systemd gives, or that lies in the server's folder; a new one there if there is none.
    pub fn open(
        folder: &Path,
        environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<Self, SecretError> {
        let credentials = environment("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let given = credentials.as_ref().map(|folder| folder.join(MASTER_KEY)).filter(|path| path.exists());
        let master = match given {
            Some(path) => read_master_key(&path)?,
            None => own_master_key(&folder.join(MASTER_KEY))?,
        };
        Ok(Self { credentials, environment: Box::new(environment), master })
    }

    /// The secret. `sealed` is what the database has of it, if that is where it comes from.
    pub fn read(&self, source: &SecretSource, sealed: Option<&str>) -> Result<Secret, SecretError> {
        let secret = match source {
            SecretSource::Env(name) => {
                let value = (self.environment)(name).ok_or_else(|| SecretError::NoVariable(name.clone()))?;
                Zeroizing::new(value.into_bytes())
            }
            SecretSource::File(path) => first_line(Path::new(path))?,
            SecretSource::Credential(name) => {
                let folder = self.credentials.as_ref().ok_or_else(|| SecretError::NoCredentials(name.clone()))?;
                first_line(&folder.join(name))?
            }
            SecretSource::Sealed(name) => self.unseal(name, sealed)?,
        };
        if secret.is_empty() { Err(SecretError::Empty(source.clone())) } else { Ok(Secret(secret)) }
    }

    /// What the database keeps of a secret of this name.
    pub fn seal(&self, name: &str, secret: &[u8]) -> String {
        // The name is sealed with it: nobody can give one secret another's name.
        let mut named = Zeroizing::new(Vec::with_capacity(name.len() + 1 + secret.len()));
        named.extend_from_slice(name.as_bytes());
        named.push(0);
        named.extend_from_slice(secret);
        STANDARD.encode(self.master.seal(&named))
    }

    fn unseal(&self, name: &str, sealed: Option<&str>) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        let sealed = sealed.ok_or_else(|| SecretError::NotSealed(name.to_owned()))?;
        let wrong = || SecretError::WrongMasterKey(name.to_owned());
        let bytes = STANDARD.decode(sealed).map_err(|_| wrong())?;
        let named = Zeroizing::new(self.master.open(&bytes).map_err(|_| wrong())?);
        let secret = named.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(&[0])).ok_or_else(wrong)?;
        Ok(Zeroizing::new(secret.to_vec()))
    }
}

impl Secret {
    /// A secret of its bytes.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The first line of a file, as restic reads passwords.
fn first_line(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let text = read(path)?;
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(Zeroizing::new(line.strip_suffix(b"\r").unwrap_or(line).to_vec()))
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    use io::Read;
    let failed = |source| SecretError::Read { path: path.to_owned(), source };
    let mut text = Zeroizing::new(Vec::with_capacity(LONGEST as usize));
    fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut text)).map_err(failed)?;
    Ok(text)
}

fn read_master_key(path: &Path) -> Result<Key, SecretError> {
    let bytes = read(path)?;
    let key = bytes.as_slice().try_into().ok().and_then(|bytes: &[u8; 64]| Key::from_bytes(bytes).ok());
    key.ok_or_else(|| SecretError::MasterKey { path: path.to_owned() })
}

/// The server's own master key; made, if there is none yet. Of two that are made at once one is kept.
fn own_master_key(path: &Path) -> Result<Key, SecretError> {
    let failed = |source| SecretError::Keep { path: path.to_owned(), source };
    if path.exists() {
        return read_master_key(path);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let mut bytes = Zeroizing::new([0; 64]);
    getrandom::fill(&mut *bytes).map_err(|error| failed(error.into()))?;
    // Whole and on the disk before it has its name: a secret that is sealed with it must open after a power cut.
    let unfinished = folder.join(format!(".{MASTER_KEY}-{}", std::process::id()));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished).map_err(failed)?;
    file.write_all(&*bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    let kept = fs::hard_link(&unfinished, path);
    let _ = fs::remove_file(&unfinished);
    match kept {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?,
    }
    read_master_key(path)
}

#[cfg(test)]
mod tests {
    use holdfast_testkit::temp_dir;

    use super::*;

    fn source(text: &str) -> SecretSource {
        text.parse().unwrap()
    }

    #[test]
    fn secrets_come_from_where_they_are_said_to() {
        let dir = temp_dir();
        let folder = dir.path().to_owned();
        fs::write(dir.path().join("file"), "one\r\nsecond line\n").unwrap();
        fs::write(dir.path().join("empty"), "\n").unwrap();
        let environment = move |name: &str| match name {
            "CREDENTIALS_DIRECTORY" => Some(folder.display().to_string()),
            "VARIABLE" => Some("two".into()),
            _ => None,
        };
        let secrets = Secrets::open(&dir.path().join("server"), environment).unwrap();
        let file = |name: &str| source(&format!("file:{}", dir.path().join(name).display()));
        assert_eq!(secrets.read(&file("file"), None).unwrap().as_bytes(), b"one");
        assert_eq!(secrets.read(&source("cred:file"), None).unwrap().as_bytes(), b"one");
        assert_eq!(secrets.read(&source("env:VARIABLE"), None).unwrap().as_bytes(), b"two");
        assert!(matches!(secrets.read(&file("empty"), None), Err(SecretError::Empty(_))));
        assert!(matches!(secrets.read(&source("env:OTHER"), None), Err(SecretError::NoVariable(_))));
        assert!(matches!(secrets.read(&file("gone"), None), Err(SecretError::Read { .. })));
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_master_key_and_name_alone() {
        let (dir, other) = (temp_dir(), temp_dir());
        let secrets = Secrets::open(dir.path(), |_| None).unwrap();
        let sealed = secrets.seal("main", b"hunter2");
        assert!(!sealed.contains("hunter2"));
        let again = Secrets::open(dir.path(), |_| None).unwrap();
        assert_eq!(again.read(&source("sealed:main"), Some(&sealed)).unwrap().as_bytes(), b"hunter2");
        let renamed = again.read(&source("sealed:other"), Some(&sealed));
        assert!(matches!(renamed, Err(SecretError::WrongMasterKey(_))));
        let stranger = Secrets::open(other.path(), |_| None).unwrap().read(&source("sealed:main"), Some(&sealed));
        assert!(matches!(stranger, Err(SecretError::WrongMasterKey(_))));
        assert!(matches!(again.read(&source("sealed:main"), None), Err(SecretError::NotSealed(_))));
    }

    #[test]
    fn the_master_key_is_nobody_elses_and_a_broken_one_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = temp_dir();
        drop(Secrets::open(dir.path(), |_| None).unwrap());
        let path = dir.path().join(MASTER_KEY);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Secrets::look(dir.path(), |_| None).unwrap(), MasterKey::Found(path.clone()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        fs::write(&path, b"short").unwrap();
        assert!(matches!(Secrets::open(dir.path(), |_| None), Err(SecretError::MasterKey { .. })));
        assert!(matches!(Secrets::look(dir.path(), |_| None), Err(SecretError::MasterKey { .. })));
        fs::remove_file(&path).unwrap();
        assert_eq!(Secrets::look(dir.path(), |_| None).unwrap(), MasterKey::NotYet(path));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "none is made");
    }

    #[test]
    fn a_secret_is_not_printed_by_accident() {
        let secret = Secret(Zeroizing::new(b"hunter2".to_vec()));
        assert_eq!(format!("{secret:?}"), "Secret");
    }
}
