//! Extended attributes, access control lists and capabilities, which the kernel keeps as such.
//!
//! After [`set`] a node has the snapshot's attributes and none of the user's, ACL or capability kind besides. What a
//! security module keeps there (labels, measurements) is left to it unless the snapshot has a value.

use holdfast_wire::Xattr;
use rustix::fs::{
    XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr, getxattr, listxattr, removexattr, setxattr,
};
use rustix::io::Errno;

use super::{Handle, Node, Shortfall, Trouble, set_mode};

const ACCESS_ACL: &[u8] = b"system.posix_acl_access";
const DEFAULT_ACL: &[u8] = b"system.posix_acl_default";
const CAPABILITY: &[u8] = b"security.capability";
/// Bytes that the kernel takes for a list of names or a value.
const MAX: usize = 64 << 10;

/// Whether exactly these attributes are there, of those that [`remove_others`] looks at.
pub(super) fn matches(handle: Handle<'_>, wanted: &[Xattr]) -> bool {
    let Ok(names) = list(handle) else { return wanted.is_empty() };
    names.iter().filter(|name| is_ours(name)).all(|name| wanted.iter().any(|xattr| xattr.name == *name))
        && wanted.iter().all(|xattr| get(handle, &xattr.name).is_ok_and(|value| value == *xattr.value))
}

/// Whether what is made in a directory gets an access control list from it. Who can't tell says yes.
pub(in super::super) fn hands_down_acl(dir: Handle<'_>) -> bool {
    list(dir).map_or_else(|errno| errno != Errno::OPNOTSUPP, |names| names.iter().any(|name| name == DEFAULT_ACL))
}

/// Removes attributes that are not wanted.
pub(super) fn remove_others(handle: Handle<'_>, wanted: &[Xattr]) -> Vec<Trouble> {
    // A file system without attributes has none to remove.
    let Ok(names) = list(handle) else { return Vec::new() };
    let others = names.into_iter().filter(|name| is_ours(name) && !wanted.iter().any(|xattr| xattr.name == *name));
    let failures = others.filter_map(|name| match remove(handle, &name) {
        Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP) => None,
        Err(errno) => Some(Trouble::told("remove an extended attribute", explained(&[(&name, errno)]))),
    });
    failures.collect()
}

/// Sets attributes. `owned` says that the node belongs to whom it should: else it gets no capabilities.
pub(super) fn set(handle: Handle<'_>, node: &Node, owned: bool, root: bool, shortfall: &mut Shortfall) {
    let mut failures: Vec<(&[u8], Errno)> = Vec::new();
    for xattr in &node.entry.xattrs {
        let name = xattr.name.as_slice();
        if name == CAPABILITY && !owned {
            shortfall.only_root = true;
            continue;
        }
        match put(handle, name, &xattr.value) {
            Ok(()) => {}
            Err(Errno::PERM) if !root && (name.starts_with(b"security.") || name.starts_with(b"trusted.")) => {
                shortfall.only_root = true;
            }
            Err(errno) => {
                failures.push((name, errno));
                if name == ACCESS_ACL {
                    close_group_class(handle, node, &xattr.value, owned);
                }
            }
        }
    }
    if !failures.is_empty() {
        shortfall.troubles.push(Trouble::told("set extended attributes", explained(&failures)));
    }
}

/// Without its list, the group's permission bits are those of the list's mask, which may be wider than what the group
/// itself had: takes away what it had not.
fn close_group_class(handle: Handle<'_>, node: &Node, acl: &[u8], owned: bool) {
    let Some(group) = group_permissions(acl) else { return };
    let lacking = (!group << 3) & 0o070;
    let mode = node.entry.mode & 0o7777 & !lacking;
    // Failing leaves the mode as it was set; the missing list is reported in any case.
    let _ = set_mode(handle, if owned { mode } else { mode & 0o1777 });
}

