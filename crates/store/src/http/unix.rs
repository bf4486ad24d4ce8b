//! HTTP over a Unix socket: for a REST server or rclone on this machine, out of reach of its other users.
//!
//! The URL's host is not looked up. Written against ureq's transport traits, which its authors may change in any
//! release: hence the exact version in the manifest.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport};

/// Connects to one socket, whatever the URL says.
#[derive(Debug, Clone)]
pub(super) struct UnixConnector(Arc<PathBuf>);

impl UnixConnector {
    pub(super) fn new(socket: &Path) -> Self {
        Self(Arc::new(socket.to_owned()))
    }
}

impl Resolver for UnixConnector {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        // Nothing is resolved, yet ureq wants one address; it is never connected to.
        let mut addresses = self.empty();
        addresses.push(([127, 0, 0, 1], 0).into());
        Ok(addresses)
    }
}

impl Connector for UnixConnector {
    type Out = UnixTransport;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<UnixTransport>, Error> {
        let stream = UnixStream::connect(&*self.0)?;
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(UnixTransport { stream, buffers }))
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct UnixTransport {
    stream: UnixStream,
    buffers: LazyBuffers,
}

impl UnixTransport {
    /// What is left of a time limit, as the system wants it.
    fn limit(timeout: &NextTimeout) -> Option<Duration> {
        timeout.not_zero().map(|limit| *limit)
    }
}

/// A read or write that ran into its time limit says so as ureq does.
fn timed<T>(result: io::Result<T>, timeout: &NextTimeout) -> Result<T, Error> {
    match result {
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            Err(Error::Timeout(timeout.reason))
        }
        result => result.map_err(Error::from),
    }
}

impl Transport for UnixTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = timeout.for_write();
        self.stream.set_write_timeout(Self::limit(&timeout))?;
        let written = self.stream.write_all(&self.buffers.output()[..amount]);
        timed(written, &timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = timeout.for_read();
        self.stream.set_read_timeout(Self::limit(&timeout))?;
        let read = loop {
            match self.stream.read(self.buffers.input_append_buf()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let amount = timed(read, &timeout)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        // Bytes that nobody asked for, or an end, make a connection useless; silence is what it should keep.
        let silent = self.stream.set_nonblocking(true).is_ok()
            && matches!(self.stream.read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        silent && self.stream.set_nonblocking(false).is_ok()
    }
}
