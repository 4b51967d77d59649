//! Payments for which the shopper must do something first.

use crate::shop::{LATER_MS, PRICE, Shop, Shopper};
use checkout::TxId;
use service::checkout::State;
use testkit::hooks::Rules;

async fn open() -> Shop {
    Shop::open(Rules { action_above: Some(0), ..Rules::default() }).await
}

/// Buys up to the point where the shopper must act.
async fn begin(ann: &Shopper<'_>) -> TxId {
    let begun = ann.buy("k", PRICE).await.unwrap();
    assert_eq!(begun.state, State::RequiresAction);
    let action = begun.action.unwrap();
    assert!(action.contains(&format!("https://pay.example/{}", begun.order.tx)), "{action}");
    begun.order.tx
}

#[tokio::test]
async fn a_shopper_who_acted_has_an_order_when_they_confirm() {
    let shop = open().await;
    let ann = shop.shopper("ann", 1).await;
    let tx = begin(&ann).await;
    assert_eq!(ann.confirm(tx).await.unwrap().state, State::RequiresAction, "not acted yet");
    shop.hooks.act(&tx.to_string());
    assert_eq!(ann.confirm(tx).await.unwrap().state, State::Committed);
    shop.settles(&[tx], LATER_MS).await;
    assert_eq!(shop.stock().await, (0, 1));
}

#[tokio::test]
async fn a_shopper_who_cancels_pays_nothing_whatever_they_do_afterwards() {
    let shop = open().await;
    let ann = shop.shopper("ann", 1).await;
    let tx = begin(&ann).await;
    let cancelled = shop.service().cancel_checkout(&ann.address, tx).await.unwrap();
    assert_eq!(cancelled.state, State::Aborted);
    shop.hooks.act(&tx.to_string());
    assert!(ann.confirm(tx).await.is_err());
    shop.settles(&[], LATER_MS).await;
    assert!(shop.hooks.purse().of(&tx.to_string()).is_void);
    assert_eq!((shop.stock().await, ann.units().await), ((0, 0), 1));
}

#[tokio::test]
async fn a_shopper_who_never_acts_gives_the_stock_back() {
    let shop = open().await;
    let ann = shop.shopper("ann", 1).await;
    let tx = begin(&ann).await;
    assert_eq!(shop.stock().await, (1, 0));
    shop.settles(&[], LATER_MS).await;
    assert!(shop.hooks.purse().of(&tx.to_string()).is_void);
}
