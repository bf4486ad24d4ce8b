//! Names of users and groups, read from `/etc/passwd` and `/etc/group` themselves.
//!
//! The agent is linked statically, and glibc's look-ups need shared libraries at run time: users that come from a
//! directory service stay numbers. Each name is told once, before the first entry that has its number.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use holdfast_wire::Entry;

/// No more of a file is read: users are a matter of thousands.
const MAX_BYTES: u64 = 4 << 20;
/// A name that the server would refuse is left out.
const MAX_NAME: usize = 255;

/// Names that were not told yet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Owners {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

/// Names to tell.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) users: Vec<(u32, String)>,
    pub(crate) groups: Vec<(u32, String)>,
}

impl Owners {
    /// Reads the files beneath `etc`; one that can't be read holds no names.
    pub(crate) fn read(etc: &Path) -> Self {
        Self { users: read(&etc.join("passwd")), groups: read(&etc.join("group")) }
    }

    /// The names that must be told before these entries.
    pub(crate) fn untold(&mut self, entries: &[Entry]) -> Names {
        let mut names = Names::default();
        for entry in entries {
            names.users.extend(self.users.remove_entry(&entry.uid));
            names.groups.extend(self.groups.remove_entry(&entry.gid));
        }
        names
    }
}

impl Names {
    pub(crate) fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }
}

/// In both files a line is `name:password:number:…`. The first line with a number counts.
fn read(path: &Path) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    let Ok(file) = File::open(path) else { return names };
    for line in BufReader::new(file.take(MAX_BYTES)).split(b'\n').map_while(Result::ok) {
        let Ok(line) = std::str::from_utf8(&line) else { continue };
        let mut fields = line.split(':');
        let (name, number) = (fields.next(), fields.nth(1).and_then(|number| number.parse().ok()));
        if let (Some(name), Some(number)) = (name, number)
            && (1..=MAX_NAME).contains(&name.len())
        {
            names.entry(number).or_insert_with(|| name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::record::wire_entry;
    use crate::backup::stat::Stat;
    use rustix::fd::AsFd;

    #[test]
    fn each_name_is_told_once() {
        let etc = tempfile::tempdir().unwrap();
        let passwd = b"root:x:0:0::/root:/bin/sh\nbad\xff:x:7:7\n:x:8:8\nww:x:33:33:w:/:/\nsecond:x:33:33\nnonsense\n";
        std::fs::write(etc.path().join("passwd"), passwd).unwrap();
        std::fs::write(etc.path().join("group"), "wheel:x:0:a,b\n").unwrap();
        let mut owners = Owners::read(etc.path());
        let stat = Stat::of(std::fs::File::open("/").unwrap().as_fd()).unwrap();
        let entry = |uid, gid| wire_entry(b"n", &Stat { uid, gid, ..stat }, b"", 0);
        let names = owners.untold(&[entry(33, 0), entry(7, 5), entry(33, 0), entry(8, 0)]);
        assert_eq!(names, Names { users: vec![(33, "ww".into())], groups: vec![(0, "wheel".into())] });
        assert!(owners.untold(&[entry(33, 0)]).is_empty());
        assert_eq!(owners.untold(&[entry(0, 0)]).users, [(0, "root".into())]);
        assert_eq!(Owners::read(&etc.path().join("missing")), Owners::default());
    }
}
