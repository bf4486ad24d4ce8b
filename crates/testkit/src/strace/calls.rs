//! Counts system calls by kind and by the directory they concern.
//!
//! With `-y` strace names the file of each descriptor, so that a call is known to concern a tree by its path alone; what
//! a program does when it starts stays out of the count.

use std::path::Path;

use crate::limits::Counted;

/// What strace is to watch for [`calls_by_kind`]: everything that concerns files, and what threads wait with.
pub const COUNTED: &str = "trace=%file,%desc,%memory,futex,sched_yield,nanosleep,clock_nanosleep,getrandom";

/// What strace is to watch where only calls on files count: far less.
pub const COUNTED_FILES: &str = "trace=%file,openat,openat2,close,read,readv,pread64,preadv,preadv2,write,writev,\
     pwrite64,pwritev,pwritev2,getdents,getdents64,lseek,fsync,fdatasync,ftruncate,fallocate,fadvise64,fstat,fstatfs,\
     fchmod,fchown,futimesat,flistxattr,fgetxattr,fsetxattr,fremovexattr,flock,fcntl,ioctl,copy_file_range,sendfile";

/// Files of the system, which programs read when they start: how many differs from machine to machine.
const SYSTEM: [&str; 4] = ["/usr", "/lib", "/lib64", "/etc"];
/// What the standard library opens, among others, to find out how many processors a process may use.
const PROCESSORS: &str = "\"/proc/self/cgroup\"";

/// Calls beneath each of these directories by kind, and in the last place those that concern none of them. Of a call
/// that concerns two, the first counts. `lines` are those of [`crate::Strace::finish`] or [`crate::Strace::run`].
///
/// What the system's own files are asked is one kind, `system`; questions to the kernel in `/proc` and `/sys` are left
/// out but for that about the number of processors, `processors`. Left out is, too, how the standard library makes sure
/// before each `close` that the descriptor is open: it does so in debug builds only.
pub fn calls_by_kind<const N: usize>(lines: &[String], beneath: [&Path; N]) -> ([Counted; N], Counted) {
    let mut found = [const { Counted::new() }; N];
    let mut rest = Counted::new();
    for line in lines {
        let Some(name) = name_of(line).filter(|_| !line.contains(", F_GETFD")) else { continue };
        let group = beneath.iter().position(|dir| concerns(line, dir.to_str().expect("a path in ASCII")));
        let kind = match group {
            Some(_) => kind_of(name),
            None if line.contains(PROCESSORS) => "processors",
            None if line.contains("\"/proc/self/fd/") => kind_of(name),
            None if concerns(line, "/proc") || concerns(line, "/sys") => continue,
            None if SYSTEM.iter().any(|dir| concerns(line, dir)) => "system",
            None => kind_of(name),
        };
        let counted = group.map_or(&mut rest, |group| &mut found[group]);
        *counted.entry(kind.to_owned()).or_default() += 1;
    }
    (found, rest)
}

/// The call of a line `PID CALL(…) = …`; `None` for signals and ends of processes.
pub fn name_of(line: &str) -> Option<&str> {
    let (_, call) = line.split_once(' ')?;
    let (name, _) = call.split_once('(')?;
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some(name)
}

/// Whether a call names the directory or something beneath it, itself or by a descriptor.
fn concerns(line: &str, dir: &str) -> bool {
    line.match_indices(dir).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + dir.len()..].chars().next();
        matches!(before, Some('<' | '"')) && matches!(after, Some('/' | '>' | '"'))
    })
}

/// Calls that do the same thing have one name.
fn kind_of(name: &str) -> &str {
    match name {
        "stat" | "lstat" | "fstat" | "newfstatat" | "statx" | "access" | "faccessat" | "faccessat2" => "stat",
        "statfs" | "fstatfs" => "statfs",
        "open" | "openat" | "openat2" | "creat" | "name_to_handle_at" | "open_by_handle_at" => "open",
        "close" | "close_range" => "close",
        "read" | "readv" | "pread64" | "preadv" | "preadv2" => "read",
        "write" | "writev" | "pwrite64" | "pwritev" | "pwritev2" => "write",
        "getdents" | "getdents64" => "list",
        "getxattr" | "lgetxattr" | "fgetxattr" | "listxattr" | "llistxattr" | "flistxattr" => "read-xattr",
        "setxattr" | "lsetxattr" | "fsetxattr" | "removexattr" | "lremovexattr" | "fremovexattr" => "write-xattr",
        "chmod" | "fchmod" | "fchmodat" | "fchmodat2" => "chmod",
        "chown" | "lchown" | "fchown" | "fchownat" => "chown",
        "utime" | "utimes" | "utimensat" | "futimesat" => "utime",
        "mkdir" | "mkdirat" => "mkdir",
        "link" | "linkat" | "rename" | "renameat" | "renameat2" | "symlink" | "symlinkat" => "name",
        "unlink" | "unlinkat" | "rmdir" => "unlink",
        "readlink" | "readlinkat" => "readlink",
        "fsync" | "fdatasync" | "syncfs" | "sync_file_range" => "fsync",
        "ftruncate" | "truncate" | "fallocate" => "allocate",
        "lseek" | "fadvise64" | "readahead" => "seek",
        "flock" | "fcntl" | "ioctl" | "dup" | "dup2" | "dup3" => "control",
        "mmap" | "munmap" | "mremap" | "brk" | "madvise" | "mprotect" => "memory",
        "futex" | "sched_yield" | "nanosleep" | "clock_nanosleep" | "poll" | "ppoll" => "wait",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_count_beneath_the_directory_that_they_name() {
        let lines = [
            "1 openat(AT_FDCWD</x>, \"/a/b\", O_RDONLY) = 3</a/b>",
            "1 fstat(3</a/b>, {st_mode=S_IFREG}) = 0",
            "2 statx(4</a>, \"b\", 0, 0) = 0",
            "2 linkat(AT_FDCWD</x>, \"/proc/self/fd/9\", 7</r/data>, \"ab\", 0) = 0",
            "2 close(3</ab/c>) = 0",
            "2 fcntl(3</a/b>, F_GETFD) = 0x1 (flags FD_CLOEXEC)",
            "2 openat(AT_FDCWD</x>, \"/proc/self/cgroup\", O_RDONLY) = 3</proc/9/cgroup>",
            "2 read(3</proc/9/cgroup>, \"\"..., 9) = 0",
            "2 llistxattr(\"/proc/self/fd/14/3\", \"\", 65536) = 0",
            "2 read(3</etc/passwd>, \"\"..., 9) = 0",
            "2 futex(0x1, FUTEX_WAKE) = 1",
            "2 +++ exited with 0 +++",
        ];
        let lines = lines.map(str::to_owned);
        let ([a, r], rest) = calls_by_kind(&lines, [Path::new("/a"), Path::new("/r")]);
        let counted = |pairs: &[(&str, u64)]| pairs.iter().map(|(kind, count)| (kind.to_string(), *count)).collect();
        assert_eq!(a, counted(&[("open", 1), ("stat", 2)]));
        assert_eq!(r, counted(&[("name", 1)]));
        let others = [("close", 1), ("processors", 1), ("read-xattr", 1), ("system", 1), ("wait", 1)];
        assert_eq!(rest, counted(&others));
    }
}
