//! How many requests are under way, and whether there is room for one more.
//!
//! A request whose client is late with its body is not under way: it does nothing, and whoever wants to hold all places
//! would need no more than a few bytes for each. What waits for a processor is under way, though nobody has looked at it:
//! the runtime's queue is where overload by requests that never wait for the disk is seen.
//!
//! A counter and not a semaphore: nobody waits here, so there is nothing to lock.

use crate::problem::RETRY_S;
use parking_lot::Mutex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::runtime::{Handle, RuntimeMetrics};

/// How long whoever was refused is to stay away.
pub(super) const AWAY: Duration = Duration::from_secs(RETRY_S as u64);
/// Refusals a second to clients that do not stay away: some hundredths of what a core can do.
const REPEATED_PER_SECOND: u32 = 4_000;

/// Counts the requests under way.
#[derive(Debug)]
pub(super) struct Gate {
    under_way: AtomicUsize,
    max: usize,
    runtime: RuntimeMetrics,
    /// When the next one may be refused of those who ask again too early.
    next: Mutex<Instant>,
}

/// A request under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Pass(Arc<Gate>);

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.step_aside();
    }
}

impl Gate {
    pub(super) fn new(max: usize) -> Self {
        let runtime = Handle::current().metrics();
        Self { under_way: AtomicUsize::new(0), max, runtime, next: Mutex::new(Instant::now()) }
    }

    /// Lets a request in, if there is room for it.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Pass> {
        let before = self.under_way.load(Relaxed);
        // Two that look at once may both come in: the limit is for thousands, and one more is none too many.
        (before + self.runtime.global_queue_depth() < self.max).then(|| self.enter_anyhow())
    }

    /// Lets a request in for which there must be room.
    pub(super) fn enter_anyhow(self: &Arc<Self>) -> Pass {
        self.step_back();
        Pass(self.clone())
    }

    /// A request under way begins to wait for its client.
    pub(super) fn step_aside(&self) {
        self.under_way.fetch_sub(1, Relaxed);
    }

    /// A request goes on that had waited for its client.
    pub(super) fn step_back(&self) {
        self.under_way.fetch_add(1, Relaxed);
    }

    /// When a client may be refused that asks again too early: at once while those are few, and in turn when they are
    /// many, so that refusing never takes the time that serving needs.
    pub(super) fn turn(&self, now: Instant) -> Instant {
        let mut next = self.next.lock();
        let turn = (*next).clamp(now, now + AWAY);
        *next = turn + Duration::from_secs(1) / REPEATED_PER_SECOND;
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_more_than_the_limit_is_refused_until_another_has_ended() {
        let gate = Arc::new(Gate::new(2));
        let (one, _two) = (gate.enter().unwrap(), gate.enter().unwrap());
        assert!(gate.enter().is_none());
        drop(one);
        assert!(gate.enter().is_some());
    }

    #[tokio::test]
    async fn who_waits_for_its_client_makes_room() {
        let gate = Arc::new(Gate::new(1));
        let pass = gate.enter().unwrap();
        gate.step_aside();
        let other = gate.enter().unwrap();
        gate.step_back();
        drop((pass, other));
        assert_eq!(gate.under_way.load(Relaxed), 0);
    }

    #[tokio::test]
    async fn what_waits_for_a_processor_is_under_way() {
        let gate = Arc::new(Gate::new(3));
        let runtime = Handle::current();
        // From another thread, so that it goes into the queue that all workers share.
        let spawning = std::thread::spawn(move || (0..3).for_each(|_| drop(runtime.spawn(async {}))));
        spawning.join().unwrap();
        assert!(gate.enter().is_none());
        tokio::task::yield_now().await;
        assert!(gate.enter().is_some());
    }

    #[tokio::test]
    async fn impatient_clients_take_turns_and_none_longer_than_it_was_told() {
        let gate = Gate::new(1);
        let now = Instant::now() + Duration::from_secs(1);
        assert_eq!(gate.turn(now), now);
        let second = gate.turn(now);
        assert_eq!(second - now, Duration::from_secs(1) / REPEATED_PER_SECOND);
        let last = (0..10_000).map(|_| gate.turn(now)).last();
        assert_eq!(last, Some(now + AWAY));
    }
}
