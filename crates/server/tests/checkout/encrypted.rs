//! Hooks over HTTPS: asked where the certificate is that of the host and by an authority that is trusted, and nowhere else.

use crate::{
    shop::{LATER_MS, PRICE, Shop},
    tls::{Authority, Certificate, Cut, Front},
};
use rustls::AlertDescription;
use service::checkout::Refusal;
use testkit::hooks::Rules;

const HOST: &str = "localhost";
/// A step is tried three times, and each time the hook is asked twice.
const ASKED: usize = 6;

/// Which hooks are asked over HTTPS; there is no other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    Payment,
    Price,
    Both,
}

/// A shop that trusts an authority, or those of the system, and the front of its program.
async fn shop(over: Over, trusted: Option<&Authority>, shown: Certificate, cut: Cut) -> (Shop, Front) {
    let mut front = None;
    let rules = Rules { shipping: 495, ..Rules::default() };
    let shop = Shop::with(rules, |settings| {
        let url = front.insert(Front::open(shown, &settings.payment_url, cut)).url();
        settings.payment_url = if over == Over::Price { String::new() } else { url.clone() };
        settings.price_url = if over == Over::Payment { String::new() } else { url };
        settings.hook_ca_file = trusted.map(|trusted| trusted.file().to_owned()).unwrap_or_default();
    });
    (shop.await, front.unwrap())
}

/// Buys in vain: nothing is sold, held or set aside, and the cart is what it was.
async fn fails(shop: &Shop) {
    let ann = shop.shopper("ann", 2).await;
    let bought = ann.buy("k", 2 * PRICE).await;
    assert!(matches!(bought, Err(Refusal::Unavailable(Some(_)))), "{bought:?}");
    shop.settles(&[], LATER_MS).await;
    assert_eq!((shop.stock().await, ann.units().await), ((0, 0), 2));
    let purse = shop.hooks.purse();
    assert!(purse.known().iter().all(|checkout| purse.of(checkout).is_void), "{purse:?}");
}

#[tokio::test]
async fn a_checkout_with_prices_and_payment_over_https_completes() {
    let authority = Authority::named("the shop's own");
    let (shop, front) = shop(Over::Both, Some(&authority), authority.certificate(HOST), Cut::default()).await;
    let ann = shop.shopper("ann", 2).await;
    let bought = ann.buy("k", 2 * PRICE + 495).await.unwrap();
    shop.settles(&[bought.order.tx], 0).await;
    assert_eq!((shop.stock().await, ann.units().await), ((0, 2), 0));
    assert_eq!((shop.hooks.count("price"), shop.hooks.count("payment.authorise")), (1, 1));
    assert_eq!(front.alerts(0).await, []);
}

#[tokio::test]
async fn a_certificate_that_proves_nothing_is_asked_nothing() {
    let trusted = Authority::named("the shop's own");
    let (stranger, namesake) = (Authority::named("a stranger's"), Authority::named("the shop's own"));
    for (shown, alert) in [
        (stranger.certificate(HOST), AlertDescription::UnknownCA),
        (namesake.certificate(HOST), AlertDescription::DecryptError),
        (trusted.certificate("pay.example"), AlertDescription::BadCertificate),
        // Where the hook is, but not what it is called.
        (trusted.certificate("127.0.0.1"), AlertDescription::BadCertificate),
        (trusted.certificate_until(HOST, 2_021), AlertDescription::CertificateExpired),
    ] {
        let (shop, front) = shop(Over::Payment, Some(&trusted), shown, Cut::default()).await;
        fails(&shop).await;
        let alerts = front.alerts(ASKED).await;
        assert!(alerts.iter().all(|told| *told == alert), "{alert:?}: {alerts:?}");
        assert_eq!(shop.hooks.count("payment.authorise"), 0, "{alert:?}");
    }
}

#[tokio::test]
async fn an_authority_that_nobody_named_is_not_trusted() {
    let authority = Authority::named("the shop's own");
    let (shop, front) = shop(Over::Payment, None, authority.certificate(HOST), Cut::default()).await;
    fails(&shop).await;
    front.alerts(ASKED).await;
    assert_eq!(shop.hooks.count("payment.authorise"), 0);
}

#[tokio::test]
async fn a_program_that_speaks_no_tls_at_its_https_url_is_asked_nothing() {
    let authority = Authority::named("the shop's own");
    let shop = Shop::with(Rules::default(), |settings| {
        settings.payment_url = settings.payment_url.replace("http:", "https:");
        settings.price_url.clear();
        settings.hook_ca_file = authority.file().to_owned();
    })
    .await;
    fails(&shop).await;
    assert_eq!(shop.hooks.count("payment.authorise"), 0);
}

#[tokio::test]
async fn prices_are_not_asked_of_a_stranger_and_nothing_is_claimed() {
    let (trusted, stranger) = (Authority::named("the shop's own"), Authority::named("a stranger's"));
    let shown = stranger.certificate(HOST);
    let (shop, front) = shop(Over::Price, Some(&trusted), shown, Cut::default()).await;
    let ann = shop.shopper("ann", 1).await;
    assert_eq!(ann.buy("k", PRICE).await.unwrap_err(), Refusal::Unavailable(None));
    assert_eq!((shop.stock().await, ann.units().await, shop.hooks.asked()), ((0, 0), 1, vec![]));
    assert_eq!(front.alerts(2).await, [AlertDescription::UnknownCA; 2]);
}

#[tokio::test]
async fn money_of_an_answer_that_was_cut_off_is_given_back() {
    let authority = Authority::named("the shop's own");
    // In its head, and within the word that says what was decided; with its end told by TLS, and without.
    for (kept_back, is_told) in [(40, true), (40, false), (5, true), (5, false)] {
        let cut = Cut { connections: usize::MAX, kept_back, is_told };
        let (shop, front) = shop(Over::Payment, Some(&authority), authority.certificate(HOST), cut).await;
        fails(&shop).await;
        assert_eq!(shop.hooks.count("payment.authorise"), ASKED, "{cut:?}");
        assert_eq!(front.alerts(0).await, []);
    }
}

#[tokio::test]
async fn an_answer_that_was_cut_off_is_asked_for_again_and_sets_money_aside_once() {
    let authority = Authority::named("the shop's own");
    let cut = Cut { connections: 1, kept_back: 1, is_told: false };
    let (shop, _front) = shop(Over::Payment, Some(&authority), authority.certificate(HOST), cut).await;
    let ann = shop.shopper("ann", 1).await;
    let bought = ann.buy("k", PRICE).await.unwrap();
    shop.settles(&[bought.order.tx], 0).await;
    let keys: Vec<String> = shop.hooks.asked().into_iter().map(|asked| asked.key).collect();
    assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");
    assert_eq!((shop.stock().await, ann.units().await), ((0, 1), 0));
}
