//! Limits on what a store is asked to do: calls at the same time, and bytes per second up and down.
//!
//! A rate holds on average: a call's bytes go at full speed, and the next call waits until they were due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_model::{Clock, SystemClock};
use parking_lot::{Condvar, Mutex};

use crate::pause::{Pause, Sleep};
use crate::wrap::{Answer, Around, Call};
use crate::{FileKind, Store, StoreError};

/// Limits; none where nothing is given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Calls at the same time, at least one.
    pub connections: Option<usize>,
    /// Bytes per second to the store.
    pub upload: Option<u64>,
    /// Bytes per second from the store.
    pub download: Option<u64>,
}

/// Keeps the calls to the wrapped store within limits.
pub struct LimitStore<S> {
    inner: S,
    limits: Limits,
    clock: Arc<dyn Clock>,
    pause: Arc<dyn Pause>,
    running: Mutex<usize>,
    ended: Condvar,
    upload: Mutex<Option<Instant>>,
    download: Mutex<Option<Instant>>,
}

impl<S: Store> LimitStore<S> {
    /// Wraps a store.
    pub fn new(inner: S, limits: Limits) -> Self {
        Self {
            inner,
            limits,
            clock: Arc::new(SystemClock),
            pause: Arc::new(Sleep::default()),
            running: Mutex::new(0),
            ended: Condvar::new(),
            upload: Mutex::new(None),
            download: Mutex::new(None),
        }
    }

    /// With another clock and way to wait, for example one that can be cancelled.
    #[must_use]
    pub fn time(self, clock: Arc<dyn Clock>, pause: Arc<dyn Pause>) -> Self {
        Self { clock, pause, ..self }
    }

    /// Waits until a call may start, which then counts until the guard goes.
    fn start(&self) -> Running<'_, S> {
        let mut running = self.running.lock();
        while self.limits.connections.is_some_and(|most| *running >= most.max(1)) {
            self.ended.wait(&mut running);
        }
        *running += 1;
        Running(self)
    }

    /// Waits until all bytes taken before were due, and books these. `free` is when they will have been.
    fn take(&self, rate: Option<u64>, free: &Mutex<Option<Instant>>, bytes: u64) {
        let Some(rate) = rate else { return };
        if bytes == 0 {
            return;
        }
        let now = self.clock.instant();
        let wait = {
            let mut free = free.lock();
            let start = free.map_or(now, |free| free.max(now));
            *free = Some(start + Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64));
            start - now
        };
        if !wait.is_zero() {
            // When the work is cancelled the call still goes on: its caller will notice.
            self.pause.pause(wait);
        }
    }
}

struct Running<'a, S>(&'a LimitStore<S>);

impl<S> Drop for Running<'_, S> {
    fn drop(&mut self) {
        *self.0.running.lock() -= 1;
        self.0.ended.notify_one();
    }
}

impl<S: Store> Around for LimitStore<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.inner
    }

    fn around<T: Answer>(
        &self,
        call: &Call<'_>,
        run: impl FnOnce(&S) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if call.kind == Some(FileKind::Lock) {
            // A lock that waits behind packs is refreshed too late. It is small.
            return run(&self.inner);
        }
        self.take(self.limits.upload, &self.upload, call.bytes_up());
        let answer = {
            let _running = self.start();
            run(&self.inner)
        };
        if let Ok(answer) = &answer {
            self.take(self.limits.download, &self.download, answer.bytes_down());
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use holdfast_model::Id;

    use super::*;
    use crate::pause::fake::FakeTime;
    use crate::record::RecordStore;
    use crate::{MemoryStore, contract};

    fn limited(limits: Limits) -> (LimitStore<MemoryStore>, FakeTime) {
        let time = FakeTime::new();
        (LimitStore::new(MemoryStore::new(), limits).time(Arc::new(time.clone()), Arc::new(time.clone())), time)
    }

    #[test]
    fn limits_keep_the_contract() {
        let limits = Limits { connections: Some(2), upload: Some(1 << 20), download: Some(1 << 20) };
        contract::run(&limited(limits).0, contract::Strength::FULL);
        contract::run(&RecordStore::new(limited(Limits::default()).0), contract::Strength::FULL);
    }

    #[test]
    fn the_rate_is_kept_on_average_each_way() {
        let limits = Limits { upload: Some(1000), download: Some(500), ..Limits::default() };
        let (store, time) = limited(limits);
        for first in 0..11 {
            store.put(FileKind::Pack, &Id::new([first; 32]), &[&[0; 300], &[0; 200]]).unwrap();
        }
        assert_eq!(time.gone(), Duration::from_secs(5), "the last of eleven half seconds is not waited for");
        for first in 0..3 {
            store.read(FileKind::Pack, &Id::new([first; 32])).unwrap();
        }
        assert_eq!(time.gone(), Duration::from_secs(7));
    }

    #[test]
    fn locks_wait_for_nothing() {
        let (store, time) = limited(Limits { connections: Some(1), upload: Some(1), download: Some(1) });
        store.put(FileKind::Pack, &Id::new([1; 32]), &[&[0; 5000]]).unwrap();
        let _running = store.start();
        store.put(FileKind::Lock, &Id::new([1; 32]), &[&[0; 300]]).unwrap();
        store.read(FileKind::Lock, &Id::new([1; 32])).unwrap();
        assert_eq!(time.gone(), Duration::ZERO);
    }

    #[test]
    fn no_more_calls_run_than_allowed() {
        #[derive(Default)]
        struct Busy(AtomicUsize, AtomicUsize);
        impl Around for Busy {
            type Inner = MemoryStore;
            fn inner(&self) -> &MemoryStore {
                unreachable!("only calls through `around`")
            }
            fn around<T: Answer>(
                &self,
                _: &Call<'_>,
                _: impl FnOnce(&MemoryStore) -> Result<T, StoreError>,
            ) -> Result<T, StoreError> {
                let now = self.0.fetch_add(1, Ordering::SeqCst) + 1;
                self.1.fetch_max(now, Ordering::SeqCst);
                (0..100).for_each(|_| std::thread::yield_now());
                self.0.fetch_sub(1, Ordering::SeqCst);
                MemoryStore::new().size(FileKind::Config, &Id::default()).map(|_| unreachable!("it is empty"))
            }
        }
        let limits = Limits { connections: Some(3), ..Limits::default() };
        let store = LimitStore::new(Busy::default(), limits);
        std::thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| (0..20).for_each(|_| assert!(store.list(FileKind::Pack).is_err())));
            }
        });
        assert!(store.inner.1.load(Ordering::SeqCst) <= 3);
        assert_eq!(*store.running.lock(), 0);
    }
}
