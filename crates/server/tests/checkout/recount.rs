//! After a restore the server takes no checkouts until somebody has counted.

use crate::shop::{PRICE, Shop};
use server::wiring::incarnation;
use service::checkout::{Refusal, State};
use testkit::hooks::Rules;

#[tokio::test]
async fn a_restored_store_sells_nothing_before_it_was_counted() {
    let shop = Shop::open(Rules::default()).await;
    shop.somebody("ann").add("B", 1).await;
    incarnation::renew(&*shop.service().stores().linear, incarnation::FIRST).await.unwrap();
    let shop = shop.restart().await;
    let refused = shop.somebody("ann").buy("k", PRICE).await;
    assert_eq!(refused.unwrap_err(), Refusal::Unavailable(None));
    assert!(shop.hooks.asked().is_empty());
    shop.service().counted().await.unwrap();
    let shop = shop.restart().await;
    let bought = shop.somebody("ann").buy("k", PRICE).await.unwrap();
    assert_eq!((bought.state, bought.order.totals.total), (State::Committed, PRICE));
}
