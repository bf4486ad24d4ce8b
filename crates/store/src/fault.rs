//! Scripted faults, for tests: calls that fail, answers that get lost, bits that flip, and processes that die.
//!
//! After a death every call fails and nothing reaches the wrapped store any more, as if the process were gone. What a
//! death during a `put` leaves behind is decided by the wrapped store's own way of writing, never a half file under its
//! name: no driver does that. Servers that write in place do: that is a fault of its own.

use parking_lot::Mutex;

use holdfast_model::Id;

use crate::wrap::{Answer, Around, Call};
use crate::{ErrorKind, FileKind, LocalStore, Store, StoreError, Verb};

/// Which call a fault strikes.
#[derive(Debug, Clone, Copy)]
pub struct Trigger {
    /// The how manieth of those that match, counted from 1; each one if not given.
    nth: Option<u64>,
    verb: Option<Verb>,
    kind: Option<FileKind>,
}

impl Trigger {
    /// The `nth` call, counted from 1 on when the store was made, or when the trigger was injected if it is narrowed
    /// by [`Trigger::of`] or [`Trigger::on`].
    pub fn nth(nth: u64) -> Self {
        Self { nth: Some(nth), verb: None, kind: None }
    }

    /// Every call.
    pub fn every() -> Self {
        Self { nth: None, verb: None, kind: None }
    }

    /// Only calls of this verb.
    #[must_use]
    pub fn of(self, verb: Verb) -> Self {
        Self { verb: Some(verb), ..self }
    }

    /// Only calls on files of this kind.
    #[must_use]
    pub fn on(self, kind: FileKind) -> Self {
        Self { kind: Some(kind), ..self }
    }

    fn matches(&self, call: &Call<'_>) -> bool {
        self.verb.is_none_or(|verb| verb == call.verb) && self.kind.is_none_or(|kind| call.kind == Some(kind))
    }
}

/// What happens then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The call does nothing and fails.
    Fail(ErrorKind),
    /// The call does its work, and fails all the same.
    LoseAnswer(ErrorKind),
    /// A `put` leaves half of its content under the file's name and fails: a server that writes in place.
    Torn(ErrorKind),
    /// One bit of the content that a read answers is wrong.
    FlipBit,
    /// The process dies before the call does anything.
    DieBefore,
    /// The process dies in the middle of a `put`; before any other call.
    DieDuring,
    /// The process dies when the call has done its work, before it answers.
    DieAfter,
}

/// Makes what a process leaves that dies in the middle of a `put`.
type Tear<S> = Box<dyn Fn(&S, FileKind, &Id, &[&[u8]]) + Send + Sync>;

/// Does to the wrapped store's callers what a script says.
pub struct FaultStore<S> {
    inner: S,
    tear: Option<Tear<S>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: u64,
    dead: bool,
    faults: Vec<Fault>,
}

struct Fault {
    trigger: Trigger,
    effect: Effect,
    seen: u64,
}

impl<S: Store> FaultStore<S> {
    /// No fault yet; a death during a `put` leaves nothing behind.
    pub fn new(inner: S) -> Self {
        Self { inner, tear: None, state: Mutex::default() }
    }

    /// Lets a death during a `put` leave behind what `tear` makes of the first half of the content.
    #[must_use]
    pub fn tearing(self, tear: impl Fn(&S, FileKind, &Id, &[&[u8]]) + Send + Sync + 'static) -> Self {
        Self { tear: Some(Box::new(tear)), ..self }
    }

    /// Adds a fault. Of several that strike the same call the one that was added first counts.
    pub fn inject(&self, trigger: Trigger, effect: Effect) {
        let mut state = self.state.lock();
        // A bare number counts all calls, those before the injection too: tests read it off `calls`.
        let bare = trigger.verb.is_none() && trigger.kind.is_none();
        let seen = if bare { state.calls } else { 0 };
        state.faults.push(Fault { trigger, effect, seen });
    }

    /// How many calls were made so far, those that faults struck and those after a death included.
    pub fn calls(&self) -> u64 {
        self.state.lock().calls
    }

    /// Whether a fault has killed the process.
    pub fn is_dead(&self) -> bool {
        self.state.lock().dead
    }

    /// The wrapped store: what the next process finds.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// Counts a call and says what strikes it.
    fn struck(&self, call: &Call<'_>) -> Option<Effect> {
        let mut state = self.state.lock();
        state.calls += 1;
        if state.dead {
            return Some(Effect::DieBefore);
        }
        let mut effect = None;
        for fault in &mut state.faults {
            if fault.trigger.matches(call) {
                fault.seen += 1;
                if fault.trigger.nth.is_none_or(|nth| nth == fault.seen) {
                    effect = effect.or(Some(fault.effect));
                }
            }
        }
        state.dead = matches!(effect, Some(Effect::DieBefore | Effect::DieDuring | Effect::DieAfter));
        effect
    }

    fn fail<T>(&self, call: &Call<'_>, kind: ErrorKind, text: &str) -> Result<T, StoreError> {
        let what = match (call.kind, call.id) {
            (Some(kind), Some(id)) => format!("{}/{id}", kind.folder()),
            (Some(kind), None) => kind.folder().to_owned(),
            _ => "the repository".to_owned(),
        };
        let action = match call.verb {
            Verb::Create => "create",
            Verb::List => "list",
            Verb::Size => "read the size of",
            Verb::Read | Verb::ReadRange => "read",
            Verb::Put => "write",
            Verb::Remove => "delete",
            Verb::Sweep => "sweep",
        };
        Err(StoreError { kind, action, what, location: self.location(), source: text.into() })
    }

