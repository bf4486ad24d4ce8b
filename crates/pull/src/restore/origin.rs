//! Where in a snapshot a restore starts, and so where what it restores comes to lie.
//!
//! What lies in a directory is put into the target itself; anything else is put into the target by its name. This holds for
//! every way to ask for a restore.

use holdfast_model::{TreeId, snapshot_path};
use holdfast_repo::Repository;
use holdfast_repo::catalogue::{CatalogueError, resolve, split};

use crate::text::printable_path;

/// So many places are shown.
const SHOWN: usize = 3;

/// The directory of a snapshot whose content is put into the target.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The directory.
    pub tree: TreeId,
    /// Its path in the snapshot, each name with a `/` in front; empty for the root.
    path: Vec<u8>,
    /// What alone of it is restored, as a path from here; everything, if nothing is said.
    only: Option<Vec<u8>>,
}

impl Origin {
    /// Finds what lies at a path of a snapshot.
    ///
    /// # Errors
    /// There is nothing, or the repository cannot be read.
    pub fn find(repository: &Repository, root: TreeId, path: &[u8]) -> Result<Self, CatalogueError> {
        let names = split(path);
        let join = |names: &[&[u8]]| names.iter().flat_map(|name| [b"/", *name].concat()).collect::<Vec<u8>>();
        let place = resolve(repository.engine(), root, path)?;
        if let Some(tree) = place.tree() {
            return Ok(Self { tree, path: join(&names), only: None });
        }
        let (name, parents) = names.split_last().expect("what is no directory has a name");
        let parent = join(parents);
        let place = resolve(repository.engine(), root, &parent)?;
        let tree = place.tree().expect("what holds a name is a directory");
        Ok(Self { tree, path: parent, only: Some(join(&[name])) })
    }

    /// The root of a snapshot.
    pub fn all(tree: TreeId) -> Self {
        Self { tree, path: Vec::new(), only: None }
    }

    /// Whether it is all of the snapshot.
    pub fn is_root(&self) -> bool {
        self.path.is_empty() && self.only.is_none()
    }

    /// Whether what lies at this path, seen from here, is restored.
    pub fn selects(&self, path: &[u8]) -> bool {
        self.only.as_ref().is_none_or(|only| only == path)
    }

    /// Where the snapshot holds all that there was, seen from here, if it does beneath these paths.
    pub fn seen_from_here(&self, whole: &[String]) -> Vec<String> {
        if self.only.is_some() {
            return Vec::new();
        }
        let here = if self.path.is_empty() { b"/" } else { &self.path[..] };
        let seen = |whole: &String| match () {
            () if snapshot_path::holds(whole.as_bytes(), here) => Some("/".to_owned()),
            () if snapshot_path::holds(here, whole.as_bytes()) => whole.get(self.path.len()..).map(str::to_owned),
            () => None,
        };
        whole.iter().filter_map(seen).collect()
    }

    /// Where what is restored comes to lie, for people: these paths, seen from here; if there are none, everything, which is
    /// what the snapshot holds beneath `roots`.
    pub fn shown(&self, target: &[u8], paths: &[&[u8]], roots: &[String]) -> String {
        let target = target.strip_suffix(b"/").unwrap_or(target);
        let goes = |path: &[u8]| {
            let to = [target, path].concat();
            format!("{} goes to {}", printable_path(&[&self.path, path].concat()), printable_path(&to))
        };
        let paths: Vec<&[u8]> = match &self.only {
            Some(only) => vec![only],
            None if paths.iter().any(|path| *path == b"/") || (paths.is_empty() && !self.path.is_empty()) => {
                vec![b"/NAME"]
            }
            None if paths.is_empty() => roots.iter().map(|root| root.trim_end_matches('/').as_bytes()).collect(),
            None => paths.to_vec(),
        };
        let mut shown: Vec<String> =
            paths.iter().take(SHOWN).map(|path| goes(if path.is_empty() { b"/NAME" } else { path })).collect();
        if paths.len() > SHOWN {
            shown.push(format!("{} more likewise", paths.len() - SHOWN));
        }
        shown.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(path: &str, only: Option<&str>) -> Origin {
        let (path, only) = (path.as_bytes().to_vec(), only.map(|only| only.as_bytes().to_vec()));
        Origin { tree: TreeId::new([1; 32]), path, only }
    }

    #[test]
    fn it_is_said_where_a_file_goes() {
        let roots = ["/etc".to_owned(), "/srv".to_owned()];
        let shown = |origin: Origin, target: &str, paths: &[&str]| {
            let paths: Vec<&[u8]> = paths.iter().map(|path| path.as_bytes()).collect();
            origin.shown(target.as_bytes(), &paths, &roots)
        };
        assert_eq!(shown(origin("", None), "/", &[]), "/etc goes to /etc, /srv goes to /srv");
        assert_eq!(shown(origin("", None), "/out", &["/etc/ssh"]), "/etc/ssh goes to /out/etc/ssh");
        assert_eq!(shown(origin("/etc", None), "/out/", &[]), "/etc/NAME goes to /out/NAME");
        assert_eq!(shown(origin("/etc", None), "/", &[]), "/etc/NAME goes to /NAME");
        assert_eq!(shown(origin("/etc", Some("/hosts")), "/out", &[]), "/etc/hosts goes to /out/hosts");
        let many = ["/a", "/b", "/c", "/d\n"];
        assert_eq!(
            shown(origin("", None), "/o", &many),
            "/a goes to /o/a, /b goes to /o/b, /c goes to /o/c, 1 more likewise"
        );
    }

    #[test]
    fn what_is_held_wholly_is_seen_from_here() {
        let roots = ["/etc".to_owned(), "/srv/www".to_owned()];
        assert_eq!(origin("", None).seen_from_here(&roots), roots);
        assert_eq!(origin("/etc/ssh", None).seen_from_here(&roots), ["/"]);
        assert_eq!(origin("/srv", None).seen_from_here(&roots), ["/www"]);
        assert_eq!(origin("/etc", None).seen_from_here(&roots), ["/"]);
        assert_eq!(origin("/etc", Some("/hosts")).seen_from_here(&roots), [""; 0]);
        assert_eq!(origin("/var", None).seen_from_here(&roots), [""; 0]);
        assert_eq!(origin("/etc", None).seen_from_here(&["/".to_owned()]), ["/"]);
    }
}
