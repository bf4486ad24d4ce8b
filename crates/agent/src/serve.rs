//! One session: the first words, then the one job that the server gives.

use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};
use std::sync::Arc;

use holdfast_wire::limits::MAX_HOME;
use holdfast_wire::{AgentHello, FromAgent, ToAgent, Version, check_absolute_path};
use serde_bytes::ByteBuf;

use crate::outbox::shortened;
use crate::{AgentError, Down, Downlink, Options, Uplink};

/// Serves one session, from the first word to the last.
///
/// # Errors
/// Whatever ended the session before its job was done. The server has been told, unless the link is what failed.
/// After an error threads may be left that wait for a file system which does not answer; they end when it does.
pub fn serve(up: Arc<dyn Uplink>, mut down: impl Downlink + 'static, options: Options) -> Result<(), AgentError> {
    up.message(FromAgent::Hello(hello(&options)))?;
    match next_message(&mut down)? {
        ToAgent::Welcome { version } if Version::common(version, version).is_some() => {}
        ToAgent::Welcome { version: Version(version) } => {
            let message = format!("this agent does not speak version {version} of the protocol: update it");
            return refuse(&*up, message);
        }
        other => return Err(unexpected(&other)),
    }
    match next_message(&mut down)? {
        ToAgent::Backup(job) => match options.config.refuses_backup(&job) {
            Some(message) => refuse(&*up, message),
            None => {
                up.set_compression(job.compress);
                crate::backup::run(&job, &up, &mut down, options)
            }
        },
        ToAgent::Command(job) => match options.config.refuses_command() {
            Some(message) => refuse(&*up, message),
            None => {
                up.set_compression(job.compress);
                crate::command::run(&job, &up, &mut down, options)
            }
        },
        ToAgent::Restore(job) => match options.config.refuses_restore(&job) {
            Some(message) => refuse(&*up, message),
            None => match crate::restore::run(job, up, down) {
                Ok(_) => Ok(()),
                Err(error) => Err(AgentError::Restore(Arc::new(error))),
            },
        },
        other => Err(unexpected(&other)),
    }
}

fn hello(options: &Options) -> AgentHello {
    let system = rustix::system::uname();
    AgentHello {
        oldest: Version::OLDEST,
        newest: Version::CURRENT,
        release: env!("CARGO_PKG_VERSION").to_owned(),
        architecture: system.machine().to_string_lossy().into_owned(),
        uid: rustix::process::geteuid().as_raw(),
        now: options.clock.now(),
        home: options.home.as_deref().and_then(told).unwrap_or_default(),
    }
}

/// A home as the server is told it: absolute and in normal form; `None` for anything that it would refuse.
fn told(home: &Path) -> Option<ByteBuf> {
    let mut normal = Vec::new();
    for component in home.components() {
        match component {
            Component::RootDir => {}
            Component::Normal(name) => {
                normal.push(b'/');
                normal.extend_from_slice(name.as_bytes());
            }
            _ => return None,
        }
    }
    if normal.is_empty() {
        normal.push(b'/');
    }
    let fits = home.is_absolute() && normal.len() <= MAX_HOME && check_absolute_path(&normal).is_ok();
    fits.then(|| normal.into())
}

fn refuse(up: &dyn Uplink, message: String) -> Result<(), AgentError> {
    up.message(FromAgent::Refused { message: shortened(&message) })?;
    Err(AgentError::Refused { message })
}

/// The next message; bytes of a blob have no place in the jobs that ask for it.
pub(crate) fn next_message(down: &mut impl Downlink) -> Result<ToAgent, AgentError> {
    match down.next()? {
        Down::Message(message) => Ok(message),
        Down::Blob(_) | Down::Blobs(_) => Err(AgentError::Protocol { what: "it sent the bytes of a blob".into() }),
    }
}

/// A message that has no meaning here.
pub(crate) fn unexpected(message: &ToAgent) -> AgentError {
    let text = format!("{message:?}");
    let name = text.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
    AgentError::Protocol { what: format!("it sent {name}, which has no meaning at this point") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_told_no_home_that_it_would_refuse() {
        let told = |home: &str| told(Path::new(home)).map(ByteBuf::into_vec);
        assert_eq!(told("/home/ann/").unwrap(), b"/home/ann");
        assert_eq!(told("//home/./ann").unwrap(), b"/home/ann");
        assert_eq!(told("/").unwrap(), b"/");
        for home in ["", "home/ann", "/home/../ann", &"/a".repeat(4096)] {
            assert_eq!(told(home), None, "{home}");
        }
    }
}
