//! What a host is, by its own words: a script that any POSIX shell runs, and the reading of what it prints.

use std::str::FromStr;

use holdfast_model::client::{Facts, FileSystem, Service};
use holdfast_model::policy::RootPath;

/// A host has no more of each.
const MOST: usize = 64;
/// File systems that hold nothing of their own.
const UNREAL: [&str; 12] = [
    "tmpfs",
    "devtmpfs",
    "overlay",
    "squashfs",
    "efivarfs",
    "proc",
    "sysfs",
    "fuse.lxcfs",
    "ramfs",
    "iso9660",
    "autofs",
    "udev",
];

const SCRIPT: &str = r#"
echo "kernel $(uname -r)"
echo "os $(sed -n 's/^PRETTY_NAME=//p' /etc/os-release 2>/dev/null)"
echo "processors $(getconf _NPROCESSORS_ONLN 2>/dev/null)"
echo "memory $(sed -n 's/^MemTotal: *\([0-9]*\) kB.*/\1/p' /proc/meminfo 2>/dev/null)"
for a in $(hostname -I 2>/dev/null); do echo "address $a"; done
if timeout 1 true 2>/dev/null; then within='timeout -s KILL 10'; else within=; fi
seen=' '
while read -r dev mount type rest; do
  # Only what lies on a device here: a file server that is gone would hold whoever asks.
  case "$dev $type" in "/dev/fuse "*|*' squashfs') continue ;; /dev/*|*' zfs') ;; *) continue ;; esac
  case $seen in *" $dev "*) continue ;; esac
  seen="$seen$dev "
  mount=$(printf '%b_' "$mount"); mount=${mount%_}
  $within df -kPT "$mount" 2>/dev/null | while read -r dev type size used free share mount; do
    echo "disk $type $size $free $mount"
  done
done 2>/dev/null </proc/mounts
have() { command -v "$1" >/dev/null 2>&1; }
if have postgres || have pg_lsclusters || [ -d /var/lib/postgresql ]; then echo "service postgresql"; fi
if have mysqld || have mariadbd || [ -d /var/lib/mysql ]; then echo "service mysql"; fi
if have dockerd || [ -S /var/run/docker.sock ]; then echo "service docker"; fi
if have virsh || [ -d /var/lib/libvirt/qemu ]; then echo "service libvirt"; fi
if have lvs && [ -n "$(ls -A /etc/lvm/backup 2>/dev/null)" ]; then echo "service lvm"; fi
if grep -q '[[:space:]]btrfs[[:space:]]' /proc/mounts 2>/dev/null; then echo "service btrfs"; fi
if have zfs && [ -e /dev/zfs ]; then echo "service zfs"; fi
"#;

/// The script, which also looks whether these paths can be read.
pub(super) fn script(roots: &[RootPath]) -> String {
    let mut script = SCRIPT.to_owned();
    for (number, root) in roots.iter().take(MOST).enumerate() {
        // What is mounted there may be gone.
        let look = format!("$within sh -c '[ -r \"$1\" ]' sh {}", quoted(root.as_str()));
        script.push_str(&format!("{look} 2>/dev/null || echo \"unreadable {number}\"\n"));
    }
    script
}

/// A word for a POSIX shell.
pub(in crate::work) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Those of the paths that cannot be read.
pub(super) fn unreadable<'a>(said: &[u8], roots: &'a [RootPath]) -> Vec<&'a str> {
    let numbers = lines(said).filter_map(|(word, rest)| (word == "unreadable").then(|| rest.parse::<usize>().ok())?);
    numbers.filter_map(|number| roots.get(number)).map(RootPath::as_str).take(MOST).collect()
}

/// What the script printed, or whatever the host says instead.
pub(super) fn read(said: &[u8]) -> Facts {
    let mut facts = Facts::default();
    for (word, rest) in lines(said) {
        match word {
            "kernel" => facts.kernel = super::shortened(rest),
            "os" => facts.os = super::shortened(rest.trim_matches(['"', '\''])),
            "processors" => facts.processors = number(rest),
            "memory" => facts.memory_bytes = kilobytes(rest),
            "address" if facts.addresses.len() < MOST => facts.addresses.push(super::shortened(rest)),
            "disk" if facts.file_systems.len() < MOST => facts.file_systems.extend(disk(rest)),
            "service" if facts.services.len() < MOST => facts.services.extend(service(rest)),
            _ => {}
        }
    }
    facts.services.sort();
    facts.services.dedup();
    facts
}

fn lines(said: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    said.split(|byte| *byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok()?.trim_end().split_once(' '))
        .filter(|(_, rest)| !rest.is_empty())
}

fn disk(line: &str) -> Option<FileSystem> {
    let mut words = line.splitn(4, ' ');
    let (kind, size, free, mount) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let is_real = size.parse::<u64>().is_ok_and(|size| size > 0) && !UNREAL.contains(&kind) && mount.starts_with('/');
    is_real.then(|| FileSystem {
        mount_point: super::shortened(mount),
        kind: super::shortened(kind),
        size_bytes: kilobytes(size),
        free_bytes: kilobytes(free),
    })
}

fn service(name: &str) -> Option<Service> {
    // The name is the same as in the API.
    serde_json::from_value(name.into()).ok()
}

fn number<T: FromStr + Default>(text: &str) -> T {
    text.trim().parse().unwrap_or_default()
}

fn kilobytes(text: &str) -> u64 {
    number::<u64>(text).saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_shell_says_what_this_machine_is() {
        let roots = ["/etc".parse().unwrap(), "/no/such 'place'".parse().unwrap()];
        let output = std::process::Command::new("sh").arg("-c").arg(script(&roots)).output().unwrap();
        let facts = read(&output.stdout);
        assert!(output.status.success(), "{output:?}");
        assert!(!facts.kernel.is_empty() && !facts.os.is_empty() && !facts.os.contains('"'), "{facts:?}");
        assert!(facts.processors > 0 && facts.memory_bytes > 64 << 20, "{facts:?}");
        assert!(facts.file_systems.iter().any(|one| one.mount_point == "/" || one.size_bytes > 0), "{facts:?}");
        assert_eq!(unreadable(&output.stdout, &roots), ["/no/such 'place'"]);
    }

    #[test]
    fn a_file_server_that_is_gone_holds_nobody() {
        if !holdfast_testkit::runs_as_root() || !std::path::Path::new("/dev/fuse").exists() {
            return holdfast_testkit::skip("needs root and /dev/fuse");
        }
        // A file system in user space that has nobody to answer.
        const GONE: &str = "set -e; exec 3<>/dev/fuse
            mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 files:/gone \"$1\"; exec sh -c \"$2\"";
        let dir = holdfast_testkit::temp_dir();
        let mut command = std::process::Command::new("timeout");
        command.args(["-s", "KILL", "60", "unshare", "--mount", "--propagation", "private", "sh", "-c", GONE, "sh"]);
        let output = command.arg(dir.path()).arg(script(&["/etc".parse().unwrap()])).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let facts = read(&output.stdout);
        assert!(!facts.kernel.is_empty() && unreadable(&output.stdout, &["/etc".parse().unwrap()]).is_empty());
    }

    #[test]
    fn whatever_a_host_says_is_bounded_and_read_as_words_alone() {
        let mut said = b"os \x1b[31mred\nprocessors many\nmemory 99999999999999999999\nunreadable 99\n".to_vec();
        said.extend(
            b"memory 18446744073709551615\nservice floppy\nservice docker\nservice docker\nnothing\n\xff\xfe x\n",
        );
        for _ in 0..1000 {
            said.extend(b"address 192.0.2.1\ndisk ext4 100 50 /srv/a b\ndisk tmpfs 1 1 /run\n");
        }
        let facts = read(&said);
        assert!(!facts.os.contains('\x1b'), "{:?}", facts.os);
        assert_eq!((facts.processors, facts.memory_bytes), (0, u64::MAX));
        assert_eq!((facts.addresses.len(), facts.file_systems.len()), (MOST, MOST));
        assert_eq!(facts.file_systems[0].mount_point, "/srv/a b");
        assert_eq!(facts.services, [Service::Docker]);
        assert!(unreadable(&said, &[]).is_empty());
    }
}
