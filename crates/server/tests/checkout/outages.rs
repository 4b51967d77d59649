//! Buying while hooks are away: no order, no money, and nothing stays held.

use crate::shop::{Bought, LATER_MS, PRICE, Shop};
use service::checkout::Refusal;
use testkit::hooks::{Fault, HookServer, Rules};

/// A shop whose hooks are given up on soon.
async fn impatient() -> Shop {
    Shop::with(Rules::default(), |settings| {
        settings.hook_timeout_ms = 250;
        settings.price_url.clear();
    })
    .await
}

fn is_unavailable(bought: &Bought) -> bool {
    matches!(bought, Err(Refusal::Unavailable(_)))
}

#[tokio::test]
async fn money_that_was_set_aside_unheard_is_given_back() {
    for fault in [Fault::Never, Fault::Garbage, Fault::Says(500), Fault::Refuses(400), Fault::Refuses(503)] {
        let shop = impatient().await;
        let ann = shop.shopper("ann", 1).await;
        // A step is tried three times, and each time the hook is asked twice.
        shop.hooks.misbehave([fault; 6]);
        let bought = ann.buy("k", PRICE).await;
        assert!(is_unavailable(&bought), "{fault:?}: {bought:?}");
        shop.settles(&[], LATER_MS).await;
        assert_eq!((shop.stock().await, ann.units().await), ((0, 0), 1), "{fault:?}");
        for checkout in shop.hooks.purse().known() {
            assert!(shop.hooks.purse().of(&checkout).is_void, "{fault:?}");
        }
    }
}

#[tokio::test]
async fn a_void_that_fails_is_repeated_until_it_is_acknowledged() {
    let shop = impatient().await;
    let ann = shop.shopper("ann", 1).await;
    shop.hooks.misbehave([Fault::Garbage; 6].into_iter().chain([Fault::Refuses(500); 8]));
    assert!(is_unavailable(&ann.buy("k", PRICE).await));
    let set_aside = shop.hooks.purse().set_aside();
    assert_eq!(set_aside.len(), 1, "the hook was asked, and refuses to give back: {set_aside:?}");
    shop.settles(&[], LATER_MS).await;
}

#[tokio::test]
async fn a_checkout_that_is_refused_for_want_of_a_hook_goes_through_afterwards() {
    let shop = impatient().await;
    let ann = shop.shopper("ann", 1).await;
    shop.hooks.misbehave([Fault::Refuses(401); 6]);
    assert!(is_unavailable(&ann.buy("k1", PRICE).await));
    let bought = ann.buy("k2", PRICE).await.unwrap();
    shop.settles(&[bought.order.tx], LATER_MS).await;
    assert_eq!(shop.stock().await, (0, 1));
}

#[tokio::test]
async fn a_hook_that_cannot_be_reached_is_told_of_the_void_once_it_can() {
    let gone = HookServer::on_any_port(Rules::default()).await.unwrap().url();
    let shop = Shop::with(Rules::default(), |settings| {
        settings.payment_url = gone;
        settings.price_url.clear();
    })
    .await;
    let ann = shop.shopper("ann", 1).await;
    let Err(Refusal::Unavailable(Some(tx))) = ann.buy("k", PRICE).await else { panic!() };
    // The node that sweeps reaches it.
    shop.settles(&[], LATER_MS).await;
    assert!(shop.hooks.purse().of(&tx.to_string()).is_void);
    assert_eq!(ann.units().await, 1);
}

#[tokio::test]
async fn a_price_hook_that_is_away_stops_the_checkout_before_anything_is_held() {
    let shop = Shop::open(Rules::default()).await;
    let ann = shop.shopper("ann", 1).await;
    shop.hooks.misbehave([Fault::Says(500), Fault::Garbage]);
    assert!(is_unavailable(&ann.buy("k", PRICE).await));
    assert_eq!((shop.hooks.count("price"), shop.hooks.count("payment.authorise")), (2, 0));
    assert_eq!(shop.stock().await, (0, 0));
    let bought = ann.buy("k", PRICE).await.unwrap();
    shop.settles(&[bought.order.tx], LATER_MS).await;
}
