//! The sources of one backup: all here, or all on one host.

use std::path::PathBuf;

use super::{RemoteHost, Source};

/// What makes one snapshot. There is at least one path, and none twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSet {
    /// Paths on this machine.
    Local {
        /// In the order given.
        paths: Vec<PathBuf>,
    },
    /// Paths on another machine.
    Remote {
        /// The machine.
        host: RemoteHost,
        /// In the order given; see [`Source::Remote`].
        paths: Vec<Vec<u8>>,
    },
}

/// Sources that cannot make one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceSetError {
    /// None at all.
    #[error("there is no source: give one or more paths, or HOST:PATH")]
    Empty,
    /// Two hosts, or one that is written in two ways.
    #[error("the sources are of two hosts, {first} and {second}: call twice, once for each")]
    Hosts {
        /// The host of the first source.
        first: RemoteHost,
        /// Another one.
        second: RemoteHost,
    },
    /// Here and there.
    #[error("the sources are partly on {host} and partly on this machine: call twice, once for each")]
    Mixed {
        /// The other machine.
        host: RemoteHost,
    },
}

impl SourceSet {
    /// Puts sources together. A path that comes twice counts once.
    ///
    /// # Errors
    /// Fails if they are not all of one machine, written in one way (user and port included).
    pub fn new(sources: impl IntoIterator<Item = Source>) -> Result<Self, SourceSetError> {
        let mut sources = sources.into_iter();
        let mut set = match sources.next().ok_or(SourceSetError::Empty)? {
            Source::Local { path } => Self::Local { paths: vec![path] },
            Source::Remote { host, path } => Self::Remote { host, paths: vec![path] },
        };
        sources.try_for_each(|source| set.add(source))?;
        Ok(set)
    }

    fn add(&mut self, source: Source) -> Result<(), SourceSetError> {
        match (self, source) {
            (Self::Local { paths }, Source::Local { path }) => add_new(paths, path),
            (Self::Remote { host: first, paths }, Source::Remote { host, path }) => {
                if *first != host {
                    return Err(SourceSetError::Hosts { first: first.clone(), second: host });
                }
                add_new(paths, path);
            }
            (Self::Remote { host, .. }, Source::Local { .. }) => {
                return Err(SourceSetError::Mixed { host: host.clone() });
            }
            (Self::Local { .. }, Source::Remote { host, .. }) => return Err(SourceSetError::Mixed { host }),
        }
        Ok(())
    }
}

fn add_new<T: PartialEq>(paths: &mut Vec<T>, path: T) {
    if !paths.contains(&path) {
        paths.push(path);
    }
}
