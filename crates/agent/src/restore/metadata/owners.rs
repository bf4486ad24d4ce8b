//! Names of users and groups, as this machine numbers them.
//!
//! Read from the files themselves: the C library's look-up needs shared libraries that a static program lacks. What is
//! only in a directory service is therefore not known, and the snapshot's number serves.

use std::collections::HashMap;

use super::Node;

/// Local numbers of names. By default it knows no name, so that numbers count.
#[derive(Debug, Default)]
pub(in super::super) struct Owners {
    users: HashMap<String, u32>,
    groups: HashMap<String, u32>,
}

impl Owners {
    /// Those of this machine. A file that can't be read names nobody.
    pub(in super::super) fn of_this_machine() -> Self {
        let read = |path: &str| std::fs::read(path).unwrap_or_default();
        Self::parse(&read("/etc/passwd"), &read("/etc/group"))
    }

    /// Those of a passwd and a group file: `name:password:number:…`, the first line of a name counts.
    fn parse(passwd: &[u8], group: &[u8]) -> Self {
        Self { users: numbers(passwd), groups: numbers(group) }
    }

    /// User and group of a node: by name where it is known here, else by number.
    pub(super) fn resolve(&self, node: &Node) -> (u32, u32) {
        let pick = |names: &HashMap<String, u32>, name: &str, number| names.get(name).copied().unwrap_or(number);
        (pick(&self.users, &node.user, node.entry.uid), pick(&self.groups, &node.group, node.entry.gid))
    }
}

fn numbers(file: &[u8]) -> HashMap<String, u32> {
    let mut numbers = HashMap::new();
    for line in String::from_utf8_lossy(file).lines() {
        let mut fields = line.split(':');
        let (Some(name), Some(number)) = (fields.next(), fields.nth(1)) else { continue };
        if let (false, Ok(number)) = (name.is_empty(), number.parse()) {
            numbers.entry(name.to_owned()).or_insert(number);
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_first_line_that_has_them() {
        let owners = Owners::parse(
            b"root:x:0:0::/:/bin/sh\n+::::\nbob:x:7:8:\xff:\nbob:x:9:9\nbad:x:zz\n\n:x:5:\n",
            b"wheel:x:10:\n",
        );
        assert_eq!(owners.users, HashMap::from([("root".to_owned(), 0), ("bob".to_owned(), 7)]));
        assert_eq!(owners.groups, HashMap::from([("wheel".to_owned(), 10)]));
    }
}
