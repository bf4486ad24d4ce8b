//! Recording what is asked of a store, for tests that say exactly which files a piece of work touches.

use holdfast_model::Id;
use parking_lot::Mutex;

use crate::wrap::{Answer, Around, Call};
use crate::{FileKind, Store, StoreError, Verb};

/// One call that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Which call.
    pub verb: Verb,
    /// On which kind of file, if on one.
    pub kind: Option<FileKind>,
    /// On which file, if on one.
    pub id: Option<Id>,
    /// Bytes of content written or read.
    pub bytes: u64,
    /// Whether it worked.
    pub ok: bool,
}

/// Keeps a list of the calls to the wrapped store, in the order in which they ended.
#[derive(Debug)]
pub struct RecordStore<S> {
    inner: S,
    calls: Mutex<Vec<Recorded>>,
}

impl<S: Store> RecordStore<S> {
    /// Nothing recorded yet.
    pub fn new(inner: S) -> Self {
        Self { inner, calls: Mutex::default() }
    }

    /// The calls since this was last asked.
    pub fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.calls.lock())
    }

    /// How many calls of a verb on a kind were made since the last [`RecordStore::take`], and their bytes.
    pub fn count(&self, verb: Verb, kind: FileKind) -> (usize, u64) {
        let calls = self.calls.lock();
        let matching = calls.iter().filter(|call| call.verb == verb && call.kind == Some(kind));
        matching.fold((0, 0), |(count, bytes), call| (count + 1, bytes + call.bytes))
    }
}

impl<S: Store> Around for RecordStore<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.inner
    }

    fn around<T: Answer>(
        &self,
        call: &Call<'_>,
        run: impl FnOnce(&S) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let answer = run(&self.inner);
        let bytes = call.bytes_up() + answer.as_ref().map_or(0, Answer::bytes_down);
        let recorded = Recorded { verb: call.verb, kind: call.kind, id: call.id.copied(), bytes, ok: answer.is_ok() };
        self.calls.lock().push(recorded);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryStore, contract};

    #[test]
    fn recording_changes_nothing() {
        contract::run(&RecordStore::new(MemoryStore::new()), contract::Strength::FULL);
    }

    #[test]
    fn each_call_is_recorded_with_its_bytes() {
        let (store, id) = (RecordStore::new(MemoryStore::new()), Id::new([1; 32]));
        store.put(FileKind::Pack, &id, &[b"0123", b"45"]).unwrap();
        store.read_range(FileKind::Pack, &id, 1..4).unwrap();
        store.list(FileKind::Lock).unwrap();
        assert!(store.read(FileKind::Index, &id).is_err());
        assert_eq!(store.count(Verb::Put, FileKind::Pack), (1, 6));
        let calls = store.take();
        let seen: Vec<_> = calls.iter().map(|call| (call.verb, call.kind, call.bytes, call.ok)).collect();
        assert_eq!(
            seen,
            [
                (Verb::Put, Some(FileKind::Pack), 6, true),
                (Verb::ReadRange, Some(FileKind::Pack), 3, true),
                (Verb::List, Some(FileKind::Lock), 0, true),
                (Verb::Read, Some(FileKind::Index), 0, false),
            ]
        );
        assert_eq!(store.take(), []);
    }
}
