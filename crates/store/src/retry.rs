//! Trying again what may work the next time, with growing, jittered pauses and an end.
//!
//! Only [`ErrorKind::Transient`] is tried again. A call that failed may have worked all the same (its answer was lost):
//! a file that is then found there with the same content, or found gone, counts as done. Where a server writes in place,
//! it may also have left a part of the file: if the name is the hash of what is to be written, what does not match it is
//! removed and written again.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use holdfast_model::{Clock, Id, SystemClock};
use sha2::{Digest, Sha256};

use crate::pause::{Pause, Sleep};
use crate::{ErrorKind, FileInfo, FileKind, Store, StoreError};

/// How patient to be.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The first pause; each further one is twice as long.
    pub first: Duration,
    /// No pause is longer.
    pub longest: Duration,
    /// No new attempt starts later than this after the first one.
    pub total: Duration,
    /// The same, until the store has given its first final answer: a wrong name or a server that is off is told soon.
    pub at_first: Duration,
}

impl Default for Patience {
    /// From half a second to a minute, for a quarter of an hour, as restic; half a minute until the first answer.
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(60),
            total: Duration::from_secs(15 * 60),
            at_first: Duration::from_secs(30),
        }
    }
}

/// Hears of each failure that will be tried again, and after which pause.
type Listener = Box<dyn Fn(&StoreError, Duration) + Send + Sync>;

/// Tries transient failures of the wrapped store again.
pub struct RetryStore<S> {
    inner: S,
    patience: Patience,
    /// Whether the store has ever given a final answer.
    proven: AtomicBool,
    clock: Arc<dyn Clock>,
    pause: Arc<dyn Pause>,
    listener: Option<Listener>,
}

impl<S: Store> RetryStore<S> {
    /// Wraps a store with the usual patience.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            patience: Patience::default(),
            proven: AtomicBool::new(false),
            clock: Arc::new(SystemClock),
            pause: Arc::new(Sleep::default()),
            listener: None,
        }
    }

    /// With another patience.
    #[must_use]
    pub fn patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// With another clock and way to wait, for example one that can be cancelled.
    #[must_use]
    pub fn time(self, clock: Arc<dyn Clock>, pause: Arc<dyn Pause>) -> Self {
        Self { clock, pause, ..self }
    }

    /// Tells `listener` of every failure that will be tried again, and after which pause.
    #[must_use]
    pub fn telling(self, listener: impl Fn(&StoreError, Duration) + Send + Sync + 'static) -> Self {
        Self { listener: Some(Box::new(listener)), ..self }
    }

    /// Makes a call until it gives an answer that is final. `call` is told whether an earlier attempt failed.
    fn persist<T>(&self, call: impl Fn(bool) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let start = self.clock.instant();
        let mut pause = self.patience.first;
        let mut again = false;
        loop {
            let error = match call(again) {
                Err(error) if error.kind() == ErrorKind::Transient => error,
                answer => {
                    self.proven.store(true, Ordering::Relaxed);
                    return answer;
                }
            };
            let total = if self.proven.load(Ordering::Relaxed) { self.patience.total } else { self.patience.at_first };
            let wait = jittered(pause);
            if self.clock.instant().duration_since(start) + wait > total {
                return Err(error);
            }
            if let Some(listener) = &self.listener {
                listener(&error, wait);
            }
            if !self.pause.pause(wait) {
                return Err(error);
            }
            pause = (pause * 2).min(self.patience.longest);
            again = true;
        }
    }

    /// The name was found taken after an attempt that failed: by that attempt, as a rule, perhaps by a part of it.
    fn after_conflict(&self, kind: FileKind, id: &Id, parts: &[&[u8]], taken: StoreError) -> Result<(), StoreError> {
        match self.holds(kind, id, parts) {
            Ok(true) => Ok(()),
            Ok(false) if is_named_by(id, parts) => {
                self.inner.remove(kind, id)?;
                self.inner.put(kind, id, parts)
            }
            Ok(false) => Err(taken),
            // Refused because of an attempt that is still under way, and that comes to nothing.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(StoreError { kind: ErrorKind::Transient, ..taken })
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a file is there with just this content.
    fn holds(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<bool, StoreError> {
        let found = self.inner.read(kind, id)?;
        let mut rest = &found[..];
        let same = parts.iter().all(|part| rest.split_off(..part.len()).is_some_and(|piece| piece == *part));
        Ok(same && rest.is_empty())
    }
}

/// Whether a name is the hash of this content, so that nothing else can rightly have it.
fn is_named_by(id: &Id, parts: &[&[u8]]) -> bool {
    let hash = parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part)).finalize();
    hash[..] == id.as_bytes()[..]
}

