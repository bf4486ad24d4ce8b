//! What of a machine is no data of its own: what is mounted from other machines, by containers, from images or by the kernel,
//! and what it swaps to.
//!
//! It is known by name, from the kernel's own tables, before anything is asked of it: a file server that is gone holds whoever
//! asks. Only what is mounted while the backup runs, or was reached through a symbolic link, is known by its device and its
//! type once it is open. A file system of a type that is not listed counts as local: better too much than too little.

mod table;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rustix::fd::{AsFd, OwnedFd};
use rustix::io;
use rustix::mount::{OpenTreeFlags, open_tree};

use super::handle::push_name;
use super::stat::{Kind, Stat};
use table::{mounts, swap_files};

/// Types that are read from another machine, or from the host of a virtual one.
const REMOTE: &[&str] = &[
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "drvfs",
    "glusterfs",
    "gpfs",
    "hgfs",
    "lustre",
    "ncp",
    "ncpfs",
    "nfs",
    "nfs4",
    "nfsd",
    "orangefs",
    "panfs",
    "prl_fs",
    "pvfs2",
    "smb3",
    "smbfs",
    "vboxsf",
    "virtiofs",
    "vmhgfs",
];
/// Types that show other files once more, as containers and packages do.
const SHOWN_AGAIN: &[&str] = &["aufs", "erofs", "iso9660", "squashfs", "unionfs"];
/// Where containers have theirs. Another overlay may cover the very files that it shows: /etc of a machine whose root is
/// read-only, /usr with extensions.
const OF_CONTAINERS: &[&str] = &["/merged", "/rootfs"];
/// An automount that nobody needed so far: what is local is only known by name.
const AUTOMOUNT: &str = "autofs";
/// Where the boot loader's files are, if they are not mounted all the time.
const OF_BOOT: &[&[u8]] = &[b"/boot", b"/boot/efi", b"/efi"];
/// What a line of fstab begins with whose file system is on a device of this machine.
const DEVICES: &[&[u8]] = &[b"/dev/", b"UUID=", b"LABEL=", b"PARTUUID=", b"PARTLABEL="];
/// Types that the kernel makes up, or keeps in memory.
const MADE_UP: &[&str] = &[
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "ramfs",
    "resctrl",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "smackfs",
    "sysfs",
    "tmpfs",
    "tracefs",
];
/// The same by their numbers (`include/uapi/linux/magic.h`), as far as somebody mounts them while a machine runs.
const NUMBERS: &[(u64, &str)] = &[
    (0x6969, "nfs"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb3"),
    (0x00c3_6400, "ceph"),
    (0x0102_1997, "9p"),
    (0x5346_414f, "afs"),
    (0x0bd0_0bd0, "lustre"),
    (0x6573_5546, "fuse"),
    (0x7371_7368, "squashfs"),
    (0x0102_1994, "tmpfs"),
];

/// Types that are local whatever their device was when the tables were read: its number may have been given to another.
const LOCAL_NUMBERS: &[u64] = &[0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x2fc1_2fc1];

/// Names in a directory, and why they are left out.
pub(crate) type Names = BTreeMap<Box<[u8]>, Box<str>>;

/// What is no data of the machine's own.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    /// By the directory that it is in.
    names: HashMap<Box<[u8]>, Arc<Names>>,
    /// What is mounted, by device: why it is left out, if it is.
    devices: HashMap<u64, Option<Box<str>>>,
}

