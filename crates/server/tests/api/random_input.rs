//! Random input at every route: refused or taken, and never a fault of ours, a lost server or a half-done change.
//!
//! Seeded: a failure prints its seed, and the same seed makes the same requests.

use crate::harness::{Caller, Reply, Shop, raw};
use rand::{Rng, RngExt, SeedableRng, rngs::SmallRng, seq::IndexedRandom};
use reqwest::Method;
use serde_json::{Map, Value, json};

/// Seeds that run always; the last number is drawn anew in each run.
fn seeds() -> [u64; 4] {
    [1, 2, 3, rand::random()]
}

/// Requests with each seed.
const REQUESTS: usize = 400;

/// A request as it would be right, for a cart that shows a line.
fn right(dice: &mut SmallRng, shown: &Reply) -> (Method, String, Value) {
    let line = shown.path("A");
    let seen = shown.seen("A");
    let id = shown.line("A")["id"].clone();
    let requests = [
        (
            Method::POST,
            "/v1/cart/lines".to_owned(),
            json!({"sku": "A", "quantity": 2, "options": {"size": "L"}}),
        ),
        (Method::PUT, line.clone(), json!({"quantity": 5, "seen": seen})),
        (Method::DELETE, format!("{line}?seen={seen}"), Value::Null),
        (Method::POST, format!("{line}/move"), json!({"to": "saved", "seen": seen})),
        (Method::DELETE, format!("/v1/cart?seen={}", shown.seen_whole()), Value::Null),
        (
            Method::PATCH,
            "/v1/cart".to_owned(),
            json!({"ops": [
                {"op": "add", "sku": "B", "quantity": 1, "attributes": {"note": "x"}},
                {"op": "set", "line": id, "quantity": 5, "seen": seen},
                {"op": "move", "line": id, "to": "saved"},
                {"op": "annotate", "fields": {"note": "x", "email": null}},
                {"op": "clear", "list": "cart", "seen": shown.seen_whole()},
            ]}),
        ),
        (Method::POST, "/v1/sessions".to_owned(), json!({})),
        (Method::POST, "/v1/sessions/claim".to_owned(), json!({"guest_token": "g1.x", "policy": "sum"})),
        (Method::POST, "/v1/sessions/claim/m_AAAAAAAAAAAAAAAAAAAAAA/undo".to_owned(), json!({})),
        (Method::PUT, "/v1/catalog/items".to_owned(), json!({"sku": "A", "title": "x"})),
        (Method::GET, "/v1/cart".to_owned(), Value::Null),
        (
            Method::PUT,
            "/v1/cart".to_owned(),
            json!({"lines": [{"sku": "A", "quantity": 3}, {"sku": "B", "quantity": 1}], "seen": shown.seen_whole()}),
        ),
        (Method::GET, "/v1/carts?limit=5".to_owned(), Value::Null),
        (Method::GET, "/v1/carts?sku=A".to_owned(), Value::Null),
        (Method::GET, format!("/v1/carts/{}/entries", shown.id()), Value::Null),
        (Method::GET, "/v1/catalog/items?limit=5".to_owned(), Value::Null),
        (Method::GET, "/v1/subjects/somebody".to_owned(), Value::Null),
        (Method::DELETE, "/v1/subjects/somebody".to_owned(), Value::Null),
        (Method::GET, "/v1/admin/carts?limit=5".to_owned(), Value::Null),
        (
            Method::POST,
            "/v1/admin/carts".to_owned(),
            json!({"id": shown.id(), "state": "AAAA", "digest": "0"}),
        ),
        (Method::POST, "/v1/admin/tokens/0123456789abcdef/revocation".to_owned(), json!({})),
        (Method::GET, format!("/v1/carts/{}", shown.id()), Value::Null),
    ];
    requests.choose(dice).unwrap().clone()
}

/// A value that somebody might send in the place of another.
fn odd(dice: &mut SmallRng) -> Value {
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1.5),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e300),
        json!(""),
        json!("A"),
        json!("x".repeat(5_000)),
        json!("\u{0}\u{1f}\u{7f}\u{202e}\u{fffd}😀"),
        json!("'; DROP TABLE carts; --"),
        json!("../../../../etc/passwd"),
        json!("{{7*7}}${jndi:ldap://x}"),
        json!([]),
        json!({}),
        json!([[[[[[]]]]]]),
        json!({"amount": 1, "currency": "GBP"}),
        json!({"__proto__": {"admin": true}}),
    ];
    odd.choose(dice).unwrap().clone()
}