/// Between half of a pause and all of it, so that many that failed together do not come back together.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    pause.mul_f64(0.5 + (random >> 11) as f64 / (1u64 << 54) as f64)
}

impl<S: Store> Store for RetryStore<S> {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn listing_delay(&self) -> Duration {
        self.inner.listing_delay()
    }

    fn create(&self) -> Result<(), StoreError> {
        self.persist(|_| self.inner.create())
    }

    fn list(&self, kind: FileKind) -> Result<Vec<FileInfo>, StoreError> {
        self.persist(|_| self.inner.list(kind))
    }

    fn size(&self, kind: FileKind, id: &Id) -> Result<u64, StoreError> {
        self.persist(|_| self.inner.size(kind, id))
    }

    fn read(&self, kind: FileKind, id: &Id) -> Result<Bytes, StoreError> {
        self.persist(|_| self.inner.read(kind, id))
    }

    fn read_range(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.persist(|_| self.inner.read_range(kind, id, range.clone()))
    }

    fn put(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), StoreError> {
        self.persist(|again| match self.inner.put(kind, id, parts) {
            Err(taken) if again && taken.kind() == ErrorKind::AlreadyExists => {
                self.after_conflict(kind, id, parts, taken)
            }
            answer => answer,
        })
    }

    fn remove(&self, kind: FileKind, id: &Id) -> Result<(), StoreError> {
        self.persist(|again| match self.inner.remove(kind, id) {
            Err(error) if again && error.kind() == ErrorKind::NotFound => Ok(()),
            answer => answer,
        })
    }

    fn sweep(&self) -> Result<u64, StoreError> {
        self.persist(|_| self.inner.sweep())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Effect, FaultStore, Trigger};
    use crate::pause::fake::FakeTime;
    use crate::{MemoryStore, Verb, contract};

    fn id() -> Id {
        Id::new([1; 32])
    }

    fn patient(faults: Vec<(Trigger, Effect)>) -> (RetryStore<FaultStore<MemoryStore>>, FakeTime) {
        let time = FakeTime::new();
        let store = FaultStore::new(MemoryStore::new());
        faults.into_iter().for_each(|(trigger, effect)| store.inject(trigger, effect));
        (RetryStore::new(store).time(Arc::new(time.clone()), Arc::new(time.clone())), time)
    }

