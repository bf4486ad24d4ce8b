//! Goes through both trees at once, directory by directory.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags};

use super::content::{first_difference, holes};
use super::entry::{Entry, link_target, names, open, xattrs};
use super::{CompareOptions, Difference, DifferenceKind as Kind, HardLinks, Holes};

/// File systems count room for their own use differently; so much more is no lost hole, in bytes.
const ROOM_TOLERANCE: u64 = 64 << 10;

/// The first path of each file that has several, in one tree.
type FirstNames = HashMap<(u32, u32, u64), PathBuf>;

pub(super) fn compare(a: &Path, b: &Path, options: &CompareOptions) -> Vec<Difference> {
    let mut walk = Walk { options, found: Vec::new(), first_a: HashMap::new(), first_b: HashMap::new() };
    match (root(a), root(b)) {
        (Ok(a), Ok(b)) => {
            if options.root {
                walk.entry(&a, &b, OsStr::new(""), Path::new(""));
            } else {
                walk.directory(&a, &b, Path::new(""));
            }
        }
        (opened_a, opened_b) => {
            for (path, opened) in [(a, opened_a), (b, opened_b)] {
                if let Err(error) = opened {
                    walk.add(Path::new(""), Kind::Unreadable { what: format!("{}: {error}", path.display()) });
                }
            }
        }
    }
    walk.found
}

fn root(path: &Path) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(CWD, path, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}

struct Walk<'a> {
    options: &'a CompareOptions,
    found: Vec<Difference>,
    first_a: FirstNames,
    first_b: FirstNames,
}

