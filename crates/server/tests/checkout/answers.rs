//! What a hook's answer, or the want of one, is taken for.

use crate::shop::{asking, gbp};
use cart::{
    CartId,
    line::{Line, Sku, Texts},
    money::Money,
};
use checkout::{TxId, effect::Payment};
use data_encoding::BASE64;
use server::{config::checkout::Checkout, hooks};
use service::checkout::hooks::{
    Authorisation, Authorised, Charges, HookError, Payments, PriceLine, PriceRequest,
};
use std::sync::Arc;
use testkit::hooks::{Fault, HookServer, Rules, SECRET};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const TX: TxId = TxId([1; 16]);

fn question(tx: TxId, amount: i64) -> Authorisation {
    Authorisation { tx, cart: CartId([2; 16]), total: Money { amount, currency: gbp() } }
}

fn payments(url: &str, decide: impl FnOnce(&mut Checkout)) -> Arc<dyn Payments> {
    let mut settings = asking(url);
    decide(&mut settings);
    hooks::payments(&settings).unwrap().unwrap()
}

/// An outcome in one word.
fn word(outcome: &Result<Authorised, HookError>) -> &'static str {
    match outcome {
        Ok(Authorised { verdict: Payment::Authorised, .. }) => "authorised",
        Ok(Authorised { verdict: Payment::Declined, .. }) => "declined",
        Ok(Authorised { verdict: Payment::RequiresAction, .. }) => "requires_action",
        Err(HookError::Unavailable(_)) => "unavailable",
        Err(HookError::Unknown(_)) => "unknown",
    }
}

/// Asks a hook that has these faults, as often as there are faults.
async fn check(faults: &[Fault], expected: &str) {
    let server = HookServer::on_any_port(Rules::default()).await.unwrap();
    server.misbehave(faults.iter().copied());
    let never_comes = faults.iter().any(|fault| matches!(fault, Fault::Never | Fault::Late(_)));
    let payments = payments(&server.url(), |settings| {
        settings.hook_attempts = u32::try_from(faults.len()).unwrap();
        settings.hook_timeout_ms = if never_comes { 300 } else { settings.hook_timeout_ms };
    });
    let outcome = payments.authorise(&question(TX, 100)).await;
    assert_eq!(word(&outcome), expected, "{faults:?}: {outcome:?}");
}

