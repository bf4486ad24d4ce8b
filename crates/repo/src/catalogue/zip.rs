//! A directory as a zip archive (APPNOTE 6.3), written from front to end: for people whose system knows no tar.
//!
//! Every file is deflated, its size told behind it, with zip64 where a number does not fit. Names are marked as UTF-8 where
//! they are; the bytes of others stand as they are. Symbolic links, permissions, owners and times to the second are kept as
//! Info-ZIP has them. A zip has no hard links: each name holds the content. It has no devices, pipes and sockets, and no
//! extended attributes either; what is left out as a whole is listed in a file of its own at the end.
//!
//! The directory at the end of the archive is what grows with it. It is kept compressed, some ten bytes for an entry.

mod record;
#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use holdfast_model::CancelToken;

use self::record::{End, Entry, Method};
use super::{Blobs, CatalogueError, Place, Walk, display_path, dump_file, file_size};
use crate::tree::{Node, NodeKind};

/// The effort: the least that does not make larger what does not shrink.
const LEVEL: u32 = 3;
/// Bytes that the directory may take in memory.
const MOST: usize = 256 << 20;
/// The file that lists what is left out, and the bytes that it has at most.
const LEFT_OUT: &[u8] = b"left-out-of-this-zip.txt";
const MOST_LEFT_OUT: usize = 1 << 20;

/// Writes what is at `path` as an archive: everything beneath a directory, or the one file. Names in it are relative to the
/// root of the snapshot.
pub fn zip_place(
    blobs: &dyn Blobs,
    path: &[u8],
    place: &Place,
    out: &mut dyn Write,
    cancel: &CancelToken,
) -> Result<(), CatalogueError> {
    let mut zip = Zip::new(blobs, out, cancel).map_err(written)?;
    match place {
        Place::Node(node) if !node.is_dir() => zip.add(path, node)?,
        _ => {
            let tree = place.tree().ok_or_else(|| CatalogueError::NotADirectory { path: display_path(path) })?;
            for entry in Walk::new(blobs, path, tree) {
                cancel.check()?;
                let entry = entry?;
                zip.add(&entry.path, entry.node())?;
            }
        }
    }
    zip.finish()
}

/// An archive under way.
struct Zip<'a> {
    blobs: &'a dyn Blobs,
    out: Counted<'a>,
    cancel: &'a CancelToken,
    /// The directory, compressed.
    directory: zstd::stream::write::Encoder<'static, Vec<u8>>,
    entries: u64,
    left_out: Vec<u8>,
}

impl<'a> Zip<'a> {
    fn new(blobs: &'a dyn Blobs, out: &'a mut dyn Write, cancel: &'a CancelToken) -> io::Result<Self> {
        let directory = zstd::stream::write::Encoder::new(Vec::new(), 1)?;
        Ok(Self { blobs, out: Counted { out, count: 0 }, cancel, directory, entries: 0, left_out: Vec::new() })
    }

    fn add(&mut self, path: &[u8], node: &Node) -> Result<(), CatalogueError> {
        let mut name = path.strip_prefix(b"/").unwrap_or(path).to_vec();
        if node.is_dir() {
            name.push(b'/');
        }
        // A name's length is a number of two bytes.
        if name.len() > usize::from(u16::MAX) {
            self.leave_out(path, "its path is too long");
            return Ok(());
        }
        let entry = Entry::new(name, node, self.out.count);
        match &node.kind {
            NodeKind::Dir { .. } => self.whole(entry, b""),
            NodeKind::Symlink { target } => self.whole(entry, target),
            NodeKind::File { .. } => {
                let size = file_size(self.blobs, path, node)?;
                if size == 0 { self.whole(entry, b"") } else { self.file(entry, path, node, size) }
            }
            kind => {
                self.leave_out(path, kind.as_str());
                Ok(())
            }
        }
    }

    /// An entry whose content is at hand.
    fn whole(&mut self, mut entry: Entry, content: &[u8]) -> Result<(), CatalogueError> {
        let mut crc = Crc::new();
        crc.update(content);
        (entry.crc, entry.size, entry.stored) = (crc.sum(), content.len() as u64, content.len() as u64);
        self.out.write_all(&entry.local()).and_then(|()| self.out.write_all(content)).map_err(written)?;
        self.note(&entry)
    }

    /// A file, whose sum and length are known when it has been written.
    fn file(&mut self, mut entry: Entry, path: &[u8], node: &Node, size: u64) -> Result<(), CatalogueError> {
        entry.method = Method::Deflated { large: size >= Method::LARGE };
        self.out.write_all(&entry.local()).map_err(written)?;
        let before = self.out.count;
        (entry.crc, entry.size) = self.deflate(path, node)?;
        entry.stored = self.out.count - before;
        self.out.write_all(&entry.descriptor()).map_err(written)?;
        self.note(&entry)
    }

    /// Writes the content of a file, deflated; gives back its sum and length.
    fn deflate(&mut self, path: &[u8], node: &Node) -> Result<(u32, u64), CatalogueError> {
        let deflated = DeflateEncoder::new(&mut self.out, Compression::new(LEVEL));
        let mut summed = Summed { out: deflated, crc: Crc::new(), size: 0 };
        dump_file(self.blobs, path, node, &mut summed, self.cancel)?;
        summed.out.try_finish().map_err(written)?;
        Ok((summed.crc.sum(), summed.size))
    }

    fn note(&mut self, entry: &Entry) -> Result<(), CatalogueError> {
        self.entries += 1;
        self.directory.write_all(&entry.central()).map_err(written)?;
        if self.directory.get_ref().len() > MOST {
            return Err(CatalogueError::TooMuch { what: "there are more files than a zip is made for" });
        }
        Ok(())
    }

    fn leave_out(&mut self, path: &[u8], why: &str) {
        if self.left_out.len() < MOST_LEFT_OUT {
            self.left_out.extend_from_slice(format!("{}: {why}\n", display_path(path)).as_bytes());
            if self.left_out.len() >= MOST_LEFT_OUT {
                self.left_out.extend_from_slice(b"and more\n");
            }
        }
    }

    fn finish(mut self) -> Result<(), CatalogueError> {
        if !self.left_out.is_empty() {
            let list = std::mem::take(&mut self.left_out);
            let nobody = Node::new(LEFT_OUT, NodeKind::File { content: Vec::new() }, 0o644);
            let entry = Entry::new(LEFT_OUT.to_vec(), &nobody, self.out.count);
            self.whole(entry, &list)?;
        }
        let start = self.out.count;
        let directory = self.directory.finish().map_err(written)?;
        let mut directory = zstd::stream::read::Decoder::new(directory.as_slice()).map_err(written)?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            self.cancel.check()?;
            let count = directory.read(&mut buffer).map_err(written)?;
            if count == 0 {
                break;
            }
            self.out.write_all(&buffer[..count]).map_err(written)?;
        }
        let end = End { entries: self.entries, start, end: self.out.count };
        self.out.write_all(&end.to_bytes()).map_err(written)
    }
}

/// Counts what goes through.
struct Counted<'a> {
    out: &'a mut dyn Write,
    count: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Sums up what goes through.
struct Summed<W: Write> {
    out: W,
    crc: Crc,
    size: u64,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.crc.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn written(source: io::Error) -> CatalogueError {
    CatalogueError::Write { source }
}
