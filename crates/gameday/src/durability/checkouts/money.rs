//! The shop's own program that authorises payments, and what must hold of the money in the end (K6).
//!
//! It outlives the server that is killed, as the shop's would, so what it set aside is an independent record.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use testkit::hooks::{HookServer, Rules, SECRET};

use super::super::shop::Shop;

/// Of the dearest baskets some are declined.
const DECLINE_ABOVE: i64 = 2_000;

/// All that is set aside.
pub(super) struct Money {
    hooks: HookServer,
}

impl Money {
    /// A program that answers, and the shop that asks it.
    pub(super) async fn asked_by(shop: Shop) -> Result<(Self, Shop)> {
        let rules = Rules { decline_above: Some(DECLINE_ABOVE), ..Rules::default() };
        let hooks = HookServer::on_any_port(rules).await.context("the payment hook cannot listen")?;
        let shop = shop.with("EVERCART_CHECKOUT__PAYMENT_URL", hooks.url());
        let shop = shop.with("EVERCART_CHECKOUT__PAYMENT_SECRET", SECRET);
        Ok((Self { hooks }, shop))
    }

    /// Payments that were asked for, and those of them that were given back.
    pub(super) fn counted(&self) -> (u64, u64) {
        let purse = self.hooks.purse();
        let known = purse.known();
        let void = known.iter().filter(|key| purse.of(key).is_void).count();
        (known.len() as u64, void as u64)
    }

    /// What is wrong with the money, where these orders are all that there are, with their totals.
    pub(super) fn judge(&self, totals: &BTreeMap<String, i64>) -> Vec<String> {
        compare(&self.hooks.purse().set_aside(), totals)
    }
}

/// Money is set aside for orders and for nothing else, and for each as much as it costs.
fn compare(set_aside: &BTreeMap<String, i64>, totals: &BTreeMap<String, i64>) -> Vec<String> {
    let mut findings = Vec::new();
    for (checkout, amount) in set_aside {
        match totals.get(checkout) {
            None => findings.push(format!("{amount} are set aside for {checkout}, which is no order")),
            Some(total) if total != amount => {
                findings.push(format!("{amount} are set aside for {checkout}, which costs {total}"));
            }
            Some(_) => {}
        }
    }
    let unpaid = totals.keys().filter(|order| !set_aside.contains_key(*order));
    findings.extend(unpaid.map(|order| format!("the order {order} is not paid")));
    findings
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::compare;

    fn amounts(of: &[(&str, i64)]) -> BTreeMap<String, i64> {
        of.iter().map(|(name, amount)| ((*name).to_owned(), *amount)).collect()
    }

    #[test]
    fn money_without_an_order_an_order_without_money_and_another_amount_are_found() {
        let orders = amounts(&[("a", 100), ("b", 200)]);
        assert!(compare(&orders, &orders).is_empty());
        let found = compare(&amounts(&[("b", 201), ("c", 7)]), &orders);
        let expected = ["201 are set aside for b", "7 are set aside for c", "a is not paid"];
        assert!(expected.iter().zip(&found).all(|(part, found)| found.contains(part)), "{found:?}");
    }
}
