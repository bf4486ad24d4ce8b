//! The two ends: what the vault and the puller hold.
//!
//! Each direction has its own sender and receiver, which may live in different threads.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use crate::bell::Bell;
use crate::error::HandoverError;
use crate::layout::Layout;
use crate::memory;
use crate::record::{Down, Up, down_bounds, up_bounds};
use crate::ring::{self, Closer, RingReader, RingWriter, Side};

/// Bytes of each ring, rounded up to powers of two from 4 MiB to 1 GiB. They become resident as they are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingSizes {
    /// From puller to vault.
    pub up: usize,
    /// From vault to puller.
    pub down: usize,
}

impl Default for RingSizes {
    fn default() -> Self {
        Self { up: 16 << 20, down: 4 << 20 }
    }
}

/// The vault's end.
#[derive(Debug)]
pub struct VaultEnd {
    /// What the puller says.
    pub up: UpReceiver,
    /// What the puller is told.
    pub down: DownSender,
}

/// The puller's end.
#[derive(Debug)]
pub struct PullerEnd {
    /// Where to tell the vault.
    pub up: UpSender,
    /// What the vault says.
    pub down: DownReceiver,
}

/// The puller's end while it is on its way to the puller's process. All are closed on exec.
#[derive(Debug)]
pub struct PullerFds {
    /// The shared memory.
    pub memory: OwnedFd,
    /// The up ring's doorbell.
    pub up_bell: OwnedFd,
    /// The down ring's doorbell.
    pub down_bell: OwnedFd,
    /// What else the puller is given, at most [`MAX_FURTHER`](crate::MAX_FURTHER); of no meaning here.
    pub further: Vec<OwnedFd>,
}

impl VaultEnd {
    /// Makes the rings. The vault must not keep the puller's descriptors: it could not see the puller's end.
    pub fn create(sizes: RingSizes) -> Result<(Self, PullerFds), HandoverError> {
        Self::with_layout(Layout::of_bytes(sizes.up, sizes.down))
    }

    pub(crate) fn with_layout(layout: Layout) -> Result<(Self, PullerFds), HandoverError> {
        let (memory, mapping) = memory::create(layout)?;
        let mapping = Arc::new(mapping);
        let (bell, up_bell) = Bell::pair()?;
        let up = Side::new(mapping.clone(), layout.up_places(), up_bounds, bell);
        let (bell, down_bell) = Bell::pair()?;
        let down = Side::new(mapping, layout.down_places(), down_bounds, bell);
        let end = Self { up: UpReceiver(RingReader::new(up)), down: DownSender(RingWriter::new(down)) };
        Ok((end, PullerFds { memory, up_bell, down_bell, further: Vec::new() }))
    }
}

impl PullerEnd {
    /// Takes the end that a vault made, if that is what the descriptors are.
    pub fn from_fds(fds: PullerFds) -> Result<Self, HandoverError> {
        let (layout, mapping) = memory::open(&fds.memory)?;
        let mapping = Arc::new(mapping);
        let up = Side::new(mapping.clone(), layout.up_places(), up_bounds, Bell::from_fd(fds.up_bell)?);
        let down = Side::new(mapping, layout.down_places(), down_bounds, Bell::from_fd(fds.down_bell)?);
        Ok(Self { up: UpSender(RingWriter::new(up)), down: DownReceiver(RingReader::new(down)) })
    }
}

/// Waits until there may be room to send, or something to receive: for the vault, which must go on receiving while it
/// waits for room, since the puller and the agent may be waiting for it to do so. Waits until the deadline.
pub fn wait_for_either(
    down: &mut DownSender,
    up: &mut UpReceiver,
    deadline: Option<Instant>,
) -> Result<(), HandoverError> {
    ring::wait_for_either(&mut down.0, &mut up.0, deadline)
}

/// Sends records to the vault.
#[derive(Debug)]
pub struct UpSender(RingWriter);

/// Receives the records of the puller.
#[derive(Debug)]
pub struct UpReceiver(RingReader);

/// Sends records to the puller.
#[derive(Debug)]
pub struct DownSender(RingWriter);

/// Receives the records of the vault.
#[derive(Debug)]
pub struct DownReceiver(RingReader);

impl UpSender {
    /// Sends one record, waiting for room until the deadline.
    pub fn send(&mut self, record: Up<'_>, deadline: Option<Instant>) -> Result<(), HandoverError> {
        record.encode(|kind, bytes| self.0.send(kind, bytes, deadline))
    }

    /// What ends this side from another thread.
    pub fn closer(&self) -> Closer {
        self.0.closer()
    }
}

#[cfg(test)]
impl UpSender {
    /// Rings without having sent anything, as a hostile puller may.
    pub(crate) fn ring_bell(&self) {
        self.0.ring_bell();
    }
}

impl DownSender {
    /// Sends one record if there is room: whether there was. That the other process has ended may be told only by the
    /// receiver, or by [`wait_for_either`].
    pub fn try_send(&mut self, record: Down<'_>) -> Result<bool, HandoverError> {
        record.encode(|kind, bytes| self.0.try_send(kind, bytes))
    }

    /// Sends one record, waiting for room until the deadline.
    pub fn send(&mut self, record: Down<'_>, deadline: Option<Instant>) -> Result<(), HandoverError> {
        record.encode(|kind, bytes| self.0.send(kind, bytes, deadline))
    }

    /// What ends this side from another thread.
    pub fn closer(&self) -> Closer {
        self.0.closer()
    }
}

impl UpReceiver {
    /// The next record, a copy, waiting for it until the deadline.
    pub fn recv(&mut self, deadline: Option<Instant>) -> Result<Up<'_>, HandoverError> {
        let (kind, bytes) = self.0.receive(deadline)?;
        Up::decode(kind, bytes)
    }

    /// Whether [`Self::recv`] would not wait, as far as can be seen without waking anybody.
    pub fn is_ready(&mut self) -> bool {
        self.0.is_ready()
    }

    /// The next record if there is one already. That the other process has ended is only told by [`Self::recv`].
    pub fn try_recv(&mut self) -> Result<Option<Up<'_>>, HandoverError> {
        self.0.try_receive()?.map(|(kind, bytes)| Up::decode(kind, bytes)).transpose()
    }

    /// What ends this side from another thread.
    pub fn closer(&self) -> Closer {
        self.0.closer()
    }
}

impl DownReceiver {
    /// The next record, a copy, waiting for it until the deadline.
    pub fn recv(&mut self, deadline: Option<Instant>) -> Result<Down<'_>, HandoverError> {
        let (kind, bytes) = self.0.receive(deadline)?;
        Down::decode(kind, bytes)
    }

    /// The next record if there is one already: without one, it is time to flush what was written to the agent. That
    /// the other process has ended is only told by [`Self::recv`].
    pub fn try_recv(&mut self) -> Result<Option<Down<'_>>, HandoverError> {
        self.0.try_receive()?.map(|(kind, bytes)| Down::decode(kind, bytes)).transpose()
    }

    /// What ends this side from another thread.
    pub fn closer(&self) -> Closer {
        self.0.closer()
    }
}
