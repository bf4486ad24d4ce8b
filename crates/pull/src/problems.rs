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

/// So many of the places that are left out are named.
const LEFT_OUT: u64 = 100;

/// The problems of one session.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    told: u64,
    left_out: u64,
}

impl Problems {
    /// Shows a problem that the client has told.
    pub(crate) fn tell(
        &mut self,
        monitor: &dyn Monitor,
        path: &[u8],
        during: String,
        message: String,
    ) -> Result<(), Violation> {
        self.told += 1;
        if self.told > MAX {
            return Err(Violation::new(ViolationClass::Text, format!("more than {MAX} problems")));
        }
        if self.told <= SHOWN {
            monitor.item_error(&ItemError { path: shown(path), during, message });
        } else if self.told == SHOWN + 1 {
            monitor.warning(&format!("there are more than {SHOWN} problems; the others are not shown"));
        }
        Ok(())
    }

    /// Shows what the client leaves out as it was told to: no problem, but worth knowing.
    pub(crate) fn left_out(&mut self, monitor: &dyn Monitor, path: &[u8], why: &str) -> Result<(), Violation> {
        self.left_out += 1;
        if self.left_out > MAX {
            return Err(Violation::new(ViolationClass::Text, format!("more than {MAX} places that are left out")));
        }
        if self.left_out <= LEFT_OUT {
            monitor.note(&format!("{} is left out: {}", shown(path), printable_path(why.as_bytes())));
        } else if self.left_out == LEFT_OUT + 1 {
            monitor.note(&format!("more than {LEFT_OUT} places are left out; the others are not shown"));
        }
        Ok(())
    }
}

fn shown(path: &[u8]) -> String {
    let more = if path.len() > PATH { "…" } else { "" };
    printable_path(&path[..path.len().min(PATH)]) + more
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    #[derive(Default)]
    struct Notes(Mutex<Vec<String>>);

    impl Monitor for Notes {
        fn note(&self, text: &str) {
            self.0.lock().push(text.to_owned());
        }
    }

    #[test]
    fn what_is_left_out_is_named_a_hundred_times_and_not_without_end() {
        let (mut problems, notes) = (Problems::default(), Notes::default());
        for _ in 0..MAX {
            problems.left_out(&notes, b"/srv/\x1b[31mnfs", "an \x1b[0m mount").unwrap();
        }
        let said = notes.0.into_inner();
        assert_eq!(said.len() as u64, LEFT_OUT + 1);
        assert!(said.iter().all(|text| !text.contains('\x1b')), "{}", said[0]);
        assert!(problems.left_out(&Notes::default(), b"/", "").is_err());
        assert_eq!(problems.told, 0, "it is no problem");
    }
}
