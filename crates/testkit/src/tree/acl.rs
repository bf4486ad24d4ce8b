//! POSIX access control lists as the kernel keeps them: an extended attribute of fixed form.
//!
//! The form is that of `linux/posix_acl_xattr.h`: version 2, then tag, permissions and id of each entry,
//! little-endian, sorted by tag and id.

/// One line of an access control list; permissions are 0 to 7 as in a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AclEntry {
    /// A user by id.
    User(u32, u16),
    /// A group by id.
    Group(u32, u16),
}

/// An access control list: what a mode says, and further users and groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acl {
    mode: u32,
    entries: Vec<AclEntry>,
}

impl Acl {
    /// What `mode` gives to owner, group and others, and these entries, limited by a mask that allows everything.
    pub fn new(mode: u32, entries: &[AclEntry]) -> Self {
        Self { mode, entries: entries.to_vec() }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        const NOBODY: u32 = u32::MAX;
        let bits = |shift: u32| (self.mode >> shift & 7) as u16;
        let mut rows = vec![(0x01, bits(6), NOBODY), (0x04, bits(3), NOBODY), (0x20, bits(0), NOBODY)];
        rows.extend(self.entries.iter().map(|entry| match *entry {
            AclEntry::User(id, permissions) => (0x02, permissions, id),
            AclEntry::Group(id, permissions) => (0x08, permissions, id),
        }));
        if !self.entries.is_empty() {
            rows.push((0x10_u16, 7, NOBODY));
        }
        rows.sort_by_key(|&(tag, _, id)| (tag, id));
        let mut bytes = 2_u32.to_le_bytes().to_vec();
        for (tag, permissions, id) in rows {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(permissions.to_le_bytes());
            bytes.extend(id.to_le_bytes());
        }
        bytes
    }
}
