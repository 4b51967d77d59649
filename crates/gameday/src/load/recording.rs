//! What a run saw: latencies by kind of request, the rate of every second, and what went wrong.

use super::answer::Answer;
use hdrhistogram::Histogram;
use std::time::Duration;

/// Latencies above are recorded as this.
const LATENCY_US_MAX: u64 = 600_000_000;

/// What became of one kind of request.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Microseconds from the intended sending to the whole answer, of those answered 2xx.
    pub latency_us: Histogram<u64>,
    /// Microseconds from the sending to the whole answer, of those answered 503: how fast a server says no is seen where
    /// more is meant to be sent than can be.
    pub refusal_us: Histogram<u64>,
    /// Answered 503 without `Retry-After`.
    pub refused_silently: u64,
    /// Answered with any other status.
    pub unexpected: u64,
}

/// One second of a run, by when answers came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Second {
    /// Answered 2xx.
    pub done: u64,
    /// Answered with anything else.
    pub other: u64,
}

/// How long an answer took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Took {
    pub(super) since_intended: Duration,
    pub(super) since_sent: Duration,
}

/// What a run saw.
#[derive(Clone, Debug)]
pub struct Recording {
    /// By kind of request.
    pub kinds: Vec<Kind>,
    /// By second.
    pub seconds: Vec<Second>,
    /// Connections that broke.
    pub broken: u64,
    /// Moments of an open loop at which nothing was ever sent: those still waiting after twice its duration, and
    /// those of connections that were given up. Latencies say nothing of them.
    pub unsent: u64,
    /// From the first sending to the last answer.
    pub elapsed: Duration,
}

impl Recording {
    /// One that has seen nothing yet.
    pub fn new(kinds: usize) -> Self {
        Self {
            kinds: vec![Kind::new(); kinds],
            seconds: Vec::new(),
            broken: 0,
            unsent: 0,
            elapsed: Duration::ZERO,
        }
    }

    pub(super) fn note(&mut self, kind: usize, answer: Answer, took: Took, at: Duration) {
        let second = usize::try_from(at.as_secs()).unwrap_or(usize::MAX);
        if self.seconds.len() <= second {
            self.seconds.resize(second + 1, Second::default());
        }
        let is_done = (200..300).contains(&answer.status);
        if is_done {
            self.seconds[second].done += 1;
        } else {
            self.seconds[second].other += 1;
        }
        self.kinds[kind].note(answer, is_done, took);
    }

    /// Requests answered 2xx.
    pub fn done(&self) -> u64 {
        self.kinds.iter().map(|kind| kind.latency_us.len()).sum()
    }

    /// Answered neither 2xx nor 503, and broken connections: a figure with any of these counts for nothing.
    pub fn failed(&self) -> u64 {
        self.broken + self.kinds.iter().map(|kind| kind.unexpected).sum::<u64>()
    }

    /// Requests answered 503.
    pub fn refused(&self) -> u64 {
        self.kinds.iter().map(|kind| kind.refusal_us.len()).sum()
    }

    /// Requests answered 2xx in a second.
    #[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
    pub fn per_second(&self) -> f64 {
        self.done() as f64 / self.elapsed.as_secs_f64()
    }
}

impl Kind {
    #[expect(clippy::expect_used, reason = "the bounds are constants that HdrHistogram takes")]
    fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).expect("constant bounds");
        Self { latency_us: histogram.clone(), refusal_us: histogram, refused_silently: 0, unexpected: 0 }
    }

    fn note(&mut self, answer: Answer, is_done: bool, took: Took) {
        let us = |took: Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        if is_done {
            self.latency_us.saturating_record(us(took.since_intended));
        } else if answer.status == 503 {
            self.refusal_us.saturating_record(us(took.since_sent));
            self.refused_silently += u64::from(!answer.has_retry_after);
        } else {
            self.unexpected += 1;
        }
    }
}