/// Changes something in a value, anywhere inside.
fn mutate(value: &mut Value, dice: &mut SmallRng) {
    let inside = dice.random_bool(0.7);
    match value {
        Value::Object(members) if !members.is_empty() && inside => {
            let name = members.keys().nth(dice.random_range(0..members.len())).unwrap().clone();
            match dice.random_range(0..5) {
                0 => drop(members.remove(&name)),
                1 => drop(members.insert(format!("{name}?"), odd(dice))),
                2 => drop(members.insert("price".to_owned(), json!({"amount": 1, "currency": "GBP"}))),
                _ => mutate(members.get_mut(&name).unwrap(), dice),
            }
        }
        Value::Array(values) if !values.is_empty() && inside => {
            let at = dice.random_range(0..values.len());
            match dice.random_range(0..4) {
                0 => drop(values.remove(at)),
                1 => values.push(odd(dice)),
                _ => mutate(&mut values[at], dice),
            }
        }
        other => *other = odd(dice),
    }
}

/// Flips, cuts and repeats bytes.
fn spoil(bytes: &mut Vec<u8>, dice: &mut SmallRng) {
    for _ in 0..dice.random_range(1..4) {
        let at = dice.random_range(0..=bytes.len());
        match dice.random_range(0..4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, dice.random()),
            2 => bytes.splice(at..at, *b"\"}],:{[\\u0000").for_each(drop),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = dice.random();
                }
            }
        }
    }
}

/// A path that is nearly right: characters that a path can have, in places where they are not expected.
fn bend(path: &str, dice: &mut SmallRng) -> String {
    let mut path: Vec<char> = path.chars().collect();
    let at = dice.random_range(1..=path.len());
    let odd =
        ["%00", "%ff", "%2F", "..", "//", ";", "?", "&name=", "%", "l_", "😀", "%F0%9F%98%80", "=", "+"];
    let odd = *odd.choose(dice).unwrap();
    if dice.random_bool(0.3) {
        path.truncate(at);
    }
    let at = at.min(path.len());
    path.splice(at..at, odd.chars()).for_each(drop);
    path.into_iter().collect()
}

/// A header that is read somewhere, with a value that is mostly none.
fn bad_header(dice: &mut SmallRng) -> (&'static str, Vec<u8>) {
    let names = [
        "idempotency-key",
        "evercart-op",
        "evercart-cart",
        "evercart-context",
        "evercart-atomic",
        "evercart-ack",
        "evercart-receipt",
        "if-match",
        "if-none-match",
        "prefer",
        "content-type",
        "cookie",
        "origin",
        "sec-fetch-site",
        "traceparent",
        "x-request-id",
        "x-forwarded-for",
        "content-encoding",
        "range",
    ];
    let length = dice.random_range(0..60);
    let visible =
        |dice: &mut SmallRng| if dice.random_bool(0.1) { b'\xe9' } else { dice.random_range(b' '..b'~') };
    let value = (0..length).map(|_| visible(dice)).collect();
    (names.choose(dice).unwrap(), value)
}

/// Sends one request of a seed.
async fn send(caller: &Caller, shown: &Reply, dice: &mut SmallRng) -> (String, Reply) {
    let (method, mut path, mut body) = right(dice, shown);
    if dice.random_bool(0.3) {
        path = bend(&path, dice);
    }
    if dice.random_bool(0.5) {
        mutate(&mut body, dice);
    }
    let mut bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    match dice.random_range(0..4) {
        0 => spoil(&mut bytes, dice),
        1 if dice.random_bool(0.3) => {
            bytes = vec![0; dice.random_range(0..2_000)];
            dice.fill_bytes(&mut bytes);
        }
        _ => {}
    }
    let said = format!("{method} {path} {}", String::from_utf8_lossy(&bytes));
    let is_lines = path.contains("catalog") || path.contains("admin/carts");
    let kind = if is_lines { "application/x-ndjson" } else { "application/json" };
    let mut request = caller.ask(method, &path).header("content-type", kind);
    if dice.random_bool(0.3) {
        let (name, value) = bad_header(dice);
        request = request.header_bytes(name, &value);
    }
    (said, request.bytes(bytes).await)
}

