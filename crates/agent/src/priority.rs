//! Makes the agent polite: less of the processor and of the disks, where the client's owner wants that.
//!
//! Threads inherit it, so it is done before any is started.

use std::io;

use holdfast_agent::{AgentConfig, IoClass};

/// Lowers the priority of this process as far as the configuration says.
pub(crate) fn lower(config: &AgentConfig) -> io::Result<()> {
    if let Some(nice) = config.nice {
        rustix::process::nice(nice.into())?;
    }
    match config.ionice {
        Some(class) => set_io_class(class),
        None => Ok(()),
    }
}

#[expect(unsafe_code, reason = "neither the standard library nor rustix knows this system call")]
fn set_io_class(class: IoClass) -> io::Result<()> {
    // include/uapi/linux/ioprio.h: the class in the bits from 13 on, the level below.
    const WHO_PROCESS: libc::c_int = 1;
    const CLASS_SHIFT: u32 = 13;
    let (class, level) = match class {
        IoClass::Idle => (3, 0),
        IoClass::BestEffortLow => (2, 7),
    };
    let priority: libc::c_int = class << CLASS_SHIFT | level;
    // SAFETY: the call takes three numbers and no memory; 0 is the calling thread.
    let result = unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, 0, priority) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