    #[test]
    fn a_patient_store_keeps_the_contract_whatever_fails_and_gets_lost() {
        let mut faults = Vec::new();
        for nth in 1..300 {
            for verb in [Verb::Create, Verb::List, Verb::Size, Verb::Read, Verb::ReadRange] {
                faults.push((Trigger::nth(nth * 3).of(verb), Effect::Fail(ErrorKind::Transient)));
            }
            for verb in [Verb::Put, Verb::Remove] {
                faults.push((Trigger::nth(nth * 2).of(verb), Effect::LoseAnswer(ErrorKind::Transient)));
            }
        }
        let (store, time) = patient(faults);
        contract::run(&store, contract::Strength::FULL);
        assert!(time.pauses.lock().len() > 300);
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_end_in_time() {
        let (store, time) = patient(Vec::new());
        store.list(FileKind::Pack).unwrap();
        store.inner.inject(Trigger::every(), Effect::Fail(ErrorKind::Transient));
        assert_eq!(store.read(FileKind::Pack, &id()).unwrap_err().kind(), ErrorKind::Transient);
        let pauses = time.pauses.lock().clone();
        let mut full = Duration::from_millis(500);
        for pause in &pauses {
            assert!(*pause >= full / 2 && *pause <= full, "{pause:?} of {full:?}");
            full = (full * 2).min(Duration::from_secs(60));
        }
        assert!(time.gone() <= Duration::from_secs(900) && time.gone() > Duration::from_secs(800), "{pauses:?}");
    }

    #[test]
    fn a_store_that_never_answered_is_given_up_soon() {
        let (store, time) = patient(vec![(Trigger::every(), Effect::Fail(ErrorKind::Transient))]);
        assert_eq!(store.read(FileKind::Pack, &id()).unwrap_err().kind(), ErrorKind::Transient);
        assert!(time.gone() > Duration::from_secs(5) && time.gone() <= Duration::from_secs(30), "{:?}", time.gone());
    }

    #[test]
    fn only_transient_failures_are_tried_again() {
        for kind in [ErrorKind::Denied, ErrorKind::Full, ErrorKind::Corrupt, ErrorKind::Permanent] {
            let (store, time) = patient(vec![(Trigger::every(), Effect::Fail(kind))]);
            assert_eq!(store.put(FileKind::Pack, &id(), &[b"x"]).unwrap_err().kind(), kind);
            assert_eq!(time.gone(), Duration::ZERO);
        }
    }

    #[test]
    fn a_lost_answer_counts_as_done_only_if_the_content_is_ours() {
        let lost = || vec![(Trigger::nth(1), Effect::LoseAnswer(ErrorKind::Transient))];
        let (store, _) = patient(lost());
        store.put(FileKind::Pack, &id(), &[b"con", b"", b"tent"]).unwrap();
        let (store, _) = patient(vec![(Trigger::nth(2), Effect::Fail(ErrorKind::Transient))]);
        store.put(FileKind::Pack, &id(), &[b"content"]).unwrap();
        for other in [&b"conten"[..], b"contents", b"", b"Content"] {
            store.inner.inject(Trigger::nth(store.inner.calls() + 1), Effect::Fail(ErrorKind::Transient));
            let error = store.put(FileKind::Pack, &id(), &[other]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{other:?}");
        }
        let (store, _) = patient(vec![(Trigger::nth(2), Effect::LoseAnswer(ErrorKind::Transient))]);
        store.put(FileKind::Pack, &id(), &[b"content"]).unwrap();
        store.remove(FileKind::Pack, &id()).unwrap();
    }

    #[test]
    fn what_a_torn_put_left_under_its_name_is_written_again() {
        let content = Id::new(Sha256::digest(b"content").into());
        let (store, _) = patient(vec![(Trigger::nth(1), Effect::Torn(ErrorKind::Transient))]);
        store.put(FileKind::Pack, &content, &[b"con", b"tent"]).unwrap();
        assert_eq!(store.read(FileKind::Pack, &content).unwrap(), b"content"[..]);
    }

    #[test]
    fn a_conflict_with_an_attempt_that_came_to_nothing_is_no_answer() {
        let faults = vec![
            (Trigger::nth(1), Effect::Fail(ErrorKind::Transient)),
            (Trigger::nth(2), Effect::Fail(ErrorKind::AlreadyExists)),
        ];
        let (store, _) = patient(faults);
        store.put(FileKind::Pack, &id(), &[b"content"]).unwrap();
        assert_eq!(store.read(FileKind::Pack, &id()).unwrap(), b"content"[..]);
    }

    #[test]
    fn a_cancelled_wait_gives_the_last_error() {
        struct Cancelled;
        impl Pause for Cancelled {
            fn pause(&self, _: Duration) -> bool {
                false
            }
        }
        let faulty = FaultStore::new(MemoryStore::new());
        faulty.inject(Trigger::nth(1), Effect::Fail(ErrorKind::Transient));
        let store = RetryStore::new(faulty).time(Arc::new(SystemClock), Arc::new(Cancelled));
        assert_eq!(store.list(FileKind::Pack).unwrap_err().kind(), ErrorKind::Transient);
    }
}
