//! Time that a test sets, chance that counts, tasks that a test can wait for, and the faults that requests meet.
//!
//! Always holds: two runs of a test are the same run. Deliberately absent: real time.

use crate::Environment;
use cart::{Day, Timestamp};
use futures::future::BoxFuture;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use storage::layer::fault::{Fault, Faults};
use tokio::{task::JoinHandle, time::Instant};

/// The day on which every test begins.
pub const TODAY: Day = Day(20_700);
/// A clock that a test sets, chance that counts, and tasks that a test can wait for.
pub struct TestEnvironment {
    start: Instant,
    days: AtomicU64,
    drawn: AtomicU64,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl TestEnvironment {
    pub(super) fn new() -> Arc<Self> {
        let (days, drawn) = (AtomicU64::new(u64::from(TODAY.0)), AtomicU64::new(0));
        Arc::new(Self { start: Instant::now(), days, drawn, tasks: Mutex::default() })
    }

    /// So many days later.
    pub fn pass_days(&self, days: u64) {
        self.days.fetch_add(days, Ordering::Relaxed);
    }

    /// Waits until every task that the service started is done.
    pub async fn settle(&self) {
        loop {
            let Some(task) = self.tasks.lock().unwrap().pop() else { return };
            task.await.unwrap();
        }
    }
}

impl TestEnvironment {
    /// Ends every task that the service started, wherever it is: as with a process that is killed.
    pub fn abort(&self) {
        self.tasks.lock().unwrap().drain(..).for_each(|task| task.abort());
    }
}

impl Environment for TestEnvironment {
    fn now(&self) -> Timestamp {
        let days = u32::try_from(self.days.load(Ordering::Relaxed)).unwrap();
        let passed = u64::try_from(self.start.elapsed().as_millis()).unwrap();
        Timestamp(Timestamp::default().plus_days(days).0 + passed)
    }

    fn random(&self) -> u64 {
        // An odd factor makes a permutation: scattered like chance, and never twice the same.
        self.drawn.fetch_add(1, Ordering::Relaxed).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep_until(Instant::now() + Duration::from_millis(millis)))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.tasks.lock().unwrap().push(tokio::spawn(task));
    }
}

/// Decides by what the test says now.
#[derive(Default)]
pub struct Switch(Mutex<Option<Box<Decide>>>);

type Decide = dyn FnMut(&'static str) -> Fault + Send;

impl Switch {
    /// From now on requests meet what `decide` says, by the name of their operation.
    pub fn set(&self, decide: impl FnMut(&'static str) -> Fault + Send + 'static) {
        *self.0.lock().unwrap() = Some(Box::new(decide));
    }

    /// From now on every request of these names meets `fault`.
    pub fn always(&self, names: &'static [&'static str], fault: Fault) {
        self.set(move |name| if names.contains(&name) { fault } else { Fault::None });
    }

    /// The next request of this name meets `fault`, and no later one.
    pub fn once(&self, name: &'static str, fault: Fault) {
        let mut due = true;
        self.set(move |next| if next == name && std::mem::take(&mut due) { fault } else { Fault::None });
    }

    /// From now on nothing fails.
    pub fn heal(&self) {
        *self.0.lock().unwrap() = None;
    }
}

impl Faults for Switch {
    fn next(&self, operation: &'static str) -> Fault {
        self.0.lock().unwrap().as_mut().map_or(Fault::None, |decide| decide(operation))
    }
}
