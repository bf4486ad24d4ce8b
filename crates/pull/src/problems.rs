//! What a client could not read or write, as people are shown it: bounded, for the client is not to be believed.
//!
//! Each problem is harmless to print. Of very many only the first are shown, and a client that has no end of them breaks
//! the protocol.

use holdfast_model::Monitor;
use holdfast_model::monitor::ItemError;
use holdfast_wire::ViolationClass;

use crate::Violation;
use crate::text::printable_path;

/// So many are shown: more than anybody reads, and few enough for a journal.
const SHOWN: u64 = 10_000;
/// So many are taken.
const MAX: u64 = 1_000_000;
/// Bytes of a path that are shown: what Linux lets a path have.
const PATH: usize = 4096;

/// The problems of one session.
#[derive(Debug, Default)]
pub(crate) struct Problems(u64);

impl Problems {
    /// Shows a problem that the client has told.
    pub(crate) fn tell(
        &mut self,
        monitor: &dyn Monitor,
        path: &[u8],
        during: String,
        message: String,
    ) -> Result<(), Violation> {
        self.0 += 1;
        if self.0 > MAX {
            return Err(Violation::new(ViolationClass::Text, format!("more than {MAX} problems")));
        }
        if self.0 <= SHOWN {
            monitor.item_error(&ItemError { path: shown(path), during, message });
        } else if self.0 == SHOWN + 1 {
            monitor.warning(&format!("there are more than {SHOWN} problems; the others are not shown"));
        }
        Ok(())
    }
}

fn shown(path: &[u8]) -> String {
    let more = if path.len() > PATH { "…" } else { "" };
    printable_path(&path[..path.len().min(PATH)]) + more
}
