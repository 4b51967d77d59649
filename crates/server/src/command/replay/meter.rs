//! What the replay measures: a latency histogram for each kind of operation, and counts of what was retried.
//!
//! Always holds: a latency is that of the one attempt that was answered; attempts that were not are counted as
//! retries, and the longest time that an operation waited for its answer over all attempts is kept apart.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use parking_lot::Mutex;
use serde::Serialize;

/// The kinds of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Operation {
    Catalogue,
    Session,
    Add,
    Read,
    Claim,
    Clear,
    Stock,
    Fields,
    Checkout,
    Cancel,
    Return,
    Orders,
}

impl Operation {
    /// In the order of the declaration.
    pub(super) const ALL: [Self; 12] = [
        Self::Catalogue,
        Self::Session,
        Self::Add,
        Self::Read,
        Self::Claim,
        Self::Clear,
        Self::Stock,
        Self::Fields,
        Self::Checkout,
        Self::Cancel,
        Self::Return,
        Self::Orders,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Catalogue => "catalogue",
            Self::Session => "session",
            Self::Add => "add",
            Self::Read => "read",
            Self::Claim => "claim",
            Self::Clear => "clear",
            Self::Stock => "stock",
            Self::Fields => "fields",
            Self::Checkout => "checkout",
            Self::Cancel => "cancel",
            Self::Return => "return",
            Self::Orders => "orders",
        }
    }
}

/// Latencies above this are recorded as this: a minute of retries and more.
const LATENCY_MAX_US: u64 = 120_000_000;

/// One kind of operation.
struct Meter {
    latency_us: Mutex<Histogram<u64>>,
    retries: AtomicU64,
}

/// All kinds of operations.
pub(super) struct Meters {
    meters: [Meter; Operation::ALL.len()],
    replayed: AtomicU64,
    longest_wait_us: AtomicU64,
}

/// What was measured of one kind of operation. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Latency {
    pub(super) count: u64,
    pub(super) retries: u64,
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
    pub(super) max: f64,
}

impl Meters {
    pub(super) fn new() -> Result<Self, hdrhistogram::CreationError> {
        let empty = Histogram::new_with_bounds(1, LATENCY_MAX_US, 3)?;
        let meter = |_| Meter { latency_us: Mutex::new(empty.clone()), retries: AtomicU64::new(0) };
        Ok(Self {
            meters: Operation::ALL.map(meter),
            replayed: AtomicU64::new(0),
            longest_wait_us: AtomicU64::new(0),
        })
    }

    fn of(&self, operation: Operation) -> &Meter {
        &self.meters[operation as usize]
    }

    /// An attempt was answered, whatever the answer.
    pub(super) fn answered(&self, operation: Operation, took: Duration) {
        self.of(operation).latency_us.lock().saturating_record(micros(took));
    }

    /// An attempt was not answered, or was put off: there will be another one.
    pub(super) fn retried(&self, operation: Operation) {
        self.of(operation).retries.fetch_add(1, Ordering::Relaxed);
    }

    /// An operation ended after this time, retries and pauses included.
    pub(super) fn waited(&self, whole: Duration) {
        self.longest_wait_us.fetch_max(micros(whole), Ordering::Relaxed);
    }

    /// The server said that it had applied the operation before.
    pub(super) fn replayed(&self) {
        self.replayed.fetch_add(1, Ordering::Relaxed);
    }

    /// How many answers said that the operation had been applied before.
    pub(super) fn replayed_answers(&self) -> u64 {
        self.replayed.load(Ordering::Relaxed)
    }

    /// The longest that an operation waited for its answer over all attempts, in milliseconds.
    pub(super) fn longest_wait_ms(&self) -> f64 {
        millis(self.longest_wait_us.load(Ordering::Relaxed))
    }

    /// How many attempts of all kinds were answered.
    pub(super) fn operations(&self) -> u64 {
        self.meters.iter().map(|meter| meter.latency_us.lock().len()).sum()
    }

    /// What was measured of one kind.
    pub(super) fn latency(&self, operation: Operation) -> Latency {
        let meter = self.of(operation);
        let histogram = meter.latency_us.lock();
        Latency {
            count: histogram.len(),
            retries: meter.retries.load(Ordering::Relaxed),
            p50: millis(histogram.value_at_quantile(0.50)),
            p99: millis(histogram.value_at_quantile(0.99)),
            p999: millis(histogram.value_at_quantile(0.999)),
            max: millis(histogram.max()),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Microseconds as milliseconds, for people and reports.
fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}
