//! A pipe from a thread that writes to the body of an answer: bounded, so that nothing is read faster than it is taken.
//!
//! The body ends well only if the writer has said so. A writer that fails or vanishes, and a reader that does not go on, break
//! it off, which whoever reads it sees.

use std::io::{self, Write};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use futures_util::Stream;
use holdfast_control::{BrowseError, Outlet};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;

/// So many bytes go over at once, and so many of these pieces wait at most.
const PIECE: usize = 128 << 10;
const WAITING: usize = 8;
/// Who takes nothing for so long is given up: a lock on the repository is held for it.
pub(super) const STALL: Duration = Duration::from_secs(300);

/// The end at which is written.
pub(super) struct Pipe {
    pieces: mpsc::Sender<Bytes>,
    has_ended: Arc<AtomicBool>,
    buffer: Vec<u8>,
    runtime: Handle,
    stall: Duration,
    /// Told why what was begun broke off.
    note: Box<dyn Fn(&str) + Send>,
    _place: OwnedSemaphorePermit,
}

/// A pipe, which holds its place among the downloads until it is written to no more.
pub(super) fn pipe(
    place: OwnedSemaphorePermit,
    stall: Duration,
    note: impl Fn(&str) + Send + 'static,
) -> (Pipe, impl Stream<Item = io::Result<Bytes>> + Send + 'static) {
    let (pieces, mut taken) = mpsc::channel(WAITING);
    let has_ended = Arc::new(AtomicBool::new(false));
    let pipe = Pipe {
        pieces,
        has_ended: has_ended.clone(),
        buffer: Vec::with_capacity(PIECE),
        runtime: Handle::current(),
        stall,
        note: Box::new(note),
        _place: place,
    };
    let mut is_told = false;
    let next = move |context: &mut std::task::Context<'_>| {
        taken.poll_recv(context).map(|piece| match piece {
            Some(piece) => Some(Ok(piece)),
            None if has_ended.load(Ordering::Acquire) || mem::replace(&mut is_told, true) => None,
            None => Some(Err(io::Error::other("what was to be sent could not be read to its end"))),
        })
    };
    (pipe, futures_util::stream::poll_fn(next))
}

impl Pipe {
    fn push(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece: Bytes = mem::replace(&mut self.buffer, Vec::with_capacity(PIECE)).into();
        let sent = self.runtime.block_on(async { timeout(self.stall, self.pieces.send(piece)).await });
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(PIECE - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        if self.buffer.len() == PIECE {
            self.push()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.push()
    }
}

impl Outlet for Pipe {
    fn end(mut self, end: Result<(), BrowseError>) {
        let pushed = end.map_err(|error| error.to_string());
        match pushed.and_then(|()| self.push().map_err(|error| error.to_string())) {
            Ok(()) => self.has_ended.store(true, Ordering::Release),
            Err(why) => (self.note)(&why),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use tokio::sync::Semaphore;

    use super::*;

    async fn piped(stall: Duration) -> (Pipe, impl Stream<Item = io::Result<Bytes>> + Unpin) {
        let place = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        pipe(place, stall, |_| {})
    }

    /// How many bytes come out, and whether that has ended well.
    async fn taken(mut stream: impl Stream<Item = io::Result<Bytes>> + Unpin) -> (usize, bool) {
        let mut count = 0;
        while let Some(piece) = stream.next().await {
            match piece {
                Ok(bytes) => count += bytes.len(),
                Err(_) => return (count, false),
            }
        }
        (count, true)
    }

    #[tokio::test]
    async fn only_what_was_ended_well_ends_well() {
        let whole = 3 * PIECE + 1;
        for (end, expected) in [
            (Some(Ok(())), (whole, true)),
            (Some(Err(BrowseError::Given)), (3 * PIECE, false)),
            (None, (3 * PIECE, false)),
        ] {
            let (mut pipe, stream) = piped(STALL).await;
            let writing = tokio::task::spawn_blocking(move || {
                pipe.write_all(&vec![7; whole]).unwrap();
                match end {
                    Some(end) => pipe.end(end),
                    None => drop(pipe),
                }
            });
            assert_eq!(taken(stream).await, expected);
            writing.await.unwrap();
        }
    }

    #[tokio::test]
    async fn who_takes_nothing_is_given_up_and_who_has_gone_is_not_written_to() {
        let (mut pipe, stream) = piped(Duration::from_millis(1)).await;
        let written = tokio::task::spawn_blocking(move || pipe.write_all(&vec![7; 64 << 20])).await.unwrap();
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(taken(stream).await, (PIECE * WAITING, false), "no more than that was kept");
        let (mut pipe, stream) = piped(STALL).await;
        drop(stream);
        let written = tokio::task::spawn_blocking(move || pipe.write_all(&vec![7; 64 << 20])).await.unwrap();
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
