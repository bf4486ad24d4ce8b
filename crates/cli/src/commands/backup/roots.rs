//! Which paths are backed up, made absolute.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use holdfast_model::source::{Source, SourceSet};
use holdfast_pull::{beneath_home, normal_path};

use crate::args::BackupArgs;

/// Reads the sources of the command line and of `--files-from`.
pub fn sources(args: &BackupArgs) -> Result<SourceSet> {
    let mut sources = Vec::new();
    for text in &args.sources {
        sources.push(Source::parse(OsStr::new(text))?);
    }
    for path in &args.files_from {
        let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with(b"#")) {
            sources.push(beside(sources.first(), line)?);
        }
    }
    super::check_command(args, &sources)?;
    for source in &sources {
        if let Source::Remote { path, .. } = source {
            // What cannot be is refused before anything is opened.
            beneath_home(path)?;
        }
    }
    Ok(SourceSet::new(sources)?)
}

/// A path of a list: of the host of the other sources, or a source of its own.
fn beside(first: Option<&Source>, line: &[u8]) -> Result<Source> {
    match first {
        Some(Source::Remote { host, .. }) if line.starts_with(b"/") => {
            Ok(Source::Remote { host: host.clone(), path: line.to_vec() })
        }
        _ => Ok(Source::parse(OsStr::from_bytes(line))?),
    }
}

/// A local path, absolute and without `.` and `..`; links are left as they are.
pub fn absolute(path: &Path) -> Result<Vec<u8>> {
    let joined = if path.is_absolute() {
        path.to_owned()
    } else {
        env::current_dir().context("the current directory is gone; give absolute paths")?.join(path)
    };
    Ok(normal_path(joined.as_os_str().as_bytes()))
}

/// The path of a command's output in its snapshot.
pub fn stored_path(path: &str) -> Result<Vec<u8>> {
    let path = normal_path(path.as_bytes());
    if path == b"/" {
        bail!("--as needs the name of a file, like /dumps/all.sql");
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_absolute_without_a_look_at_the_file_system() {
        assert_eq!(absolute(Path::new("/a/./b/../c/")).unwrap(), b"/a/c");
        assert_eq!(absolute(Path::new("/..")).unwrap(), b"/");
        assert!(absolute(Path::new("x")).unwrap().ends_with(b"/x"));
        assert_eq!(stored_path("/dumps/../all.sql").unwrap(), b"/all.sql");
        assert_eq!(stored_path("dumps/all.sql").unwrap(), b"/dumps/all.sql");
        assert!(stored_path("/").is_err());
    }
}