    fn die_during(&self, call: &Call<'_>) {
        let (Some(tear), Some(kind), Some(id), Verb::Put) = (&self.tear, call.kind, call.id, call.verb) else { return };
        tear(&self.inner, kind, id, &half(call));
    }
}

/// The first half of what a `put` writes.
fn half<'a>(call: &Call<'a>) -> Vec<&'a [u8]> {
    let mut left = (call.bytes_up() / 2) as usize;
    let mut half = Vec::new();
    for part in call.parts {
        let taken = part.len().min(left);
        half.push(&part[..taken]);
        left -= taken;
    }
    half
}

impl FaultStore<LocalStore> {
    /// A local store whose writer, when it dies during a `put`, leaves a temporary file, as on file systems without
    /// nameless ones.
    pub fn local(inner: LocalStore) -> Self {
        Self::new(inner).tearing(|store, kind, id, half| {
            // A folder that cannot be written to stays as it is: then nothing is left behind.
            let _ = store.leave_torn(kind, id, half);
        })
    }
}

impl<S: Store> Around for FaultStore<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.inner
    }

    fn around<T: Answer>(
        &self,
        call: &Call<'_>,
        run: impl FnOnce(&S) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        const DEAD: &str = "the process is dead";
        match self.struck(call) {
            None => run(&self.inner),
            Some(Effect::Fail(kind)) => self.fail(call, kind, "a fault that a test injected"),
            Some(Effect::LoseAnswer(kind)) => {
                run(&self.inner).and_then(|_| self.fail(call, kind, "the answer was lost"))
            }
            Some(Effect::Torn(kind)) => {
                if let (Verb::Put, Some(file), Some(id)) = (call.verb, call.kind, call.id) {
                    self.inner.put(file, id, &half(call))?;
                }
                self.fail(call, kind, "the connection broke half way")
            }
            Some(Effect::FlipBit) => run(&self.inner).map(Answer::damaged),
            Some(Effect::DieBefore) => self.fail(call, ErrorKind::Permanent, DEAD),
            Some(Effect::DieDuring) => {
                self.die_during(call);
                self.fail(call, ErrorKind::Permanent, DEAD)
            }
            Some(Effect::DieAfter) => run(&self.inner).and_then(|_| self.fail(call, ErrorKind::Permanent, DEAD)),
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_testkit::temp_dir;

    use super::*;
    use crate::{MemoryStore, contract};

    fn id(first: u8) -> Id {
        Id::new([first; 32])
    }

    #[test]
    fn without_faults_the_contract_holds() {
        contract::run(&FaultStore::new(MemoryStore::new()), contract::Strength::FULL);
    }

    #[test]
    fn a_fault_strikes_the_call_it_names_and_no_other() {
        let store = FaultStore::new(MemoryStore::new());
        store.inject(Trigger::nth(2).of(Verb::Put).on(FileKind::Index), Effect::Fail(ErrorKind::Full));
        store.put(FileKind::Index, &id(1), &[b"x"]).unwrap();
        store.put(FileKind::Pack, &id(2), &[b"x"]).unwrap();
        assert_eq!(store.put(FileKind::Index, &id(3), &[b"x"]).unwrap_err().kind(), ErrorKind::Full);
        store.put(FileKind::Index, &id(3), &[b"x"]).unwrap();
        assert_eq!(store.calls(), 4);
    }

    #[test]
    fn nothing_happens_after_a_death() {
        for (effect, found) in [(Effect::DieBefore, 1), (Effect::DieDuring, 1), (Effect::DieAfter, 2)] {
            let store = FaultStore::new(MemoryStore::new());
            store.put(FileKind::Pack, &id(1), &[b"x"]).unwrap();
            store.inject(Trigger::nth(2), effect);
            assert!(store.put(FileKind::Pack, &id(2), &[b"x"]).is_err());
            assert!(store.is_dead());
            assert!(store.put(FileKind::Pack, &id(3), &[b"x"]).is_err());
            assert!(store.read(FileKind::Pack, &id(1)).is_err());
            assert_eq!(store.into_inner().list(FileKind::Pack).unwrap().len(), found, "{effect:?}");
        }
    }

    #[test]
    fn a_death_during_a_put_leaves_half_a_temporary_file() {
        let dir = temp_dir();
        let store = FaultStore::local(LocalStore::new(dir.path()));
        store.create().unwrap();
        store.inject(Trigger::nth(1).of(Verb::Put), Effect::DieDuring);
        assert!(store.put(FileKind::Key, &id(1), &[b"0123", b"4567", b"89"]).is_err());
        let left: Vec<_> = std::fs::read_dir(dir.path().join("keys")).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(left.len(), 1);
        assert_eq!(std::fs::read(&left[0]).unwrap(), b"01234");
        assert_eq!(store.into_inner().list(FileKind::Key).unwrap(), []);
    }

    #[test]
    fn a_flipped_bit_reaches_the_reader_alone() {
        let store = FaultStore::new(MemoryStore::new());
        store.put(FileKind::Pack, &id(1), &[b"content"]).unwrap();
        store.inject(Trigger::nth(1).of(Verb::Read), Effect::FlipBit);
        assert_ne!(store.read(FileKind::Pack, &id(1)).unwrap(), b"content"[..]);
        assert_eq!(store.read(FileKind::Pack, &id(1)).unwrap(), b"content"[..]);
    }
}