async fn check(seed: u64, guest: &Caller, callers: &[Caller]) {
    let mut dice = SmallRng::seed_from_u64(seed);
    let mut taken = 0;
    for number in 0..REQUESTS {
        let mut shown = guest.cart().await;
        if shown.cart()["lines"].as_array().is_none_or(|lines| lines.iter().all(|line| line["sku"] != "A")) {
            shown = guest.add("A", 1).await;
        }
        let caller = callers.choose(&mut dice).unwrap();
        let (said, answer) = send(caller, &shown, &mut dice).await;
        assert!(answer.status < 500, "seed {seed}, request {number}: {said}\n{}", answer.text);
        if answer.status >= 400 {
            let after = guest.cart().await.etag();
            let told = format!("seed {seed}, request {number}: refused, and yet {said}\n{}", answer.text);
            assert_eq!(after, shown.etag(), "{told}");
        } else {
            taken += 1;
        }
    }
    assert!((REQUESTS / 20..REQUESTS / 2).contains(&taken), "seed {seed}: {taken} taken: dull dice");
}

#[tokio::test(flavor = "multi_thread")]
async fn random_requests_never_find_a_fault_and_change_nothing_when_refused() {
    let shop = Shop::open();
    let checking = seeds().map(|seed| {
        let shop = shop.clone();
        tokio::spawn(async move {
            let guest = shop.guest().await;
            let browser = shop.nobody().with("cookie", &format!("evercart_session={}", guest.token()));
            let page = browser.with("sec-fetch-site", "same-origin");
            // Often the guest; else somebody who must not, or may, reach other things.
            // Not the catalogue: other seeds look at the same items.
            let services = shop.service(&["carts", "subjects", "admin"]);
            let others = [page, browser, shop.nobody(), shop.account(&shop.unique("ann")), services];
            let callers: Vec<Caller> = vec![guest.clone(); 5].into_iter().chain(others).collect();
            check(seed, &guest, &callers).await;
        })
    });
    for checked in checking {
        checked.await.unwrap();
    }
}

#[tokio::test]
async fn bytes_that_are_no_request_harm_nobody() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let tag = guest.add("A", 1).await.etag();
    for seed in seeds() {
        let mut dice = SmallRng::seed_from_u64(seed);
        for _ in 0..100 {
            let mut bytes = format!(
                "POST /v1/cart/lines HTTP/1.1\r\nhost: shop\r\nauthorization: Bearer {}\r\n\
                 content-type: application/json\r\ncontent-length: 26\r\n\r\n{{\"sku\":\"A\",\"quantity\":01}}\n",
                guest.token()
            )
            .into_bytes();
            let end = dice.random_range(0..bytes.len());
            match dice.random_range(0..3) {
                0 => dice.fill_bytes(&mut bytes),
                1 => bytes.truncate(end),
                _ => spoil(&mut bytes, &mut dice),
            }
            raw::abandon(shop.address(), &bytes).await;
        }
    }
    assert_eq!(guest.cart().await.etag(), tag);
}

#[tokio::test]
async fn random_bytes_in_place_of_tokens_are_told_from_genuine_ones() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let shown = guest.add("A", 1).await;
    let genuine = shown.seen("A").as_bytes();
    let mut dice = SmallRng::seed_from_u64(7);
    for _ in 0..300 {
        let mut forged = genuine.to_vec();
        let at = dice.random_range(0..forged.len());
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        forged[at] = *alphabet.choose(&mut dice).unwrap();
        if forged == genuine {
            continue;
        }
        let seen = String::from_utf8(forged).unwrap();
        let body = Map::from_iter([("quantity".to_owned(), json!(9)), ("seen".to_owned(), json!(seen))]);
        guest.put(&shown.path("A"), body.into()).await.is_problem(422, "bad_seen");
    }
    assert_eq!(guest.shows().await, "A 1");
}
