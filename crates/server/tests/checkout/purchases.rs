//! Buying with hooks that answer, sooner or later.

use crate::shop::{LATER_MS, PRICE, Shop};
use service::checkout::{Refusal, State};
use testkit::hooks::{Fault, Rules};

const RULES: Rules =
    Rules { decline_above: None, action_above: None, tax_percent: 20, shipping: 495, reprices: None };

#[tokio::test]
async fn an_order_is_paid_with_tax_and_shipping() {
    let shop = Shop::open(RULES).await;
    let ann = shop.shopper("ann", 2).await;
    let total = 2 * PRICE + 2 * PRICE / 5 + 495;
    let bought = ann.buy("k", total).await.unwrap();
    assert_eq!(bought.state, State::Committed);
    let totals = bought.order.totals;
    assert_eq!((totals.subtotal, totals.tax, totals.shipping, totals.total), (2 * PRICE, 400, 495, total));
    let again = ann.buy("k", total).await.unwrap();
    assert!(again.is_replayed && again.order.tx == bought.order.tx);
    assert_eq!(shop.hooks.purse().of(&bought.order.tx.to_string()).authorised, Some(total));
    assert_eq!(shop.hooks.count("payment.authorise"), 1);
    shop.settles(&[bought.order.tx], LATER_MS).await;
    assert_eq!((shop.stock().await, ann.units().await), ((0, 2), 0));
}

#[tokio::test]
async fn a_total_without_its_tax_is_refused_before_money_is_asked_for() {
    let shop = Shop::open(RULES).await;
    let ann = shop.shopper("ann", 1).await;
    let Err(Refusal::PriceChanged { total, tax, shipping }) = ann.buy("k", PRICE).await else { panic!() };
    assert_eq!((total.amount, tax, shipping), (PRICE + 200 + 495, 200, 495));
    assert_eq!(shop.hooks.count("payment.authorise"), 0);
    shop.settles(&[], LATER_MS).await;
}

#[tokio::test]
async fn the_shops_own_price_of_a_line_is_what_is_paid() {
    let shop = Shop::open(Rules { reprices: Some(("A", 800)), ..Rules::default() }).await;
    let ann = shop.shopper("ann", 2).await;
    ann.add("B", 1).await;
    let bought = ann.buy("k", 1_600 + PRICE).await.unwrap();
    assert_eq!(bought.order.totals.total, 1_600 + PRICE);
    shop.settles(&[bought.order.tx], LATER_MS).await;
}

#[tokio::test]
async fn a_declined_payment_leaves_cart_and_stock_as_they_were() {
    let shop = Shop::open(Rules { decline_above: Some(PRICE), ..Rules::default() }).await;
    let ann = shop.shopper("ann", 2).await;
    let Err(Refusal::Declined(tx)) = ann.buy("k", 2 * PRICE).await else { panic!() };
    shop.settles(&[], LATER_MS).await;
    assert!(shop.hooks.purse().of(&tx.to_string()).is_void);
    assert_eq!((shop.stock().await, ann.units().await), ((0, 0), 2));
}

#[tokio::test]
async fn one_bad_answer_costs_a_moment_and_no_order() {
    for fault in [
        Fault::Never,
        Fault::Late(3_000),
        Fault::Garbage,
        Fault::Nonsense,
        Fault::Twice,
        Fault::Endless,
        Fault::Says(500),
        Fault::Refuses(503),
        Fault::Refuses(429),
        Fault::Moved,
        Fault::As(402),
    ] {
        let shop = Shop::with(Rules::default(), |settings| {
            settings.hook_timeout_ms = 1_500;
            settings.price_url.clear();
        })
        .await;
        let ann = shop.shopper("ann", 1).await;
        shop.hooks.misbehave([fault]);
        let bought = ann.buy("k", PRICE).await;
        let tx = bought.unwrap_or_else(|refusal| panic!("{fault:?}: {refusal:?}")).order.tx;
        assert_eq!(shop.hooks.purse().known(), [tx.to_string()], "{fault:?}");
        shop.settles(&[tx], LATER_MS).await;
        assert_eq!(shop.stock().await, (0, 1), "{fault:?}");
    }
}

#[tokio::test]
async fn without_hooks_nothing_is_paid_and_nothing_is_asked() {
    let shop = Shop::with(RULES, |settings| {
        settings.payment_url.clear();
        settings.price_url.clear();
    })
    .await;
    let ann = shop.shopper("ann", 1).await;
    assert_eq!(ann.buy("k", PRICE).await.unwrap().state, State::Committed);
    assert!(shop.hooks.asked().is_empty());
}
