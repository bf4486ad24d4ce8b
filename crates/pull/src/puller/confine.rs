//! What the puller gives up before it reads a client's first byte.
//!
//! Whoever takes it over by what it reads has the two pipes of one `ssh`, the rings and the agents, as before, and nothing else
//! of this machine: no file, no socket, no process, no user that owns anything.

use holdfast_confine::{Argument, ConfineError, Filter, Limits, give_up_files, give_up_user, limit};
use rustix::process::getpid;

use super::PullerError;

/// The rings and what the program itself takes are some 100 MiB of addresses; frames have at most 1 MiB.
const LIMITS: Limits = Limits { addresses: 1 << 30, memory: 256 << 20, descriptors: 80 };

/// Confines this process. Threads are started in between, by what is given, and run when it returns: later none can be started.
/// To be called while the process has one thread.
pub fn confined<T>(start_threads: impl FnOnce() -> Result<T, PullerError>) -> Result<T, PullerError> {
    give_up_user()?;
    // Where the kernel has no Landlock the filter does alone.
    give_up_files()?;
    let started = start_threads()?;
    limit(LIMITS)?;
    keep_calls()?;
    Ok(started)
}

/// The calls that are left: to read and write what is open, to have memory that holds no code, to wait, and to end.
fn keep_calls() -> Result<(), ConfineError> {
    const EXECUTABLE: u64 = libc::PROT_EXEC as u64;
    let own = u64::from(getpid().as_raw_nonzero().get().unsigned_abs());
    let streams = [
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_pread64,
        libc::SYS_shutdown,
        libc::SYS_close,
        libc::SYS_ppoll,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll,
    ];
    let memory = [libc::SYS_munmap, libc::SYS_mremap, libc::SYS_brk, libc::SYS_madvise];
    let threads = [
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_restart_syscall,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_getrandom,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];
    Filter::new()
        .allow(&streams)
        .allow(&memory)
        .allow(&threads)
        .allow_if(libc::SYS_mmap, &[Argument::Lacks(2, EXECUTABLE)])
        .allow_if(libc::SYS_mprotect, &[Argument::Lacks(2, EXECUTABLE)])
        // The doorbells are connected sockets: nothing is sent to an address, and no descriptor with it.
        .allow_if(libc::SYS_sendto, &[Argument::Is(4, 0)])
        .allow_if(libc::SYS_recvfrom, &[Argument::Is(4, 0)])
        // The standard library looks before it closes.
        .allow_if(libc::SYS_fcntl, &[Argument::Is(1, libc::F_GETFD as u64)])
        // To abort.
        .allow_if(libc::SYS_tgkill, &[Argument::Is(0, own)])
        .apply()
}
