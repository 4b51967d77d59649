//! What operators pay for: capacity units by operation, as the service counts them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::types::ConsumedCapacity;

/// Capacity units (read and write units alike) that operations consumed. A conditional write that is refused costs as
/// much as one that is applied, and is not counted: the service does not say so with its refusal.
pub const CONSUMED_CAPACITY: &str = "evercart_dynamodb_consumed_capacity_units_total";

/// An operation, as the label of the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    CartLoad,
    CartReplace,
    CartRemove,
    CartScan,
    DeltaAppend,
    DeltaFind,
    DeltaRemove,
    OwnerList,
    OwnerRegister,
    RecordRead,
    RecordWrite,
    RecordRemove,
    RecordDue,
    ItemPut,
    ItemGet,
    ItemList,
}

impl Operation {
    const ALL: [Self; 16] = [
        Self::CartLoad,
        Self::CartReplace,
        Self::CartRemove,
        Self::CartScan,
        Self::DeltaAppend,
        Self::DeltaFind,
        Self::DeltaRemove,
        Self::OwnerList,
        Self::OwnerRegister,
        Self::RecordRead,
        Self::RecordWrite,
        Self::RecordRemove,
        Self::RecordDue,
        Self::ItemPut,
        Self::ItemGet,
        Self::ItemList,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::CartLoad => "cart_load",
            Self::CartReplace => "cart_replace",
            Self::CartRemove => "cart_remove",
            Self::CartScan => "cart_scan",
            Self::DeltaAppend => "delta_append",
            Self::DeltaFind => "delta_find",
            Self::DeltaRemove => "delta_remove",
            Self::OwnerList => "owner_list",
            Self::OwnerRegister => "owner_register",
            Self::RecordRead => "record_read",
            Self::RecordWrite => "record_write",
            Self::RecordRemove => "record_remove",
            Self::RecordDue => "record_due",
            Self::ItemPut => "item_put",
            Self::ItemGet => "item_get",
            Self::ItemList => "item_list",
        }
    }
}

/// Adds capacity up. The service counts in halves and a counter in wholes: what is left of a unit waits here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    halves: Arc<[AtomicU64; Operation::ALL.len()]>,
}

impl Meter {
    /// What one answer says that it cost.
    pub(crate) fn count<'a>(
        &self,
        operation: Operation,
        consumed: impl IntoIterator<Item = &'a ConsumedCapacity>,
    ) {
        let units: f64 = consumed.into_iter().filter_map(ConsumedCapacity::capacity_units).sum();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive number"
        )]
        let halves = (units * 2.0).round().max(0.0) as u64;
        let Some(sum) = self.halves.get(operation as usize) else { return };
        let before = sum.fetch_add(halves, Ordering::Relaxed);
        let whole = (before + halves) / 2 - before / 2;
        if whole > 0 {
            metrics::counter!(CONSUMED_CAPACITY, "operation" => operation.as_str()).increment(whole);
        }
    }

    /// All that was counted so far, by operation, in units.
    pub(crate) fn totals(&self) -> Vec<(&'static str, f64)> {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let units =
            |operation: Operation| self.halves[operation as usize].load(Ordering::Relaxed) as f64 / 2.0;
        Operation::ALL.into_iter().map(|operation| (operation.as_str(), units(operation))).collect()
    }
}

#[cfg(test)]
mod tests {
    use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

    use super::*;

    /// Adds up what is counted, under whatever label.
    #[derive(Default)]
    struct Sum(Arc<AtomicU64>);

    impl Recorder for Sum {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            assert_eq!(key.name(), CONSUMED_CAPACITY);
            Counter::from_arc(Arc::clone(&self.0))
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[test]
    fn halves_add_up_to_whole_units_and_none_is_lost() {
        let (sum, meter) = (Sum::default(), Meter::default());
        metrics::with_local_recorder(&sum, || {
            for units in [0.5, 0.5, 1.0, 2.5, 0.5, 0.5] {
                let consumed = ConsumedCapacity::builder().capacity_units(units).build();
                meter.clone().count(Operation::CartLoad, [&consumed]);
            }
        });
        assert_eq!(sum.0.load(Ordering::Relaxed), 5, "half a unit waits for its other half");
        assert_eq!(meter.totals()[0], ("cart_load", 5.5));
    }
}
