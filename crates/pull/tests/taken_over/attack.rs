//! What an attacker tries who runs code in the puller.
#![expect(unsafe_code, reason = "an attacker makes whatever system calls there are")]

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::null;

use holdfast_handover::{PullerEnd, PullerFds, Up};
use holdfast_pull::puller::confined;

/// The variable that tells the attacker what there is.
pub(crate) const TARGETS: &str = "HOLDFAST_TEST_TARGETS";

/// What there is to be had.
pub(crate) struct Targets {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    pub(crate) socket: PathBuf,
    pub(crate) vault: u32,
    pub(crate) other: u32,
    pub(crate) leaked: i32,
}

/// Something to be tried; the error is the system's.
pub(crate) struct Attempt {
    pub(crate) name: String,
    pub(crate) make: Box<dyn Fn() -> Result<(), i32>>,
}

impl Targets {
    pub(crate) fn to_text(&self) -> String {
        let files: Vec<_> = self.files.iter().map(|path| path.to_str().unwrap()).collect();
        let (folder, socket) = (self.folder.to_str().unwrap(), self.socket.to_str().unwrap());
        let Self { port, vault, other, leaked, .. } = self;
        format!("{} {folder} {port} {socket} {vault} {other} {leaked}", files.join(","))
    }

    pub(crate) fn of_text(text: &str) -> Self {
        let words: Vec<&str> = text.split(' ').collect();
        Self {
            files: words[0].split(',').map(PathBuf::from).collect(),
            folder: words[1].into(),
            port: words[2].parse().unwrap(),
            socket: words[3].into(),
            vault: words[4].parse().unwrap(),
            other: words[5].parse().unwrap(),
            leaked: words[6].parse().unwrap(),
        }
    }
}

/// Confines this process as the puller is, tries everything, and tells the vault of it.
pub(crate) fn run(targets: &Targets) {
    let fds = PullerFds::from_argument(&std::env::args().next_back().unwrap()).unwrap();
    let bell = std::os::fd::AsRawFd::as_raw_fd(&fds.up_bell);
    let PullerEnd { mut up, down: _down } = PullerEnd::from_fds(fds).unwrap();
    // Before, as an attacker has what the program has.
    let attempts: Vec<Attempt> = reaching(targets).into_iter().chain(breaking_out(targets, bell)).collect();
    let page = page();
    confined(|| Ok(())).unwrap();
    let mut tell = |name: &str, result: Result<(), i32>| {
        let result = result.map_or_else(|errno| errno.to_string(), |()| "worked".to_owned());
        up.send(Up::Message(format!("{name}\t{result}").as_bytes()), None).unwrap();
    };
    for attempt in attempts {
        tell(&attempt.name, (attempt.make)());
    }
    // SAFETY: nothing else uses the page.
    tell(
        "make a page executable",
        checked(unsafe { libc::mprotect(page, PAGE, libc::PROT_READ | libc::PROT_EXEC) }.into()),
    );
    up.send(Up::End, None).unwrap();
    // As the puller: not through what a test program does at its end.
    std::process::exit(0);
}

