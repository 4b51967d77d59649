//! Brings goods back to the order that they came from.
//!
//! Always holds: the key is derived from the cancellation and the order; the answer is compared with all that has come
//! back of that order by then. Deliberately absent: which order goods came from (`returns` of the replay).

use std::collections::BTreeMap;

use super::{Account, Shop, Stopped, note};
use crate::command::replay::returns::PlannedReturn;

/// What became of goods that come back to one order.
pub(in super::super) struct SettledReturn {
    /// The cancellation.
    pub(in super::super) name: String,
    pub(in super::super) units: i64,
    /// In words; empty when the server says what the file says.
    pub(in super::super) differences: Vec<String>,
}

impl Shop {
    /// Takes back what one cancellation brings to one order.
    pub(super) async fn take_back(
        &self,
        planned: PlannedReturn,
        account: &Account,
    ) -> Result<SettledReturn, Stopped> {
        let units = planned.units.values().sum();
        let mut settled = SettledReturn { name: planned.name.clone(), units, differences: Vec::new() };
        let Some(order) = account.orders.get(&planned.of) else {
            settled.differences.push(format!("invoice {} has no order to return to", planned.of));
            return Ok(settled);
        };
        let key = self.named_key("return", &format!("{}-{}", planned.name, planned.of));
        let taken = self.client.take_back(&self.tokens.service, order, &planned.units, key).await;
        if let Some(taken) = note(taken, format_args!(""), &mut settled.differences)? {
            let expected: BTreeMap<String, i64> =
                planned.so_far.iter().map(|(sku, units)| (sku.to_string(), *units)).collect();
            if taken.returned != expected {
                let of = &planned.of;
                settled
                    .differences
                    .push(format!("of invoice {of} {:?} came back, expected {expected:?}", taken.returned));
            }
        }
        Ok(settled)
    }
}