/// What an ACL gives to the owning group. The value is Linux's: a 32-bit version 2, then entries of a 16-bit tag, 16-bit
/// permissions and a 32-bit id, little-endian (`include/uapi/linux/posix_acl_xattr.h`).
fn group_permissions(acl: &[u8]) -> Option<u32> {
    const GROUP_OBJ: u16 = 0x04;
    let entries = acl.strip_prefix(&2u32.to_le_bytes())?;
    let field = |entry: &[u8], at: usize| u16::from_le_bytes([entry[at], entry[at + 1]]);
    let group = entries.chunks_exact(8).find(|entry| field(entry, 0) == GROUP_OBJ)?;
    Some(u32::from(field(group, 2)) & 7)
}

/// Kinds of attributes that belong to the file rather than to the machine.
fn is_ours(name: &[u8]) -> bool {
    name.starts_with(b"user.") || name.starts_with(b"trusted.") || [ACCESS_ACL, DEFAULT_ACL, CAPABILITY].contains(&name)
}

fn explained(failures: &[(&[u8], Errno)]) -> String {
    let parts: Vec<String> = failures
        .iter()
        .take(8)
        .map(|(name, errno)| match *errno {
            Errno::OPNOTSUPP => format!("{}: the file system does not support it", name.escape_ascii()),
            errno => format!("{}: {}", name.escape_ascii(), std::io::Error::from(errno)),
        })
        .collect();
    let more = failures.len().saturating_sub(8);
    if more > 0 { format!("{} and {more} more", parts.join("; ")) } else { parts.join("; ") }
}

fn list(handle: Handle<'_>) -> Result<Vec<Vec<u8>>, Errno> {
    let mut small = [0; 1 << 10];
    let into = |buffer: &mut [u8]| match handle {
        Handle::Real(fd) => flistxattr(fd, buffer),
        Handle::Path(_) => listxattr(handle.proc_path(), buffer),
    };
    let split =
        |names: &[u8]| names.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect();
    match into(&mut small) {
        Ok(len) => Ok(split(&small[..len])),
        Err(Errno::RANGE) => {
            let mut large = vec![0; MAX];
            let len = into(&mut large)?;
            Ok(split(&large[..len]))
        }
        Err(errno) => Err(errno),
    }
}

fn get(handle: Handle<'_>, name: &[u8]) -> Result<Vec<u8>, Errno> {
    let mut value = vec![0; MAX];
    let len = match handle {
        Handle::Real(fd) => fgetxattr(fd, name, &mut value[..])?,
        Handle::Path(_) => getxattr(handle.proc_path(), name, &mut value[..])?,
    };
    value.truncate(len);
    Ok(value)
}

fn put(handle: Handle<'_>, name: &[u8], value: &[u8]) -> Result<(), Errno> {
    match handle {
        Handle::Real(fd) => fsetxattr(fd, name, value, XattrFlags::empty()),
        Handle::Path(_) => setxattr(handle.proc_path(), name, value, XattrFlags::empty()),
    }
}

fn remove(handle: Handle<'_>, name: &[u8]) -> Result<(), Errno> {
    match handle {
        Handle::Real(fd) => fremovexattr(fd, name),
        Handle::Path(_) => removexattr(handle.proc_path(), name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_of_an_acl_is_told_from_its_mask() {
        let entry =
            |tag: u16, perm: u16, id: u32| [&tag.to_le_bytes()[..], &perm.to_le_bytes(), &id.to_le_bytes()].concat();
        let acl = [
            2u32.to_le_bytes().to_vec(),
            entry(0x01, 6, u32::MAX),
            entry(0x02, 7, 1000),
            entry(0x04, 0, u32::MAX),
            entry(0x10, 7, u32::MAX),
            entry(0x20, 4, u32::MAX),
        ]
        .concat();
        assert_eq!(group_permissions(&acl), Some(0));
        assert_eq!(group_permissions(&acl[..7]), None);
        assert_eq!(group_permissions(b"\x01\0\0\0"), None);
    }
}