/// What anybody can do who is not confined.
pub(crate) fn reaching(targets: &Targets) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let mut add = |name: String, make: Box<dyn Fn() -> Result<(), i32>>| attempts.push(Attempt { name, make });
    for path in &targets.files {
        let shown = path.display();
        let at = text(path);
        let (read, wrote, looked, changed) = (at.clone(), at.clone(), at.clone(), at);
        add(format!("read {shown}"), Box::new(move || opened(&read, libc::O_RDONLY)));
        add(format!("write {shown}"), Box::new(move || opened(&wrote, libc::O_WRONLY)));
        add(
            format!("look at {shown}"),
            Box::new(move || {
                let mut found = [0_u8; 256];
                call(libc::SYS_statx, [libc::AT_FDCWD as u64, pointer(&looked), 0, 0x7ff, found.as_mut_ptr() as u64])
            }),
        );
        let mode = Box::new(move || call(libc::SYS_fchmodat, [libc::AT_FDCWD as u64, pointer(&changed), 0o600, 0, 0]));
        add(format!("change the mode of {shown}"), mode);
    }
    let folder = text(&targets.folder);
    add("list a folder".into(), Box::new(move || opened(&folder, libc::O_RDONLY | libc::O_DIRECTORY)));
    let planted = text(&targets.folder.join("planted"));
    let gone = planted.clone();
    add(
        "plant a folder".into(),
        Box::new(move || call(libc::SYS_mkdirat, [libc::AT_FDCWD as u64, pointer(&planted), 0o700, 0, 0])),
    );
    add(
        "remove it".into(),
        Box::new(move || {
            call(libc::SYS_unlinkat, [libc::AT_FDCWD as u64, pointer(&gone), libc::AT_REMOVEDIR as u64, 0, 0])
        }),
    );
    let port = targets.port;
    add(
        "connect to a port".into(),
        Box::new(move || std::net::TcpStream::connect(("127.0.0.1", port)).map(drop).map_err(|e| of(&e))),
    );
    let socket = targets.socket.clone();
    add(
        "connect to a socket".into(),
        Box::new(move || std::os::unix::net::UnixStream::connect(&socket).map(drop).map_err(|error| of(&error))),
    );
    let vault = u64::from(targets.vault);
    add("signal the vault".into(), Box::new(move || call(libc::SYS_kill, [vault, 0, 0, 0, 0])));
    add("open the vault's process".into(), Box::new(move || call(libc::SYS_pidfd_open, [vault, 0, 0, 0, 0])));
    add(
        "start a program".into(),
        Box::new(|| std::process::Command::new("true").status().map(drop).map_err(|e| of(&e))),
    );
    add("start a thread".into(), Box::new(|| std::thread::Builder::new().spawn(|| ()).map(drop).map_err(|e| of(&e))));
    add("make a file of memory".into(), Box::new(|| call(libc::SYS_memfd_create, [pointer(c"x"), 0, 0, 0, 0])));
    add(
        "make a pair of sockets".into(),
        Box::new(|| std::os::unix::net::UnixStream::pair().map(drop).map_err(|e| of(&e))),
    );
    add("have a descriptor twice".into(), Box::new(|| call(libc::SYS_dup, [0; 5])));
    add(
        "map code".into(),
        Box::new(|| {
            let (flags, prot) = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, libc::PROT_READ | libc::PROT_EXEC);
            // SAFETY: a new mapping, which nothing refers to.
            let at = unsafe { libc::mmap(std::ptr::null_mut(), PAGE, prot, flags, -1, 0) };
            checked(if at == libc::MAP_FAILED { -1 } else { 0 })
        }),
    );
    add(
        "take two gigabytes".into(),
        Box::new(|| {
            let (flags, prot) = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, libc::PROT_READ | libc::PROT_WRITE);
            // SAFETY: a new mapping, which nothing refers to.
            let at = unsafe { libc::mmap(std::ptr::null_mut(), 2 << 30, prot, flags, -1, 0) };
            checked(if at == libc::MAP_FAILED { -1 } else { 0 })
        }),
    );
    attempts
}

