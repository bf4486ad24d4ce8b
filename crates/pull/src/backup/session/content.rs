//! The content of files: which of the announced chunks are wanted, what came, and which files are complete.

use std::time::Duration;

use holdfast_repo::tree::NodeKind;
use holdfast_wire::{Bits, ChunkRef, EntryKind, FileOutcome, ToAgent, ViolationClass};

use super::Session;
use super::listing::weight_of;
use crate::Violation;
use crate::backup::files::CompleteFile;
use crate::backup::node::node_of;
use crate::backup::{BackupError, proof_of};
use crate::text::printable_path;

/// Nobody reads names faster.
const NAMED_EVERY: Duration = Duration::from_millis(250);

impl Session<'_> {
    pub(super) fn chunks(&mut self, file: u64, chunks: &[ChunkRef]) -> Result<(), BackupError> {
        for chunk in chunks {
            let wanted = !self.files.has_asked(chunk)? && !self.possession.proven(chunk)?;
            self.files.append(file, *chunk, wanted)?;
            if wanted {
                self.link.expect_chunk(chunk.len);
            }
            self.progress.bytes_done = self.progress.bytes_done.saturating_add(chunk.len.into());
            self.answers.push(wanted);
        }
        Ok(())
    }

    /// Says which of the chunks announced so far are wanted: for many small files at once.
    pub(super) fn answer(&mut self) -> Result<(), BackupError> {
        if !self.answers.is_empty() {
            self.link.send(ToAgent::WantChunks(self.answers.drain(..).collect::<Bits>()))?;
        }
        Ok(())
    }

    pub(super) fn chunk(&mut self, bytes: Vec<u8>) -> Result<(), BackupError> {
        let (chunk, complete) = self.files.arrived(bytes.len())?;
        self.chunk_bytes += bytes.len() as u64;
        self.ingest.put_data(chunk.id, bytes, proof_of(self.link.trust()))?;
        complete.map_or(Ok(()), |complete| self.file_complete(complete))
    }

    pub(super) fn file_complete(&mut self, file: CompleteFile) -> Result<(), BackupError> {
        let again = if let FileOutcome::StoredAs(entry) = &file.outcome { weight_of(entry) } else { 0 };
        self.weigh(file.place.dir, size_of_val(&file.content[..]) + again)?;
        let now = self.clock.instant();
        let open = self.dirs.open(file.place.dir)?;
        let slot = &mut open.nodes[file.place.index];
        self.progress.files_done += 1;
        if let Some(node) = slot.as_ref().filter(|_| now.saturating_duration_since(self.named) >= NAMED_EVERY) {
            self.named = now;
            let dir = open.path.strip_suffix(b"/").unwrap_or(&open.path);
            self.progress.current = Some(printable_path(&[dir, &node.name].join(&b'/')));
        }
        match (file.outcome, slot.as_mut()) {
            (FileOutcome::Failed, node) => {
                let name = node.map(|node| &node.name[..]).unwrap_or_default();
                self.counts.failed(open.old.as_ref().is_some_and(|old| old.get(name).is_some()));
                *slot = None;
                open.memorable = false;
                open.totals.files -= 1;
            }
            (outcome, Some(node)) => {
                if let FileOutcome::StoredAs(entry) = outcome {
                    open.memorable = false;
                    if !matches!(entry.kind, EntryKind::File { .. }) || *entry.name != *node.name {
                        return Err(
                            Violation::new(ViolationClass::Protocol, "a file that became something else").into()
                        );
                    }
                    *node = node_of(&entry, &self.owners);
                }
                node.size = file.size;
                node.kind = NodeKind::File { content: file.content };
                open.totals.bytes = open.totals.bytes.saturating_add(file.size);
            }
            (_, None) => {}
        }
        open.waiting -= 1;
        self.finish(file.place.dir)
    }
}
