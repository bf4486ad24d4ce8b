//! `./demo`: made anew for each demonstration, and nothing else is ever deleted.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// The file by which a demonstration knows its own directory again.
const MARK: &str = ".made-by-make-run";

/// A fresh directory with a random password. One that an earlier demonstration made is replaced; any other is left
/// alone.
pub(super) fn make(dir: &Path) -> Result<()> {
    if dir.exists() {
        let ours = dir.join(MARK).exists();
        ensure!(ours, "{} is there already and was not made by a demonstration: move it away first", dir.display());
        std::fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    std::fs::create_dir(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    write(&dir.join(MARK), "")?;
    write(&dir.join("password"), &format!("{}\n", password()?))
}

fn password() -> Result<String> {
    let mut bytes = [0; 16];
    let mut random = std::fs::File::open("/dev/urandom").context("cannot open /dev/urandom")?;
    random.read_exact(&mut bytes).context("cannot read /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn write(path: &Path, text: &str) -> Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use holdfast_testkit::{Tree, temp_dir};

    use super::*;

    #[test]
    fn the_directory_of_an_earlier_demonstration_is_replaced() {
        let temp = temp_dir();
        let dir = temp.path().join("demo");
        make(&dir).unwrap();
        let first = std::fs::read_to_string(dir.join("password")).unwrap();
        Tree::create(&dir).file("repository/config", b"x");
        make(&dir).unwrap();
        assert!(!dir.join("repository").exists());
        assert_eq!(std::fs::metadata(dir.join("password")).unwrap().mode() & 0o777, 0o600);
        assert_ne!(std::fs::read_to_string(dir.join("password")).unwrap(), first);
    }

    #[test]
    fn a_directory_that_is_somebody_elses_is_left_alone() {
        let temp = temp_dir();
        let dir = temp.path().join("demo");
        Tree::create(&dir).file("precious", b"x");
        assert!(make(&dir).unwrap_err().to_string().contains("was not made by a demonstration"));
        assert!(dir.join("precious").exists());
    }
}
