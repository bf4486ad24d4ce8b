//! Standard output, from which somebody reads: who has enough of it closes it, and that is no failure to speak of.

use std::fmt;
use std::io::{self, Stdout, Write};

/// Standard output.
pub struct Standard(Stdout);

/// Whoever read the output has closed it.
#[derive(Debug)]
pub struct ReaderGone;

impl fmt::Display for ReaderGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whoever read the output has closed it")
    }
}

impl std::error::Error for ReaderGone {}

/// Where results go.
pub fn standard() -> Standard {
    Standard(io::stdout())
}

/// Whether an error is that nobody reads the output any more. Other pipes break for other reasons.
pub fn is_reader_gone(error: &(dyn std::error::Error + 'static)) -> bool {
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inner.is_some_and(|inner| inner.is::<ReaderGone>())
}

fn told(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => io::Error::new(io::ErrorKind::BrokenPipe, ReaderGone),
        _ => error,
    }
}

impl Write for Standard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(told)
    }

    // At once, so that nobody else's comes between.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).map_err(told)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(told)
    }
}
