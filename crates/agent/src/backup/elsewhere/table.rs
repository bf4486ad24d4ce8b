//! The kernel's tables of what is mounted and what is swapped to (proc_pid_mountinfo(5), proc_swaps(5)), as far as they can be
//! seen from where this process stands.

use std::collections::{HashMap, HashSet};

/// A file system that is mounted somewhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mount<'a> {
    pub(super) path: Vec<u8>,
    pub(super) device: u64,
    pub(super) kind: &'a str,
    pub(super) source: &'a [u8],
    /// Whether it is another one than that on which it is mounted.
    pub(super) is_another: bool,
}

struct Line<'a> {
    id: &'a [u8],
    parent: &'a [u8],
    mount: Mount<'a>,
}

/// What is mounted where it can be seen: not beneath or behind what was mounted there later.
pub(super) fn mounts(mountinfo: &[u8]) -> Vec<Mount<'_>> {
    let lines: Vec<Line<'_>> = mountinfo.split(|byte| *byte == b'\n').filter_map(line).collect();
    // The first of all is mounted on nothing, which some kernels write as on itself.
    let mounted = || lines.iter().filter(|line| line.id != line.parent);
    let parents: HashMap<&[u8], &Line<'_>> = lines.iter().map(|line| (line.id, line)).collect();
    let places: HashSet<(&[u8], &[u8])> = mounted().map(|line| (line.parent, &*line.mount.path)).collect();
    let is_seen = |line: &Line<'_>| {
        let mut at = line;
        // As many steps as there are mounts are enough for any chain that has an end.
        for _ in 0..lines.len() {
            if above(&at.mount.path).any(|path| places.contains(&(at.parent, path))) {
                return false;
            }
            match parents.get(at.parent) {
                Some(parent) if parent.id != at.id => at = parent,
                _ => return true,
            }
        }
        false
    };
    let is_on_top = |line: &Line<'_>| !places.contains(&(line.id, &*line.mount.path));
    let shown: Vec<bool> = lines.iter().map(|line| is_on_top(line) && is_seen(line)).collect();
    let devices: HashMap<&[u8], u64> = lines.iter().map(|line| (line.id, line.mount.device)).collect();
    let told = lines.into_iter().zip(shown).filter(|(_, is_shown)| *is_shown);
    told.map(|(Line { parent, mount, .. }, _)| {
        let is_another = devices.get(parent).is_some_and(|device| *device != mount.device);
        Mount { is_another, ..mount }
    })
    .collect()
}

/// The paths above a path, without itself.
fn above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = path.iter().enumerate().filter(|(at, byte)| **byte == b'/' && at + 1 < path.len());
    ends.map(|(at, _)| &path[..at.max(1)])
}

/// `ID PARENT MAJOR:MINOR ROOT PATH OPTIONS [FIELDS…] - TYPE SOURCE OPTIONS`
fn line(text: &[u8]) -> Option<Line<'_>> {
    let mut words = text.split(|byte| *byte == b' ');
    let (id, parent, device) = (words.next()?, words.next()?, std::str::from_utf8(words.next()?).ok()?);
    let (major, minor) = device.split_once(':')?;
    let device = rustix::fs::makedev(major.parse().ok()?, minor.parse().ok()?);
    let path = unescaped(words.nth(1)?);
    words.find(|word| *word == b"-")?;
    let (kind, source) = (std::str::from_utf8(words.next()?).ok()?, words.next()?);
    Some(Line { id, parent, mount: Mount { path, device, kind, source, is_another: false } })
}

/// The files that are swapped to. One without a name any more cannot come up.
pub(super) fn swap_files(swaps: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    swaps.split(|byte| *byte == b'\n').filter_map(|line| {
        let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
        let (path, kind) = (unescaped(words.next()?), words.next()?);
        (kind == b"file" && path.starts_with(b"/") && !path.ends_with(b" (deleted)")).then_some(path)
    })
}

/// Blanks and the like are written as three octal digits behind a backslash.
fn unescaped(mut text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    while let Some((first, rest)) = text.split_first() {
        let digits = rest.get(..3).filter(|digits| *first == b'\\' && digits.iter().all(|d| (b'0'..b'8').contains(d)));
        match digits {
            Some(digits) => {
                bytes.push(digits.iter().fold(0, |sum: u8, digit| sum.wrapping_mul(8).wrapping_add(digit - b'0')));
                text = &rest[3..];
            }
            None => {
                bytes.push(*first);
                text = rest;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are() {
        assert_eq!(unescaped(br"/a\040b\134c\011\0"), b"/a b\\c\t\\0");
        assert_eq!(unescaped(b"/plain"), b"/plain");
    }

    #[test]
    fn this_machines_own_table_is_understood() {
        let Ok(table) = std::fs::read("/proc/self/mountinfo") else { return };
        let count = table.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
        let seen = mounts(&table);
        assert!(seen.len() <= count && seen.iter().any(|mount| mount.path == b"/"), "{seen:?}");
        assert!(seen.iter().all(|mount| mount.path.starts_with(b"/") && !mount.kind.is_empty()), "{seen:?}");
    }
}
