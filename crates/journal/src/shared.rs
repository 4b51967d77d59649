//! What the handle, the waiting writers and the two threads of one journal share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::{io, thread};

use parking_lot::{Condvar, Mutex};

use crate::queue::Queue;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Mutex<Queue>,
    /// Told when the committer may have work.
    pub(crate) work: Condvar,
    /// Told when upkeep may have work.
    pub(crate) upkeep: Condvar,
    durable_through: AtomicU64,
}

impl Shared {
    pub(crate) fn new(queue: Queue) -> Self {
        let durable_through = AtomicU64::new(queue.last_batch());
        Self { queue: Mutex::new(queue), work: Condvar::new(), upkeep: Condvar::new(), durable_through }
    }

    pub(crate) fn durable_through(&self) -> u64 {
        self.durable_through.load(Ordering::Acquire)
    }

    /// Stored before the queue's lock is taken to collect the waiting: who looks under the lock either sees the new
    /// number or is collected.
    pub(crate) fn set_durable_through(&self, batch: u64) {
        self.durable_through.store(batch, Ordering::Release);
    }

    /// Ends all writing. Whoever waits is told that the outcome is unknown.
    pub(crate) fn fail(&self, cause: io::Error) {
        let wakers = self.queue.lock().fail(cause);
        wake_all(wakers);
        self.work.notify_all();
        self.upkeep.notify_all();
    }

    pub(crate) fn close(&self) {
        self.queue.lock().closing = true;
        self.work.notify_all();
        self.upkeep.notify_all();
    }
}

/// Never under the queue's lock: a waker may run code of its runtime.
pub(crate) fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}

/// Fails the journal when its thread ends by a bug, so that nobody waits forever.
pub(crate) struct FailOnPanic<'a>(pub(crate) &'a Shared);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail(io::Error::other("a thread of the journal panicked"));
        }
    }
}