#[tokio::test]
async fn an_answer_that_may_follow_a_deed_is_unknown_and_one_that_cannot_is_unavailable() {
    check(&[Fault::None], "authorised").await;
    for fault in
        [Fault::Says(500), Fault::Says(503), Fault::Refuses(502), Fault::Refuses(408), Fault::Refuses(409)]
    {
        check(&[fault], "unknown").await;
    }
    for fault in
        [Fault::Never, Fault::Late(600), Fault::Garbage, Fault::Nonsense, Fault::Twice, Fault::Endless]
    {
        check(&[fault], "unknown").await;
    }
    for status in [400, 401, 402, 404, 422, 429] {
        check(&[Fault::Refuses(status)], "unavailable").await;
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = HookServer::on_any_port(Rules::default()).await.unwrap();
    server.misbehave([Fault::Moved]);
    let payments = payments(&server.url(), |settings| settings.hook_attempts = 1);
    assert_eq!(word(&payments.authorise(&question(TX, 100)).await), "unknown");
    assert_eq!(server.count("payment.authorise"), 1);
}

#[tokio::test]
async fn what_was_once_perhaps_heard_stays_perhaps_heard() {
    check(&[Fault::Garbage, Fault::Refuses(400)], "unknown").await;
    check(&[Fault::Refuses(429), Fault::Refuses(400)], "unavailable").await;
    check(&[Fault::Never, Fault::Refuses(429), Fault::Says(500), Fault::None], "authorised").await;
}

#[tokio::test]
async fn a_status_is_no_verdict_and_a_body_that_contradicts_it_is_none() {
    for (rules, status, expected) in [
        (Rules { decline_above: Some(0), ..Rules::default() }, 402, "declined"),
        (Rules { decline_above: Some(0), ..Rules::default() }, 500, "unknown"),
        (Rules::default(), 402, "unknown"),
        (Rules::default(), 201, "authorised"),
    ] {
        let server = HookServer::on_any_port(rules).await.unwrap();
        server.misbehave([Fault::As(status)]);
        let payments = payments(&server.url(), |settings| settings.hook_attempts = 1);
        assert_eq!(word(&payments.authorise(&question(TX, 100)).await), expected, "{status}");
    }
}

#[tokio::test]
async fn nothing_is_set_aside_twice_and_nothing_after_a_void() {
    let server = HookServer::on_any_port(Rules::default()).await.unwrap();
    let payments = payments(&server.url(), |_| ());
    server.misbehave([Fault::Garbage]);
    assert_eq!(word(&payments.authorise(&question(TX, 100)).await), "authorised");
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!((&asked[0].id, &asked[0].body), (&asked[1].id, &asked[1].body));
    assert_eq!((asked[0].id.as_str(), &asked[0].key), (format!("authorise_{TX}").as_str(), &asked[0].id));
    assert_eq!(server.purse().set_aside(), [(TX.to_string(), 100)].into());
    payments.void(TX).await.unwrap();
    payments.void(TX).await.unwrap();
    assert!(server.purse().set_aside().is_empty());
    let unheard = TxId([9; 16]);
    payments.void(unheard).await.unwrap();
    assert_eq!(word(&payments.authorise(&question(unheard, 100)).await), "declined");
}

#[tokio::test]
async fn a_void_is_done_when_a_2xx_says_so_and_only_then() {
    let server = HookServer::on_any_port(Rules::default()).await.unwrap();
    let payments = payments(&server.url(), |settings| settings.hook_attempts = 1);
    for (fault, is_done) in [
        (Fault::Says(204), true),
        (Fault::Garbage, true),
        (Fault::Says(302), false),
        (Fault::Refuses(404), false),
        (Fault::Says(500), false),
    ] {
        server.misbehave([fault]);
        assert_eq!(payments.void(TX).await.is_ok(), is_done, "{fault:?}");
    }
}

#[tokio::test]
async fn the_shoppers_action_is_handed_on_as_it_is() {
    let server = HookServer::on_any_port(Rules { action_above: Some(50), ..Rules::default() }).await.unwrap();
    let payments = payments(&server.url(), |_| ());
    let asked = payments.authorise(&question(TX, 100)).await.unwrap();
    assert_eq!(asked.verdict, Payment::RequiresAction);
    let expected = format!(r#"{{"type":"redirect","url":"https://pay.example/{TX}"}}"#);
    assert_eq!(asked.action.as_deref(), Some(expected.as_str()));
    server.act(&TX.to_string());
    assert_eq!(word(&payments.authorise(&question(TX, 100)).await), "authorised");
}

#[tokio::test]
async fn a_question_that_nobody_hears_or_believes_is_unavailable() {
    let gone = HookServer::on_any_port(Rules::default()).await.unwrap().url();
    let refused = payments(&gone, |_| ()).authorise(&question(TX, 100)).await;
    assert_eq!(word(&refused), "unavailable", "{refused:?}");
    let server = HookServer::on_any_port(Rules::default()).await.unwrap();
    let forged = format!("whsec_{}", BASE64.encode(&[7; 32]));
    let stranger = payments(&server.url(), |settings| settings.payment_secret = forged.as_str().into());
    assert_eq!(word(&stranger.authorise(&question(TX, 100)).await), "unavailable");
    assert!(server.purse().known().is_empty());
    let both = format!("{forged} {SECRET}");
    let changing = payments(&server.url(), |settings| settings.payment_secret = both.as_str().into());
    assert_eq!(word(&changing.authorise(&question(TX, 100)).await), "authorised");
}

#[tokio::test]
async fn a_hook_that_fails_again_and_again_is_left_alone() {
    let server = HookServer::on_any_port(Rules::default()).await.unwrap();
    server.misbehave([Fault::Says(500); 100]);
    let payments = payments(&server.url(), |settings| settings.hook_attempts = 5);
    for _ in 0..2 {
        assert_eq!(word(&payments.authorise(&question(TX, 100)).await), "unknown");
    }
    for _ in 0..20 {
        payments.authorise(&question(TX, 100)).await.unwrap_err();
    }
    // A slow machine may see a pause end, and each pause lets one question through.
    let asked = server.asked().len();
    assert!((10..20).contains(&asked), "{asked}");
}

#[tokio::test]
async fn a_second_answer_on_a_connection_answers_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut heard = [0; 4096];
            // The question fits one packet; what of it is read does not matter here.
            if connection.read(&mut heard).await.is_ok_and(|bytes| bytes > 0) {
                let said = [r#"{"state":"declined"}"#, r#"{"state":"authorised"}"#];
                let said = said
                    .map(|body| format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
                connection.write_all(said.concat().as_bytes()).await.ok();
            }
            tokio::spawn(async move { connection.read(&mut [0; 1]).await });
        }
    });
    let payments = payments(&url, |_| ());
    for _ in 0..5 {
        assert_eq!(word(&payments.authorise(&question(TX, 100)).await), "declined");
    }
}

#[tokio::test]
async fn prices_are_asked_for_whole_and_their_answers_are_checked() {
    let rules = Rules { tax_percent: 20, shipping: 495, reprices: Some(("B", 90)), ..Rules::default() };
    let server = HookServer::on_any_port(rules).await.unwrap();
    let pricing = hooks::pricing(&asking(&server.url())).unwrap().unwrap();
    let line = |sku: &str, options: Texts, seller| PriceLine {
        line: Arc::new(Line::new(Sku::parse(sku).unwrap(), options, seller).unwrap()),
        quantity: 2,
        unit_price: Money { amount: 100, currency: gbp() },
    };
    let colour = Texts::from([("colour".into(), "white".into())]);
    let request = PriceRequest {
        cart: CartId([2; 16]),
        currency: gbp(),
        lines: vec![line("A", colour, Some("s".into())), line("B", Texts::new(), None)],
        fields: Texts::from([("coupon".into(), "X".into())]),
    };
    let charges = Charges { tax: 76, shipping: 495, unit_prices: vec![None, Some(90)] };
    assert_eq!(pricing.price(&request).await.unwrap(), charges);
    let body = &server.asked()[0].body;
    assert_eq!((body["type"].as_str(), body["currency"].as_str()), (Some("price"), Some("GBP")));
    assert_eq!(body["fields"]["coupon"], "X");
    let first = serde_json::json!({
        "sku": "A", "options": {"colour": "white"}, "seller": "s", "quantity": 2, "unit_price": 100
    });
    assert_eq!(body["lines"][0], first);
    server.misbehave([Fault::Nonsense, Fault::Garbage]);
    pricing.price(&request).await.unwrap_err();
    server.decide(|rules| rules.shipping = -1);
    pricing.price(&request).await.unwrap_err();
}