impl Elsewhere {
    /// As the kernel tells now. What a job names itself is no less its own for being elsewhere.
    pub(crate) fn read<'a>(roots: impl Iterator<Item = &'a [u8]>) -> Self {
        // Without /proc there is still what is known once it is open.
        let tables = ["/proc/self/mountinfo", "/proc/swaps", "/etc/fstab"];
        let [mountinfo, swaps, fstab] = tables.map(|path| std::fs::read(path).unwrap_or_default());
        Self::new(&mountinfo, &swaps, &fstab, roots)
    }

    fn new<'a>(mountinfo: &[u8], swaps: &[u8], fstab: &[u8], roots: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut left_out: BTreeMap<Vec<u8>, Box<str>> = BTreeMap::new();
        let mut devices = HashMap::new();
        for mount in mounts(mountinfo) {
            let is_elsewhere = is_elsewhere(mount.kind, mount.source)
                || mount.kind == "overlay" && OF_CONTAINERS.iter().any(|end| mount.path.ends_with(end.as_bytes()))
                || mount.kind == AUTOMOUNT && !is_local_automount(&mount.path, fstab);
            let why = is_elsewhere.then(|| mounted(mount.kind));
            devices.insert(mount.device, why.clone());
            if let Some(why) = why.filter(|_| mount.is_another) {
                left_out.insert(mount.path, why);
            }
        }
        left_out.extend(swap_files(swaps).map(|path| (path, "the machine swaps to it".into())));
        for root in roots {
            left_out.remove(root);
        }
        let mut names: HashMap<Box<[u8]>, Names> = HashMap::new();
        for (path, why) in left_out {
            let at = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
            let (dir, name) = (&path[..at.max(1)], &path[(at + 1).min(path.len())..]);
            if !name.is_empty() {
                names.entry(dir.into()).or_default().insert(name.into(), why);
            }
        }
        Self { names: names.into_iter().map(|(dir, names)| (dir, Arc::new(names))).collect(), devices }
    }

    /// What is left out of a directory.
    pub(crate) fn within(&self, dir: &[u8]) -> Option<&Arc<Names>> {
        self.names.get(dir)
    }

    /// Why an open directory is left out that is not on the file system of the one above.
    pub(crate) fn of_device(&self, device: u64, dir: &OwnedFd) -> Option<Box<str>> {
        let known = self.devices.get(&device);
        if let Some(None) = known {
            return None;
        }
        let number = u64::from(rustix::fs::fstatfs(dir).ok()?.f_type as u32);
        if let Some(why) = known {
            return why.clone().filter(|_| !LOCAL_NUMBERS.contains(&number));
        }
        NUMBERS.iter().find(|(known, _)| *known == number).map(|(_, kind)| mounted(kind))
    }
}

/// The metadata of the directory that a file system is mounted on, of which nothing is asked; `None` if it is no directory.
///
/// Only root may look beneath a mount. For others it is a place to mount on like any other, if it `is_dir`.
pub(crate) fn covered(dir: &OwnedFd, name: &[u8], is_dir: bool) -> io::Result<Option<Stat>> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    match open_tree(dir, "", flags).and_then(|beneath| Stat::at(beneath.as_fd(), name)) {
        Ok(stat) => Ok(Some(stat).filter(|stat| stat.kind == Kind::Dir)),
        Err(_) if !is_dir => Ok(None),
        Err(_) => Ok(Some(Stat { mode: 0o755, uid: 0, gid: 0, ..Stat::of(dir.as_fd())? })),
    }
}

/// A path in a directory, for a filter to say whether it would leave out anyway what is in there.
pub(crate) fn inside(mut path: Vec<u8>) -> Vec<u8> {
    push_name(&mut path, b"-");
    path
}

/// Whether what is mounted when somebody looks is a disk of this machine.
fn is_local_automount(path: &[u8], fstab: &[u8]) -> bool {
    let mut lines = fstab.split(|byte| *byte == b'\n').map(|line| {
        let mut fields = line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|field| !field.is_empty());
        (fields.next().unwrap_or_default(), fields.next().unwrap_or_default())
    });
    let is_named = lines.any(|(source, at)| at == path && DEVICES.iter().any(|device| source.starts_with(device)));
    is_named || OF_BOOT.contains(&path)
}

fn mounted(kind: &str) -> Box<str> {
    format!("a file system of type {kind} is mounted there").into()
}

