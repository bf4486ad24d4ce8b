//! What is to be backed up, as a tree of names: the way to each root, and the roots themselves.
//!
//! A directory that is only on the way to roots holds nothing else in a snapshot. A root beneath another one is reached
//! whatever the filter says on the way.

use std::collections::BTreeMap;
use std::sync::Arc;

/// One name on the way to roots, or of a root.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RootNode {
    /// Whether everything at this place is to be backed up.
    pub(crate) is_root: bool,
    /// Names within it that are roots or lead to some.
    pub(crate) children: BTreeMap<Box<[u8]>, Arc<RootNode>>,
}

impl RootNode {
    /// The tree of some absolute paths. Paths that are not absolute, or go back up, come back as wrong.
    pub(crate) fn new<'a>(paths: impl IntoIterator<Item = &'a [u8]>) -> (Arc<Self>, Vec<&'a [u8]>) {
        let mut top = Self::default();
        let mut wrong = Vec::new();
        for path in paths {
            let mut names = path.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
            if path.first() != Some(&b'/') || names.clone().any(|name| name == b"..") {
                wrong.push(path);
            } else {
                top.add(&mut names);
            }
        }
        (Arc::new(top), wrong)
    }

    fn add<'a>(&mut self, names: &mut impl Iterator<Item = &'a [u8]>) {
        match names.next() {
            None => self.is_root = true,
            Some(name) => {
                let child = self.children.entry(name.into()).or_default();
                // Nobody else has a share while the tree is built.
                if let Some(child) = Arc::get_mut(child) {
                    child.add(names);
                }
            }
        }
    }

    /// The roots beneath this place, as paths, this one not counted.
    pub(crate) fn beneath(&self, path: &[u8]) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        for (name, child) in &self.children {
            let mut path = path.to_vec();
            super::handle::push_name(&mut path, name);
            if child.is_root {
                found.push(path.clone());
            }
            found.extend(child.beneath(&path));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_share_their_ways() {
        let (top, wrong) = RootNode::new([&b"/etc"[..], b"/var/www/", b"/var//lib", b"rel", b"/a/../b", b"/etc/./ssh"]);
        assert_eq!(wrong, [&b"rel"[..], b"/a/../b"]);
        assert!(!top.is_root);
        let names: Vec<_> = top.children.keys().map(|name| &**name).collect();
        assert_eq!(names, [&b"etc"[..], b"var"]);
        assert!(top.children[&b"etc"[..]].is_root && !top.children[&b"var"[..]].is_root);
        assert_eq!(top.beneath(b"/"), [&b"/etc"[..], b"/etc/ssh", b"/var/lib", b"/var/www"]);
    }

    #[test]
    fn the_root_of_the_file_system_is_a_root() {
        let (top, _) = RootNode::new([&b"/"[..]]);
        assert!(top.is_root && top.children.is_empty());
    }
}
