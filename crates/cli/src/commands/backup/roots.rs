//! Which paths are backed up, made absolute.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use anyhow::{Context as _, Result, bail};
use holdfast_model::source::{Source, SourceSet};

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
    Ok(normal(&joined))
}

/// A path on a host, absolute.
pub fn absolute_on_host(path: &[u8]) -> Result<Vec<u8>> {
    if !path.starts_with(b"/") {
        let shown = holdfast_pull::printable_path(path);
        bail!("{shown:?} is relative; give the absolute path on the host, like HOST:/home/user/{shown}");
    }
    Ok(normal(Path::new(OsStr::from_bytes(path))))
}

/// The path of a command's output in its snapshot.
pub fn stored_path(path: &str) -> Result<Vec<u8>> {
    let path = normal(&Path::new("/").join(path));
    if path == b"/" {
        bail!("--as needs the name of a file, like /dumps/all.sql");
    }
    Ok(path)
}

fn normal(path: &Path) -> Vec<u8> {
    let mut normal = std::path::PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::ParentDir => drop(normal.pop()),
            Component::Normal(name) => normal.push(name),
            _ => {}
        }
    }
    normal.into_os_string().as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_absolute_without_a_look_at_the_file_system() {
        assert_eq!(absolute(Path::new("/a/./b/../c/")).unwrap(), b"/a/c");
        assert_eq!(absolute(Path::new("/..")).unwrap(), b"/");
        assert!(absolute(Path::new("x")).unwrap().ends_with(b"/x"));
        assert_eq!(absolute_on_host(b"/etc//").unwrap(), b"/etc");
        assert!(absolute_on_host(b"www").is_err());
        assert_eq!(stored_path("dumps/all.sql").unwrap(), b"/dumps/all.sql");
        assert!(stored_path("/").is_err());
    }
}
