//! Which files an agent was told of and has not finished: what must be named where a restore ends early.
//!
//! Of a file whose content was sent it is sure that it was being written. One of which the agent was only told may have been
//! closed to others, made empty or not touched yet; that is not known here. No more is kept than of the windows under way.

use std::collections::HashMap;

use holdfast_model::Monitor;
use holdfast_model::monitor::ItemError;
use holdfast_wire::{BlobHeader, EntryKind, Need, RestoreOutcome, ToAgent};

use crate::text::printable_path;

/// So many are named: the others are counted.
const NAMED: usize = 100;

/// The files that have content, from the moment the agent is told of them until it says what became of them.
#[derive(Debug, Default)]
pub(super) struct Unfinished {
    open: HashMap<u64, Open>,
    /// Number of the next node.
    next: u64,
    /// Files that are as they should be, or were left alone as they should be.
    whole: u64,
    /// Files that are not.
    lost: u64,
}

#[derive(Debug)]
struct Open {
    path: Vec<u8>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The agent was told of it.
    Told,
    /// The agent needs no content for it: it is done with it, or it leaves it alone.
    Settled,
    /// Content of it was sent.
    Sent,
}

impl Unfinished {
    /// The agent is told of nodes.
    pub(super) fn announce(&mut self, message: &ToAgent) {
        let ToAgent::Nodes(nodes) = message else { return };
        for node in nodes {
            if matches!(node.entry.kind, EntryKind::File { .. }) && !node.chunks.is_empty() {
                self.open.insert(self.next, Open { path: node.path.to_vec(), stage: Stage::Told });
            }
            self.next += 1;
        }
    }

    /// The agent says what it needs.
    pub(super) fn needs(&mut self, needs: &[Need]) {
        for need in needs {
            let needs_any = (0..need.chunks.len()).any(|chunk| need.chunks.get(chunk));
            if let Some(open) = self.open.get_mut(&need.node).filter(|_| !needs_any) {
                open.stage = Stage::Settled;
            }
        }
    }

    /// Content is on its way.
    pub(super) fn send(&mut self, header: &BlobHeader) {
        for target in &header.targets {
            if let Some(open) = self.open.get_mut(&target.node) {
                open.stage = Stage::Sent;
            }
        }
    }

    /// The agent says what became of a node.
    pub(super) fn end(&mut self, node: u64, outcome: RestoreOutcome) {
        if self.open.remove(&node).is_some() {
            let count = if outcome == RestoreOutcome::Failed { &mut self.lost } else { &mut self.whole };
            *count += 1;
        }
    }

    /// How many files could not be restored wholly.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Whether a file is as it should be.
    pub(super) fn has_whole(&self) -> bool {
        self.whole > 0
    }

    /// The restore has ended: names the files that it leaves neither as they were nor as they are to become.
    pub(super) fn tell(&self, monitor: &dyn Monitor, target: &[u8]) {
        let mut open: Vec<_> = self.open.iter().filter(|(_, open)| open.stage != Stage::Settled).collect();
        // Those that are broken for sure come first.
        open.sort_unstable_by_key(|(number, open)| (open.stage != Stage::Sent, **number));
        for (_, open) in open.iter().take(NAMED) {
            let message = match open.stage {
                Stage::Sent => {
                    "it was being written when the restore ended: it is neither what it was nor what it is to become; restore \
                     it again"
                }
                Stage::Told | Stage::Settled => {
                    "it was about to be written when the restore ended: it may be missing, empty or closed to others; restore \
                     it again"
                }
            };
            let path = printable_path(&beneath(target, &open.path));
            monitor.item_error(&ItemError { path, during: "restore".into(), message: message.into() });
        }
        let (sent, all) = (open.iter().filter(|(_, open)| open.stage == Stage::Sent).count(), open.len());
        let (written, others) = (sent.saturating_sub(NAMED), all - sent.max(NAMED).min(all));
        let mut rest = Vec::new();
        rest.extend((written > 0).then(|| format!("{written} more files were being written")));
        rest.extend((others > 0).then(|| format!("{others} more were about to be")));
        if !rest.is_empty() {
            let rest = rest.join(" and ");
            monitor.warning(&format!("the restore ended while {rest}, which are not named; restore them again"));
        }
    }
}

/// The path of what lies beneath a directory.
fn beneath(target: &[u8], path: &[u8]) -> Vec<u8> {
    let end = target.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    [&target[..end], b"/", path].concat()
}

#[cfg(test)]
mod tests {
    use holdfast_model::{BlobId, Timestamp};
    use holdfast_wire::{Bits, BlobTarget, ChunkRef, Entry, RestoreNode};
    use parking_lot::Mutex;
    use serde_bytes::ByteBuf;

    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Monitor for Heard {
        fn item_error(&self, error: &ItemError) {
            self.0.lock().push(format!("{}: {}", error.path, error.message));
        }

        fn warning(&self, text: &str) {
            self.0.lock().push(text.to_owned());
        }
    }

    fn nodes(count: u64) -> ToAgent {
        let at = Timestamp::default();
        let node = |number| RestoreNode {
            path: ByteBuf::from(format!("f{number}").into_bytes()),
            entry: Entry {
                name: ByteBuf::from(format!("f{number}").into_bytes()),
                kind: EntryKind::File { size: 1 },
                mode: 0o644,
                uid: 0,
                gid: 0,
                mtime: at,
                atime: at,
                ctime: at,
                inode: number,
                device: 1,
                links: 1,
                xattrs: Vec::new(),
            },
            user: String::new(),
            group: String::new(),
            whole: false,
            chunks: vec![ChunkRef { id: BlobId::new([1; 32]), len: 1 }],
            hard_link_to: None,
        };
        ToAgent::Nodes((0..count).map(node).collect())
    }

    fn blob(nodes: &[u64]) -> BlobHeader {
        let targets = nodes.iter().map(|node| BlobTarget { node: *node, chunk: 0 }).collect();
        BlobHeader { id: BlobId::new([1; 32]), stored_len: 1, len: 1, compressed: false, targets }
    }

    fn said(unfinished: &Unfinished) -> Vec<String> {
        let heard = Heard::default();
        unfinished.tell(&heard, b"/srv/");
        heard.0.into_inner()
    }

    #[test]
    fn only_what_is_not_finished_is_named_and_what_was_being_written_first() {
        let mut unfinished = Unfinished::default();
        unfinished.announce(&nodes(5));
        unfinished.needs(&[Need { node: 1, chunks: [false].into_iter().collect::<Bits>() }]);
        unfinished.send(&blob(&[2, 3]));
        unfinished.end(2, RestoreOutcome::Restored);
        let said = said(&unfinished);
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said[0].starts_with("/srv/f3: it was being written"), "{said:?}");
        assert!(
            said[1].starts_with("/srv/f0: it was about to be written") && said[2].starts_with("/srv/f4: it was about")
        );
        assert!(unfinished.has_whole() && unfinished.lost() == 0);
    }

    #[test]
    fn of_very_many_the_first_are_named_and_the_others_counted() {
        let mut unfinished = Unfinished::default();
        unfinished.announce(&nodes(1000));
        let sent: Vec<u64> = (0..150).collect();
        unfinished.send(&blob(&sent));
        let said = said(&unfinished);
        assert_eq!(said.len(), NAMED + 1);
        assert!(said[..NAMED].iter().all(|said| said.contains("it was being written")));
        let rest = &said[NAMED];
        assert!(rest.contains("50 more files were being written") && rest.contains("850 more were about"), "{rest}");
    }
}
