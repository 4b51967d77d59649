//! The money that was set aside, by the attempt that asked for it.

use super::rules::Rules;
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What became of the money of every checkout that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purse(BTreeMap<String, Standing>);

/// How one checkout stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What was asked for first; none of a key that was voided before.
    pub asked: Option<i64>,
    /// What is set aside.
    pub authorised: Option<i64>,
    /// True once the shopper did what was required.
    pub has_acted: bool,
    /// True once it was given back; it stays so.
    pub is_void: bool,
    /// How often it was asked for.
    pub authorises: u32,
    /// How often it was given back.
    pub voids: u32,
}

impl Purse {
    /// How a checkout stands.
    pub fn of(&self, checkout: &str) -> Standing {
        self.0.get(checkout).copied().unwrap_or_default()
    }

    /// Checkouts whose money is set aside now, with how much.
    pub fn set_aside(&self) -> BTreeMap<String, i64> {
        let open = self.0.iter().filter_map(|(key, standing)| Some((key.clone(), standing.authorised?)));
        open.collect()
    }

    /// Checkouts that were heard of.
    pub fn known(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    pub(super) fn act(&mut self, checkout: &str) {
        self.0.entry(checkout.to_owned()).or_default().has_acted = true;
    }

    pub(super) fn void(&mut self, checkout: &str) {
        let standing = self.0.entry(checkout.to_owned()).or_default();
        standing.voids += 1;
        (standing.is_void, standing.authorised) = (true, None);
    }

    /// Sets money aside, or says again what was said, or what has become of it.
    pub(super) fn authorise(&mut self, checkout: &str, amount: i64, rules: &Rules) -> (StatusCode, Value) {
        let standing = self.0.entry(checkout.to_owned()).or_default();
        standing.authorises += 1;
        if standing.is_void {
            return (StatusCode::OK, json!({"state": "declined"}));
        }
        if *standing.asked.get_or_insert(amount) != amount {
            return (StatusCode::UNPROCESSABLE_ENTITY, json!({"error": "another total under the same key"}));
        }
        let is_above = |bound: Option<i64>| bound.is_some_and(|bound| amount > bound);
        let state = if standing.authorised.is_some() {
            "authorised"
        } else if is_above(rules.decline_above) {
            "declined"
        } else if is_above(rules.action_above) && !standing.has_acted {
            let action = json!({"type": "redirect", "url": format!("https://pay.example/{checkout}")});
            return (StatusCode::OK, json!({"state": "requires_action", "action": action}));
        } else {
            standing.authorised = Some(amount);
            "authorised"
        };
        (StatusCode::OK, json!({"state": state}))
    }
}