fn is_elsewhere(kind: &str, source: &[u8]) -> bool {
    let is_listed = [REMOTE, SHOWN_AGAIN, MADE_UP].iter().any(|list| list.contains(&kind));
    // A file system in user space is local if it lies on a device, as those for NTFS do.
    let lies_on_device = source.starts_with(b"/dev/") && source != b"/dev/fuse";
    let is_fuse = kind == "fuse" || kind.starts_with("fuse.");
    is_listed || is_fuse && !lies_on_device
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTINFO: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw - proc proc rw
24 22 8:17 / /mnt/data rw - xfs /dev/sdb1 rw
25 24 0:40 / /mnt/data/team\\040share rw master:3 - nfs4 files:/team rw,hard
26 22 0:41 / /srv/ssh rw - fuse.sshfs ann@web2:/srv rw
27 22 8:33 / /media/usb rw - fuseblk /dev/sdc1 rw
28 22 0:42 / /auto rw - autofs systemd-1 rw
29 28 8:49 / /auto rw - ext4 /dev/sdd1 rw
30 22 0:43 / /srv/hidden rw - nfs files:/hidden rw
31 22 8:65 / /srv rw - ext4 /dev/sde1 rw
32 31 0:40 /sub /srv/named rw - nfs4 files:/team rw
33 22 0:44 / /files rw - fuse.ntfs-3g /dev/sdf1 rw
34 22 8:1 /home /var/home rw - ext4 /dev/sda1 rw
35 22 0:45 / /etc rw - overlay overlay rw,lowerdir=/etc,upperdir=/var/etc
36 22 0:46 / /var/lib/docker/overlay2/4f/merged rw - overlay overlay rw
37 22 0:47 / /boot rw - autofs systemd-1 rw
38 22 0:48 / /archive rw - autofs systemd-1 rw
39 22 0:49 / /net rw - autofs systemd-1 rw
nonsense
";

    const FSTAB: &[u8] = b"# a comment\nUUID=4f2a\t/archive  xfs noauto,x-systemd.automount 0 0\nfiles:/net /net nfs\n";

    fn left_out(swaps: &str, roots: &[&str]) -> Vec<String> {
        let elsewhere =
            Elsewhere::new(MOUNTINFO.as_bytes(), swaps.as_bytes(), FSTAB, roots.iter().map(|root| root.as_bytes()));
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let in_dir = |(dir, names): (&[u8], &Names)| {
            names.keys().map(|name| text(dir).trim_end_matches('/').to_owned() + "/" + &text(name)).collect::<Vec<_>>()
        };
        let mut all: Vec<String> = elsewhere.names.iter().flat_map(|(dir, names)| in_dir((dir, names))).collect();
        all.sort();
        all
    }

    #[test]
    fn what_is_mounted_from_elsewhere_is_told_from_local_disks_wherever_they_are() {
        // What is mounted beneath /srv/ssh and /srv/hidden was covered when a disk was mounted on /srv.
        let merged = "/var/lib/docker/overlay2/4f/merged";
        assert_eq!(left_out("", &[]), ["/mnt/data/team share", "/net", "/proc", "/srv/named", merged]);
        assert_eq!(left_out("", &["/srv/named"]), ["/mnt/data/team share", "/net", "/proc", merged]);
    }

    #[test]
    fn files_that_are_swapped_to_are_no_data() {
        let swaps =
            "Filename\t\tType\n/dev/sda2 partition 1 0 -2\n/var/my\\040swap file 1 0 -3\n/gone\\040(deleted) file 1\n";
        assert!(left_out(swaps, &[]).contains(&"/var/my swap".to_owned()));
        assert_eq!(left_out(swaps, &[]).len(), 6, "what is gone cannot come up");
    }

    #[test]
    fn file_systems_in_user_space_are_local_only_on_a_device() {
        assert!(is_elsewhere("fuse.sshfs", b"web2:/srv") && is_elsewhere("fuse", b"/dev/fuse"));
        assert!(!is_elsewhere("fuse.ntfs-3g", b"/dev/sdf1") && !is_elsewhere("fuseblk", b"/dev/sdc1"));
        assert!(!is_elsewhere("btrfs", b"/dev/sda1") && !is_elsewhere("zfs", b"tank/home"));
    }

    #[test]
    fn a_device_that_is_not_listed_is_asked_for_its_type() {
        let elsewhere = Elsewhere::new(MOUNTINFO.as_bytes(), b"", FSTAB, std::iter::empty());
        let proc = OwnedFd::from(std::fs::File::open("/proc").unwrap());
        assert_eq!(elsewhere.of_device(rustix::fs::makedev(8, 17), &proc), None, "it is known to be local");
        let why = elsewhere.of_device(rustix::fs::makedev(0, 40), &proc).unwrap();
        assert_eq!(&*why, "a file system of type nfs4 is mounted there");
        assert_eq!(elsewhere.of_device(1, &proc), None);
    }
}