impl Walk<'_> {
    fn add(&mut self, path: &Path, kind: Kind) {
        self.found.push(Difference { path: path.to_owned(), kind });
    }

    /// Adds the difference, if there is one.
    fn same<T: PartialEq>(&mut self, path: &Path, a: T, b: T, kind: impl FnOnce(T, T) -> Kind) {
        if a != b {
            self.add(path, kind(a, b));
        }
    }

    /// The two of a pair of results; what failed becomes a difference.
    fn both<T, E: std::fmt::Display>(&mut self, path: &Path, what: &str, pair: [Result<T, E>; 2]) -> Option<(T, T)> {
        match pair {
            [Ok(a), Ok(b)] => return Some((a, b)),
            [a, b] => {
                for (tree, result) in [("first", a), ("second", b)] {
                    if let Err(error) = result {
                        self.add(path, Kind::Unreadable { what: format!("{what} in the {tree} tree: {error}") });
                    }
                }
            }
        }
        None
    }

    fn directory(&mut self, a: &OwnedFd, b: &OwnedFd, path: &Path) {
        let Some((names_a, names_b)) = self.both(path, "list", [names(a), names(b)]) else { return };
        let (names_a, names_b) = (BTreeSet::from_iter(names_a), BTreeSet::from_iter(names_b));
        let all: Vec<OsString> = names_a.union(&names_b).cloned().collect();
        for name in &all {
            let path = path.join(name);
            if self.options.ignore.contains(&path) {
                continue;
            }
            match (names_a.contains(name), names_b.contains(name)) {
                (true, true) => self.entry(a, b, name, &path),
                (true, false) => self.one_sided(a, name, &path, Kind::Missing),
                _ => self.one_sided(b, name, &path, Kind::Extra),
            }
        }
    }

    fn one_sided(&mut self, dir: &OwnedFd, name: &OsStr, path: &Path, kind: Kind) {
        let socket = Entry::read(dir, name).is_ok_and(|entry| entry.kind == FileType::Socket);
        if self.options.sockets || !socket {
            self.add(path, kind);
        }
    }

    fn entry(&mut self, dir_a: &OwnedFd, dir_b: &OwnedFd, name: &OsStr, path: &Path) {
        let read = [Entry::read(dir_a, name), Entry::read(dir_b, name)];
        let Some((a, b)) = self.both(path, "metadata", read) else { return };
        if a.kind != b.kind {
            self.add(path, Kind::Type { a: a.kind.as_raw_mode(), b: b.kind.as_raw_mode() });
            return;
        }
        if a.kind == FileType::Socket && !self.options.sockets {
            return;
        }
        self.same(path, a.mode, b.mode, |a, b| Kind::Mode { a, b });
        if self.options.owners {
            self.same(path, a.owner, b.owner, |a, b| Kind::Owner { a, b });
        }
        if self.options.mtimes {
            self.same(path, a.mtime, b.mtime, |a, b| Kind::Mtime { a, b });
        }
        self.hard_links(&a, &b, path);
        if self.options.xattrs {
            self.attributes(dir_a, dir_b, name, path);
        }
        match a.kind {
            FileType::RegularFile => self.regular([(dir_a, &a), (dir_b, &b)], name, path),
            FileType::Directory => {
                let opened = [
                    open(dir_a, directory_name(name), OFlags::DIRECTORY),
                    open(dir_b, directory_name(name), OFlags::DIRECTORY),
                ];
                if let Some((a, b)) = self.both(path, "open", opened) {
                    self.directory(&a, &b, path);
                }
            }
            FileType::Symlink => {
                let targets = [link_target(dir_a, name), link_target(dir_b, name)];
                if let Some((a, b)) = self.both(path, "target", targets) {
                    self.same(path, a, b, |a, b| Kind::LinkTarget { a, b });
                }
            }
            FileType::CharacterDevice | FileType::BlockDevice => {
                self.same(path, a.device, b.device, |a, b| Kind::Device { a, b });
            }
            _ => {}
        }
    }

    fn regular(&mut self, [(dir_a, a), (dir_b, b)]: [(&OwnedFd, &Entry); 2], name: &OsStr, path: &Path) {
        self.same(path, a.size, b.size, |a, b| Kind::Size { a, b });
        let opened = [open(dir_a, name, OFlags::empty()), open(dir_b, name, OFlags::empty())];
        let Some((file_a, file_b)) = self.both(path, "open", opened) else { return };
        let (mut file_a, mut file_b) = (File::from(file_a), File::from(file_b));
        if let Holes::Kept { slack } = self.options.holes {
            match holes(&file_a, a.size) {
                Ok(holes) => {
                    let allowed = a.room + slack * holes + ROOM_TOLERANCE;
                    if b.room > allowed {
                        self.add(path, Kind::Room { allowed, b: b.room });
                    }
                }
                Err(error) => self.add(path, Kind::Unreadable { what: format!("holes: {error}") }),
            }
            for file in [&file_a, &file_b] {
                let _ = rustix::fs::seek(file, rustix::fs::SeekFrom::Start(0));
            }
        }
        match first_difference(&mut file_a, &mut file_b) {
            Ok(None) => {}
            Ok(Some(offset)) => self.add(path, Kind::Content { offset }),
            Err(error) => self.add(path, Kind::Unreadable { what: format!("content: {error}") }),
        }
    }

    fn attributes(&mut self, dir_a: &OwnedFd, dir_b: &OwnedFd, name: &OsStr, path: &Path) {
        let read = [xattrs(dir_a, name), xattrs(dir_b, name)];
        let Some((mut a, mut b)) = self.both(path, "attributes", read) else { return };
        let names: BTreeSet<OsString> = a.keys().chain(b.keys()).cloned().collect();
        for name in names {
            let (a, b) = (a.remove(&name), b.remove(&name));
            self.same(path, a, b, |a, b| Kind::Xattr { name, a, b });
        }
    }

    /// Two trees have the same links if each entry has the same first other name in both.
    fn hard_links(&mut self, a: &Entry, b: &Entry, path: &Path) {
        let compared = match self.options.hard_links {
            HardLinks::All => a.kind != FileType::Directory,
            HardLinks::Regular => a.kind == FileType::RegularFile,
            HardLinks::Ignore => false,
        };
        if compared {
            let (a, b) = (first_name(&mut self.first_a, a, path), first_name(&mut self.first_b, b, path));
            self.same(path, a, b, |a, b| Kind::HardLink { a, b });
        }
    }
}

/// A directory is opened by its name, the root by itself.
fn directory_name(name: &OsStr) -> &OsStr {
    if name.is_empty() { OsStr::new(".") } else { name }
}

fn first_name(known: &mut FirstNames, entry: &Entry, path: &Path) -> Option<PathBuf> {
    if entry.links < 2 {
        return None;
    }
    match known.get(&entry.identity) {
        Some(first) => Some(first.clone()),
        None => {
            known.insert(entry.identity, path.to_owned());
            None
        }
    }
}
