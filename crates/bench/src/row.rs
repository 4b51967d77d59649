//! A row of the report: what one turn of one side saw.

use crate::workload;
use anyhow::{Result, ensure};
use gameday::load::Recording;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What can have a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Work {
    /// The smallest answer.
    Hello,
    /// What an add sends, appended to a journal and nothing else.
    Append,
    /// A cart read.
    Get,
    /// A line added.
    Add,
    /// Five reads to an add.
    Mixed,
    /// A value set.
    Redis,
    /// Five reads to an add, by calls of the whole service.
    Whole,
    /// The same of fjall alone.
    Engine,
    /// Five reads to an add in a shop of few carts.
    Small,
    /// An add to a cart that is empty.
    AddToEmpty,
    /// An add to a cart of as many lines as fit.
    AddToFull,
}

impl Work {
    /// False of what is as fast at first as ever, and of carts that may not grow.
    pub(crate) fn is_warmed(self) -> bool {
        !matches!(self, Self::Hello | Self::Redis | Self::AddToEmpty | Self::AddToFull)
    }

    /// True of what is called in process.
    pub(crate) fn is_inside(self) -> bool {
        matches!(self, Self::Whole | Self::Engine)
    }

    /// As the report names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Append => "append",
            Self::Get => "get",
            Self::Add => "add",
            Self::Mixed => "mixed",
            Self::Redis => "redis",
            Self::Whole => "whole",
            Self::Engine => "engine",
            Self::Small => "small",
            Self::AddToEmpty => "add to empty",
            Self::AddToFull => "add to 300",
        }
    }
}

/// What one turn saw.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// Which turn.
    pub(crate) round: u32,
    /// Of what.
    pub(crate) work: Work,
    /// Among whose turns.
    pub(crate) beside: Work,
    /// Requests of the measured kinds, answered in a second.
    pub(crate) per_second: f64,
    /// Carts cleared beside them, in a second.
    pub(crate) cleared_per_second: f64,
    /// Answered 503.
    pub(crate) refused: u64,
    /// Milliseconds of the measured kinds; none where nobody looked at a clock.
    pub(crate) latency: Option<Latency>,
    /// Answered in each second.
    pub(crate) each_second: Vec<u64>,
    /// The program that asked, where it was another than this.
    pub(crate) command: Option<String>,
}

/// Milliseconds at quantiles.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// None where the program that asked does not say it.
    pub(crate) p999_ms: Option<f64>,
    pub(crate) max_ms: f64,
    /// `-log10(1 - quantile)` and milliseconds, for plots.
    pub(crate) curve: Vec<(f64, f64)>,
}

/// Points of a curve for each nine of a quantile.
const POINTS_PER_NINE: u32 = 8;
const NINES: u32 = 5;

impl Row {
    /// What a driver recorded of these kinds. A turn with any failure counts for nothing, and is an error.
    pub(crate) fn of(work: Work, round: u32, recording: &Recording, measured: &[usize]) -> Result<Self> {
        let failed = recording.failed();
        ensure!(
            failed == 0,
            "{failed} requests of `{}` failed: the figure would count for nothing",
            work.name()
        );
        let count = |kind: &usize| recording.kinds[*kind].latency_us.len();
        Ok(Self {
            per_second: rate(measured.iter().map(count).sum(), recording.elapsed),
            cleared_per_second: rate(count(&workload::CLEAR), recording.elapsed),
            refused: recording.refused(),
            latency: Latency::of_kinds(recording, measured),
            each_second: recording.seconds.iter().map(|second| second.done).collect(),
            ..Self::bare(work, round, 0.0)
        })
    }

    /// One of which only the rate is known.
    pub(crate) fn bare(work: Work, round: u32, per_second: f64) -> Self {
        let (each_second, command, latency) = (Vec::new(), None, None);
        Self {
            round,
            work,
            beside: work,
            per_second,
            cleared_per_second: 0.0,
            refused: 0,
            latency,
            each_second,
            command,
        }
    }
}

impl Latency {
    /// Over these kinds together.
    pub(crate) fn of_kinds(recording: &Recording, kinds: &[usize]) -> Option<Self> {
        Self::over(kinds.iter().map(|kind| &recording.kinds[*kind].latency_us))
    }

    /// Of histograms of one driver together; none of none.
    pub(crate) fn over<'a>(mut histograms: impl Iterator<Item = &'a Histogram<u64>>) -> Option<Self> {
        let mut all = histograms.next()?.clone();
        // All have the same bounds, so that none can be refused.
        histograms.for_each(|other| _ = all.add(other).ok());
        Some(Self::of(&all))
    }

    /// Of a histogram of microseconds.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| ms(histogram.value_at_quantile(quantile));
        let point = |number: u32| {
            let nines = f64::from(number) / f64::from(POINTS_PER_NINE);
            (nines, at(1.0 - 10_f64.powf(-nines)))
        };
        Self {
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            p999_ms: Some(at(0.999)),
            max_ms: ms(histogram.max()),
            curve: (0..=NINES * POINTS_PER_NINE).map(point).collect(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds far below 2^52")]
fn ms(us: u64) -> f64 {
    us as f64 / 1000.0
}

/// So many in so long, a second.
#[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
pub(crate) fn rate(count: u64, elapsed: Duration) -> f64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}
