//! The futures of the journal. None needs a runtime, and dropping one at any time is safe: the record stays queued.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::error::JournalError;
use crate::shared::Shared;

/// Resolves once a batch is durable, or the journal has failed ([`JournalError::Indeterminate`]).
#[must_use = "a record is acknowledged only when its batch is durable"]
#[derive(Debug)]
pub struct Durable<'a> {
    shared: &'a Shared,
    batch: u64,
    registered: Option<Waker>,
}

impl<'a> Durable<'a> {
    pub(crate) fn new(shared: &'a Shared, batch: u64) -> Self {
        Self { shared, batch, registered: None }
    }

    /// Blocks the thread until the batch is durable. Not for event-loop threads.
    pub fn wait(mut self) -> Result<(), JournalError> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut self).poll(&mut context) {
                Poll::Ready(outcome) => return outcome,
                Poll::Pending => thread::park(),
            }
        }
    }
}

impl Future for Durable<'_> {
    type Output = Result<(), JournalError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.shared.durable_through() >= self.batch {
            return Poll::Ready(Ok(()));
        }
        let mut queue = self.shared.queue.lock();
        if self.shared.durable_through() >= self.batch {
            return Poll::Ready(Ok(()));
        }
        let known = self.registered.as_ref().is_some_and(|waker| waker.will_wake(context.waker()));
        if known && queue.failure().is_none() {
            return Poll::Pending;
        }
        queue.wake_when_durable(self.batch, context.waker().clone())?;
        drop(queue);
        self.registered = Some(context.waker().clone());
        Poll::Pending
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Resolves when a full journal may have room again: true, or false when the wait was too long.
#[must_use = "a future does nothing unless polled"]
#[derive(Debug)]
pub struct Room<'a> {
    shared: &'a Shared,
    record_bytes: usize,
    deadline: Instant,
    registered: bool,
}

impl<'a> Room<'a> {
    pub(crate) fn new(shared: &'a Shared, record_bytes: usize, wait_max: Duration) -> Self {
        Self { shared, record_bytes, deadline: Instant::now() + wait_max, registered: false }
    }
}

impl Future for Room<'_> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        let expired = Instant::now() >= self.deadline;
        let mut queue = self.shared.queue.lock();
        if queue.failure().is_some() || queue.has_room_for(self.record_bytes) {
            return Poll::Ready(true);
        }
        if expired {
            return Poll::Ready(false);
        }
        queue.wake_on_room(self.deadline, context.waker().clone());
        drop(queue);
        if !self.registered {
            self.shared.upkeep.notify_one();
            self.registered = true;
        }
        Poll::Pending
    }
}