/// What takes an attacker further who is root, or who has found a hole.
fn breaking_out(targets: &Targets, bell: i32) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let mut add = |name: &str, make: Box<dyn Fn() -> Result<(), i32>>| {
        attempts.push(Attempt { name: name.to_owned(), make });
    };
    let (vault, other, leaked) = (targets.vault, targets.other, targets.leaked);
    for (whose, pid) in [("vault", vault), ("other session", other)] {
        for file in ["mem", "environ", "maps", "fd/3", "root"] {
            let path = CString::new(format!("/proc/{pid}/{file}")).unwrap();
            add(&format!("read {file} of the {whose}"), Box::new(move || opened(&path, libc::O_RDONLY)));
        }
        let pid = u64::from(pid);
        let simple: [(&str, i64, [u64; 5]); 6] = [
            ("trace", libc::SYS_ptrace, [libc::PTRACE_ATTACH.into(), pid, 0, 0, 0]),
            ("seize", libc::SYS_ptrace, [libc::PTRACE_SEIZE.into(), pid, 0, 0, 0]),
            ("kill", libc::SYS_kill, [pid, libc::SIGKILL as u64, 0, 0, 0]),
            ("kill a thread of", libc::SYS_tgkill, [pid, pid, libc::SIGKILL as u64, 0, 0]),
            ("open", libc::SYS_pidfd_open, [pid, 0, 0, 0, 0]),
            ("limit", libc::SYS_prlimit64, [pid, 0, 0, 0, 0]),
        ];
        for (name, number, arguments) in simple {
            add(&format!("{name} the {whose}"), Box::new(move || call(number, arguments)));
        }
        add(
            &format!("read the memory of the {whose}"),
            Box::new(move || {
                let mut bytes = [0_u8; 8];
                let mut here = [bytes.as_mut_ptr() as u64, 8];
                let there = [0x40_0000_u64, 8];
                let (here, there) = (here.as_mut_ptr() as u64, there.as_ptr() as u64);
                // SAFETY: it writes into `bytes` at most.
                checked(unsafe { libc::syscall(libc::SYS_process_vm_readv, pid, here, 1, there, 1, 0) })
            }),
        );
    }
    add(
        "use what somebody forgot to close",
        Box::new(move || call(libc::SYS_fcntl, [leaked as u64, libc::F_GETFD as u64, 0, 0, 0])),
    );
    let shell = c"/bin/sh";
    let simple: Vec<(&str, i64, [u64; 5])> = vec![
        ("become root", libc::SYS_setresuid, [0; 5]),
        ("become its group", libc::SYS_setresgid, [0; 5]),
        ("execute", libc::SYS_execve, [pointer(shell), 0, 0, 0, 0]),
        ("execute at", libc::SYS_execveat, [libc::AT_FDCWD as u64, pointer(shell), 0, 0, 0]),
        ("fork", libc::SYS_clone, [libc::SIGCHLD as u64, 0, 0, 0, 0]),
        ("clone3", libc::SYS_clone3, [0; 5]),
        ("new namespaces", libc::SYS_unshare, [libc::CLONE_NEWUSER as u64, 0, 0, 0, 0]),
        ("another namespace", libc::SYS_setns, [0; 5]),
        ("mount", libc::SYS_mount, [0; 5]),
        ("chroot", libc::SYS_chroot, [pointer(c"/"), 0, 0, 0, 0]),
        ("open a tree", libc::SYS_open_tree, [libc::AT_FDCWD as u64, pointer(c"/"), 1, 0, 0]),
        (
            "open by openat2",
            libc::SYS_openat2,
            [libc::AT_FDCWD as u64, pointer(c"/etc/passwd"), [0_u64; 3].as_ptr() as u64, 24, 0],
        ),
        ("a raw socket", libc::SYS_socket, [libc::AF_INET as u64, libc::SOCK_RAW as u64, 1, 0, 0]),
        ("a netlink socket", libc::SYS_socket, [libc::AF_NETLINK as u64, libc::SOCK_RAW as u64, 0, 0, 0]),
        ("a packet socket", libc::SYS_socket, [libc::AF_PACKET as u64, libc::SOCK_RAW as u64, 0, 0, 0]),
        ("another filter", libc::SYS_seccomp, [1, 0, 0, 0, 0]),
        ("an io_uring", libc::SYS_io_uring_setup, [1, [0_u8; 128].as_ptr() as u64, 0, 0, 0]),
        ("bpf", libc::SYS_bpf, [0; 5]),
        ("perf events", libc::SYS_perf_event_open, [0; 5]),
        ("userfaultfd", libc::SYS_userfaultfd, [1, 0, 0, 0, 0]),
        ("keys", libc::SYS_keyctl, [0, u64::MAX, 1, 0, 0]),
        ("shared memory", libc::SYS_shmget, [0, 4096, 0o1600, 0, 0]),
        ("a message queue", libc::SYS_msgget, [0, 0o1600, 0, 0, 0]),
        ("inotify", libc::SYS_inotify_init1, [0; 5]),
        ("a module", libc::SYS_finit_module, [0; 5]),
        ("the kernel's log", libc::SYS_syslog, [10, 0, 0, 0, 0]),
        ("push input to a terminal", libc::SYS_ioctl, [0, libc::TIOCSTI, pointer(c"x"), 0, 0]),
        ("be dumpable", libc::SYS_prctl, [4, 1, 0, 0, 0]),
        ("raise a limit", libc::SYS_setrlimit, [libc::RLIMIT_AS.into(), [u64::MAX; 2].as_ptr() as u64, 0, 0, 0]),
        ("a timer's signal", libc::SYS_setitimer, [0; 5]),
        ("another personality", libc::SYS_personality, [0; 5]),
        ("the host's name", libc::SYS_sethostname, [pointer(c"x"), 1, 0, 0, 0]),
        ("splice", libc::SYS_splice, [0; 5]),
        ("a directory of its own", libc::SYS_chdir, [pointer(c"/"), 0, 0, 0, 0]),
    ];
    for (name, number, arguments) in simple {
        add(name, Box::new(move || call(number, arguments)));
    }
    add(
        "send a descriptor",
        Box::new(move || call(libc::SYS_sendmsg, [bell as u64, [0_u8; 56].as_ptr() as u64, 0, 0, 0])),
    );
    add("receive one", Box::new(move || call(libc::SYS_recvmsg, [bell as u64, [0_u8; 56].as_ptr() as u64, 0, 0, 0])));
    attempts
}

const PAGE: usize = 4096;

/// A page of memory.
fn page() -> *mut libc::c_void {
    let (flags, prot) = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: a new mapping, which nothing refers to.
    unsafe { libc::mmap(std::ptr::null_mut(), PAGE, prot, flags, -1, 0) }
}

fn text(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap()
}

fn pointer(text: &std::ffi::CStr) -> u64 {
    text.as_ptr() as u64
}

fn opened(path: &std::ffi::CStr, flags: i32) -> Result<(), i32> {
    call(libc::SYS_openat, [libc::AT_FDCWD as u64, pointer(path), flags as u64, 0, 0])
}

fn call(number: i64, [a, b, c, d, e]: [u64; 5]) -> Result<(), i32> {
    // SAFETY: what the arguments point to lives as long as the attempt, and is large enough.
    checked(unsafe { libc::syscall(number, a, b, c, d, e, null::<u8>()) })
}

fn checked(returned: i64) -> Result<(), i32> {
    if returned < 0 { Err(of(&std::io::Error::last_os_error())) } else { Ok(()) }
}

fn of(error: &std::io::Error) -> i32 {
    error.raw_os_error().unwrap_or(-1)
}
