//! Requests and answers as they are, one file for each resource: a change of a shape shows as a change of a file.
//!
//! What differs from run to run (tokens, ids of carts, times, tags) is left out; ids of lines follow from the item.

use crate::harness::{Caller, Reply, Shop};
use reqwest::Method;
use serde_json::{Value, json};

/// Headers that are part of a shape, in this order.
const HEADERS: [&str; 14] = [
    "content-type",
    "cache-control",
    "etag",
    "evercart-region",
    "evercart-durability",
    "evercart-context",
    "evercart-session",
    "set-cookie",
    "idempotent-replayed",
    "allow",
    "www-authenticate",
    "retry-after",
    "ratelimit-policy",
    "x-request-id",
];

/// Exchanges of one resource, written down.
#[derive(Default)]
struct Book(String);

impl Book {
    async fn ask(&mut self, caller: &Caller, method: Method, path: &str, body: Option<Value>) -> Reply {
        let line = format!("{method} {}", plain(path));
        let request = caller.ask(method, path);
        let (request, sent) = match body {
            None => (request, String::new()),
            Some(body) => (request.json(&body), pretty(&body) + "\n"),
        };
        self.note(&line, &sent, request.await)
    }

    fn note(&mut self, line: &str, sent: &str, reply: Reply) -> Reply {
        let mut text = format!("{line}\n{sent}\n{}\n", reply.status);
        for name in HEADERS {
            for value in reply.headers.get_all(name) {
                text.push_str(&format!("{name}: {}\n", header(name, value.to_str().unwrap())));
            }
        }
        if reply.body.is_null() {
            let lines = reply
                .text
                .lines()
                .map(|line| serde_json::from_str(line).map_or(line.to_owned(), |line| pretty(&line)));
            lines.for_each(|line| text.push_str(&format!("{line}\n")));
        } else {
            text.push_str(&format!("{}\n", pretty(&reply.body)));
        }
        let rule = if self.0.is_empty() { "" } else { "\n────────\n\n" };
        self.0.push_str(&format!("{rule}{text}"));
        reply
    }
}

/// JSON without what differs from run to run.
fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(&same(value, "")).unwrap()
}

