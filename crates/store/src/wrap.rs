//! What wrappers of a store have in common: every call, whatever it does, goes through one place.
//!
//! A wrapper that says what to do *around* a call is a store itself. It cannot change a call's arguments.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use holdfast_model::Id;

use crate::{FileInfo, FileKind, Store, StoreError};

/// The calls of the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// [`Store::create`]
    Create,
    /// [`Store::list`]
    List,
    /// [`Store::size`]
    Size,
    /// [`Store::read`]
    Read,
    /// [`Store::read_range`]
    ReadRange,
    /// [`Store::put`]
    Put,
    /// [`Store::remove`]
    Remove,
    /// [`Store::sweep`]
    Sweep,
}

/// One call with its arguments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) verb: Verb,
    pub(crate) kind: Option<FileKind>,
    pub(crate) id: Option<&'a Id>,
    /// What a `put` writes; empty for other calls.
    pub(crate) parts: &'a [&'a [u8]],
}

impl<'a> Call<'a> {
    fn new(verb: Verb) -> Self {
        Self { verb, kind: None, id: None, parts: &[] }
    }

    fn of(verb: Verb, kind: FileKind, id: &'a Id) -> Self {
        Self { verb, kind: Some(kind), id: Some(id), parts: &[] }
    }

    /// How many bytes a `put` writes.
    pub(crate) fn bytes_up(&self) -> u64 {
        self.parts.iter().map(|part| part.len() as u64).sum()
    }
}

/// What calls answer.
pub(crate) trait Answer: Sized {
    /// How many bytes of content came back.
    fn bytes_down(&self) -> u64 {
        0
    }

    /// The answer with one wrong bit in its content, if it has any.
    fn damaged(self) -> Self {
        self
    }
}

impl Answer for () {}
impl Answer for u64 {}
impl Answer for Vec<FileInfo> {}
impl Answer for Bytes {
    fn bytes_down(&self) -> u64 {
        self.len() as u64
    }

    fn damaged(self) -> Self {
        let mut bytes = self.to_vec();
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle) {
            *byte ^= 0x10;
        }
        bytes.into()
    }
}

/// A wrapper: says what happens around each call to the store that it wraps.
pub(crate) trait Around: Send + Sync {
    /// The wrapped store's type.
    type Inner: Store;

    /// The wrapped store.
    fn inner(&self) -> &Self::Inner;

    /// Makes the call by `run`, or not.
    fn around<T: Answer>(
        &self,
        call: &Call<'_>,
        run: impl FnOnce(&Self::Inner) -> Result<T, StoreError>,
    ) -> Result<T, StoreError>;
}

impl<W: Around> Store for W {
    fn location(&self) -> String {
        self.inner().location()
    }

    fn listing_delay(&self) -> Duration {
        self.inner().listing_delay()
    }

    fn create(&self) -> Result<(), StoreError> {
        self.around(&Call::new(Verb::Create), |inner| inner.create())
    }

    fn list(&self, kind: FileKind) -> Result<Vec<FileInfo>, StoreError> {
        self.around(&Call { kind: Some(kind), ..Call::new(Verb::List) }, |inner| inner.list(kind))
    }

    fn size(&self, kind: FileKind, id: &Id) -> Result<u64, StoreError> {
        self.around(&Call::of(Verb::Size, kind, id), |inner| inner.size(kind, id))
    }

    fn read(&self, kind: FileKind, id: &Id) -> Result<Bytes, StoreError> {
        self.around(&Call::of(Verb::Read, kind, id), |inner| inner.read(kind, id))
    }

    fn read_range(&self, kind: FileKind, id: &Id, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.around(&Call::of(Verb::ReadRange, kind, id), |inner| inner.read_range(kind, id, range))
    }

    fn put(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> Result<(), StoreError> {
        self.around(&Call { parts, ..Call::of(Verb::Put, kind, id) }, |inner| inner.put(kind, id, parts))
    }

    fn remove(&self, kind: FileKind, id: &Id) -> Result<(), StoreError> {
        self.around(&Call::of(Verb::Remove, kind, id), |inner| inner.remove(kind, id))
    }

    fn sweep(&self) -> Result<u64, StoreError> {
        self.around(&Call::new(Verb::Sweep), |inner| inner.sweep())
    }
}