fn same(value: &Value, name: &str) -> Value {
    match value {
        Value::String(_) if ["seen", "request_id", "incident"].contains(&name) => json!(format!("<{name}>")),
        Value::String(text) => json!(plain(text)),
        Value::Array(values) => values.iter().map(|value| same(value, name)).collect(),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), same(value, name)));
            Value::Object(members.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// A text without ids of carts and merges, guest tokens and times, also inside of a path.
fn plain(text: &str) -> String {
    if text.parse::<jiff::Timestamp>().is_ok() {
        return "<time>".to_owned();
    }
    let part = |part: &str| match part {
        part if part.starts_with("g1.") => "<guest token>".to_owned(),
        part if part.starts_with("c_") => "<cart>".to_owned(),
        part if part.starts_with("m_") => "<merge>".to_owned(),
        part if part.len() > 80 => "<seen>".to_owned(),
        part => part.to_owned(),
    };
    let in_path = |text: &str| text.split('/').map(part).collect::<Vec<_>>().join("/");
    match text.split_once("?seen=") {
        Some((path, _)) => format!("{}?seen=<seen>", in_path(path)),
        None => in_path(text),
    }
}

fn header(name: &str, value: &str) -> String {
    match name {
        "etag" | "evercart-context" | "evercart-session" | "x-request-id" => format!("<{name}>"),
        "set-cookie" => {
            let (_, attributes) = value.split_once("; ").unwrap();
            format!("evercart_session=<guest token>; {attributes}")
        }
        _ => value.to_owned(),
    }
}

/// A shop of one's own: what it sells, and for how much, is part of the shapes.
async fn shop() -> Shop {
    let shop = Shop::with(|_| ());
    let tea = json!({
        "sku": "TEA", "title": "Earl Grey", "price": {"amount": 255, "currency": "GBP"}, "revision": 1, "max": 3,
        "image": "https://shop.example/tea.png", "url": "https://shop.example/tea", "attributes": {"origin": "Assam"},
    });
    shop.put_items(&[tea]).await;
    shop
}

#[tokio::test]
async fn sessions() {
    let (shop, mut book) = (shop().await, Book::default());
    let opened = book.ask(&shop.nobody(), Method::POST, "/v1/sessions", Some(json!({}))).await.is(201);
    let guest = shop.holder(opened.body["token"].as_str().unwrap());
    guest.add("TEA", 2).await;
    guest.add("A", 1).await;
    let ann = shop.account("ann");
    ann.add("TEA", 1).await;
    let body = |dry_run| json!({"guest_token": guest.token(), "policy": "max", "dry_run": dry_run});
    book.ask(&ann, Method::POST, "/v1/sessions/claim", Some(body(true))).await.is(200);
    let claimed = book.ask(&ann, Method::POST, "/v1/sessions/claim", Some(body(false))).await.is(200);
    let undo = format!("/v1/sessions/claim/{}/undo", claimed.body["merge"]["id"].as_str().unwrap());
    book.ask(&ann, Method::POST, &undo, None).await.is(200);
    book.ask(&guest, Method::GET, "/v1/cart", None).await.is(200);
    book.ask(&shop.nobody(), Method::GET, "/v1/cart", None).await.is(401);
    insta::assert_snapshot!("sessions", book.0);
}

#[tokio::test]
async fn cart() {
    let (shop, mut book) = (shop().await, Book::default());
    let guest = shop.guest().await;
    book.ask(&guest, Method::GET, "/v1/cart", None).await.is(200);
    let add =
        json!({"sku": "TEA", "quantity": 5, "options": {"tin": "red"}, "attributes": {"gift_note": "hello"}});
    book.ask(&guest, Method::POST, "/v1/cart/lines", Some(add)).await.is(200);
    let price = json!({"amount": 275, "currency": "GBP"});
    shop.put_items(&[json!({"sku": "TEA", "title": "Earl Grey", "price": price, "revision": 2, "max": 3})])
        .await;
    let shown = guest.add("A", 1).await;
    let id = shown.line("A")["id"].clone();
    let bulk = json!({"ops": [
        {"op": "add", "sku": "B", "quantity": 2},
        {"op": "move", "line": id, "to": "saved", "seen": shown.seen("A")},
        {"op": "add", "sku": "NOT-SOLD-HERE", "quantity": 1},
        {"op": "annotate", "fields": {"email": "ann@shop.example", "note": "ring twice"}},
    ]});
    let keyed = guest.with("idempotency-key", "shapes");
    book.ask(&keyed, Method::PATCH, "/v1/cart", Some(bulk.clone())).await.is(200);
    book.ask(&keyed, Method::PATCH, "/v1/cart", Some(bulk.clone())).await.is(200);
    book.ask(
        &keyed.with("idempotency-key", "2").with("evercart-atomic", "true"),
        Method::PATCH,
        "/v1/cart",
        Some(bulk),
    )
    .await
    .is(422);
    book.ask(&guest, Method::GET, "/v1/cart", None).await.is(200);
    book.ask(&guest.with("if-none-match", "*"), Method::GET, "/v1/cart", None).await.is(304);
    book.ask(&guest.with("if-match", &shown.etag()), Method::DELETE, "/v1/cart", None).await.is(412);
    book.ask(&guest.with("prefer", "return=minimal"), Method::DELETE, "/v1/cart", None).await.is(204);
    insta::assert_snapshot!("cart", book.0);
}

#[tokio::test]
async fn lines() {
    let (shop, mut book) = (shop().await, Book::default());
    let guest = shop.guest().await;
    let add = json!({"sku": "A", "quantity": 3});
    let shown = book.ask(&guest, Method::POST, "/v1/cart/lines", Some(add)).await.is(200);
    let (path, seen) = (shown.path("A"), shown.seen("A").to_owned());
    book.ask(&guest, Method::PUT, &path, Some(json!({"quantity": 5, "seen": seen}))).await.is(200);
    let to = json!({"to": "saved", "seen": seen});
    let saved = book.ask(&guest, Method::POST, &format!("{path}/move"), Some(to)).await.is(200);
    let remove = format!("{}?seen={}", saved.path("A"), saved.seen("A"));
    book.ask(&guest, Method::DELETE, &remove, None).await.is(200);
    book.ask(&guest, Method::PUT, &path, Some(json!({"quantity": 1.5}))).await.is(422);
    book.ask(&guest, Method::PUT, &path, Some(json!({"quantity": 5}))).await.is(404);
    book.ask(&guest, Method::PUT, &path, Some(json!({"quantity": 5, "seen": "forged"}))).await.is(422);
    insta::assert_snapshot!("lines", book.0);
}

#[tokio::test]
async fn carts_of_services() {
    let (shop, mut book) = (shop().await, Book::default());
    let cart = format!("/v1/carts/{}", shop.guest().await.cart().await.id());
    let service = shop.service(&["carts"]);
    let price = json!({"amount": 199, "currency": "GBP"});
    let add = json!({"sku": "TEA", "quantity": 1, "price": price, "title": "Earl Grey, by phone"});
    book.ask(&service, Method::POST, &format!("{cart}/lines"), Some(add)).await.is(200);
    book.ask(&service, Method::GET, &cart, None).await.is(200);
    book.ask(&shop.service(&["catalog"]), Method::GET, &cart, None).await.is(403);
    insta::assert_snapshot!("carts_of_services", book.0);
}

#[tokio::test]
async fn catalog() {
    let (shop, mut book) = (shop().await, Book::default());
    let lines = "{\"sku\":\"POT\",\"title\":\"Teapot\",\"price\":{\"amount\":2450,\"currency\":\"GBP\"}}\n\n\
                 {\"sku\":\"TEA\",\"title\":\"Old tea\",\"revision\":0}\n{\"sku\":\"LID\"}\nlid\n";
    let reply = shop.service(&["catalog"]).put_ndjson("/v1/catalog/items", lines.to_owned()).await.is(200);
    book.note("PUT /v1/catalog/items", lines, reply);
    insta::assert_snapshot!("catalog", book.0);
}

#[tokio::test]
async fn operations() {
    let (shop, mut book) = (shop().await, Book::default());
    for path in ["/livez", "/readyz"] {
        book.ask(&shop.nobody(), Method::GET, path, None).await.is(200);
    }
    book.ask(&shop.nobody(), Method::POST, "/livez", None).await.is(405);
    book.ask(&shop.nobody(), Method::GET, "/v1/nowhere", None).await.is(404);
    insta::assert_snapshot!("operations", book.0);
}
