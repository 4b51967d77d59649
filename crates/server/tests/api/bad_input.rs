//! Input that does not fit: the right status and code, a pointer to the member, and an untouched cart.

use crate::harness::{Caller, Reply, Shop, raw, reply::text};
use reqwest::Method;
use serde_json::{Value, json};

/// A guest with one A, a way to its line, and the tag of the cart.
async fn guest(shop: &Shop) -> (Caller, String, String) {
    let guest = shop.guest().await;
    let shown = guest.add("A", 1).await;
    (guest, shown.path("A"), shown.etag())
}

#[tokio::test]
async fn a_body_that_is_not_json_is_malformed() {
    let shop = Shop::open();
    let (guest, line, tag) = guest(&shop).await;
    let routes = [
        (Method::POST, "/v1/cart/lines"),
        (Method::PATCH, "/v1/cart"),
        (Method::PUT, line.as_str()),
        (Method::POST, &format!("{line}/move")),
    ];
    let bodies: [&[u8]; 9] = [
        b"",
        b"{",
        b"{\"sku\":",
        b"{\"sku\":\"A\",\"quantity\":1} {}",
        b"nonsense",
        b"{'sku':'A'}",
        b"{\"sku\":\"\xff\xfe\",\"quantity\":1}",
        b"{\"sku\":\"A\",\"quantity\":01}",
        b"\xef\xbb\xbf{}",
    ];
    for (method, path) in routes {
        for body in bodies {
            let request = guest.ask(method.clone(), path).header("content-type", "application/json");
            let refused = request.bytes(body.to_vec()).await;
            assert_eq!(
                (refused.status, refused.code()),
                (400, "malformed_json"),
                "{path} {body:?} {}",
                refused.text
            );
        }
    }
    assert_eq!(guest.cart().await.etag(), tag);
}

#[tokio::test]
async fn what_does_not_fit_an_add_is_pointed_at() {
    let shop = Shop::open();
    let (guest, _, tag) = guest(&shop).await;
    let long = "x".repeat(129);
    let many: Value = (0..33).map(|n| (n.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>().into();
    let with = |name: &str, value: Value| {
        let mut body = json!({"sku": "A", "quantity": 1});
        body[name] = value;
        body
    };
    let mut cases = vec![
        (json!({}), ""),
        (json!({"sku": "A"}), ""),
        (json!({"quantity": 1}), ""),
        (json!([]), ""),
        (json!("A"), ""),
        (json!(null), ""),
        (with("colour", json!("red")), "/colour"),
        (with("a/b~c", json!(1)), "/a~1b~0c"),
        (with("options", json!({"size": 5})), "/options/size"),
        (with("options", json!(["L"])), "/options"),
        (with("options", json!({"": "L"})), "/options"),
        (with("options", json!({"size": ""})), "/options"),
        (with("options", json!({"size": long})), "/options"),
        (with("options", many), "/options"),
        (with("attributes", json!({"note": null})), "/attributes/note"),
        (with("attributes", json!("note")), "/attributes"),
        (with("seller", json!(7)), "/seller"),
    ];
    for sku in [json!(""), json!(long), json!("a\nb"), json!("a\u{0}b"), json!(5), json!(null), json!(["A"])]
    {
        cases.push((with("sku", sku), "/sku"));
    }
    for (body, pointer) in cases {
        let refused = guest.post("/v1/cart/lines", body.clone()).await.is_problem(422, "invalid_request");
        assert_eq!(refused.pointer(), pointer, "{body}: {}", refused.text);
    }
    assert_eq!(guest.cart().await.etag(), tag);
}

#[tokio::test]
async fn a_quantity_is_a_whole_number_in_bounds_whatever_way_it_is_written() {
    let shop = Shop::open();
    let (guest, line, tag) = guest(&shop).await;
    let written = [
        "-1",
        "1.5",
        "1e999",
        "-1e999",
        "1000000",
        "4294967297",
        "18446744073709551617",
        "\"1\"",
        "null",
        "true",
        "[1]",
        "{}",
    ];
    let send = async |method: Method, path: &str, body: String| {
        let request = guest.ask(method, path).header("content-type", "application/json");
        let refused = request.bytes(body.clone().into_bytes()).await;
        assert_eq!((refused.status, refused.code()), (422, "invalid_request"), "{body}: {}", refused.text);
        assert!(refused.pointer().ends_with("/quantity"), "{body}: {}", refused.text);
    };
    for number in written.iter().chain(&["0", "0.0", "-0.0"]) {
        let add = format!("{{\"sku\":\"A\",\"quantity\":{number}}}");
        send(Method::POST, "/v1/cart/lines", add).await;
    }
    for number in written {
        send(Method::PUT, &line, format!("{{\"quantity\":{number}}}")).await;
    }
    assert_eq!(guest.cart().await.etag(), tag);
    assert_eq!(guest.add("B", 999_999).await.line("B")["quantity"], 999_999);
}

#[tokio::test]
async fn a_list_is_no_object() {
    let shop = Shop::open();
    let (guest, line, tag) = guest(&shop).await;
    guest.post("/v1/cart/lines", json!(["A", 1])).await.is_problem(422, "invalid_request");
    guest.put(&line, json!([5])).await.is_problem(422, "invalid_request");
    guest.post("/v1/sessions", json!([])).await.is_problem(422, "invalid_request");
    assert_eq!(guest.cart().await.etag(), tag);
}

#[tokio::test]
async fn a_whole_quantity_may_be_written_as_a_double() {
    let shop = Shop::open();
    let (guest, line, _) = guest(&shop).await;
    let put = async |number: &str| {
        let body = format!("{{\"quantity\":{number}}}");
        let request = guest.ask(Method::PUT, &line).header("content-type", "application/json");
        request.bytes(body.into_bytes()).await.is(200)
    };
    for (number, quantity) in [("7.0", 7), ("1e2", 100), ("0.17e2", 17)] {
        assert_eq!(put(number).await.body["lines"][0]["quantity"], quantity, "{number}");
    }
    assert_eq!(put("0.0").await.body["lines"], json!([]));
}

#[tokio::test]
async fn a_cart_that_would_be_too_large_is_refused_and_never_cut_short() {
    let shop = Shop::with(|config| {
        config.limits.lines_max = 3;
        config.limits.quantity_per_line_max = 10;
        config.limits.text_bytes_max = 50;
        config.limits.fields_max = 2;
    });
    let guest = shop.guest().await;
    let add =
        |sku: &str, quantity: u32| guest.post("/v1/cart/lines", json!({"sku": sku, "quantity": quantity}));
    for sku in ["A", "B", "C"] {
        add(sku, 10).await.is(200);
    }
    let shown = guest.cart().await;
    let limit = "limit_exceeded";
    add("D", 1).await.is_problem(422, limit);
    add("A", 1).await.is_problem(422, limit);
    guest.put(&shown.path("A"), json!({"quantity": 11})).await.is_problem(422, limit);
    let line = shown.line("A")["id"].clone();
    let long = json!({"ops": [{"op": "annotate", "line": line, "attributes": {"note": "x".repeat(50)}}]});
    assert_eq!(guest.patch("/v1/cart", long).await.is(200).body["results"][0]["code"], limit);
    let fields = json!({"ops": [{"op": "annotate", "fields": {"a": "1", "b": "2", "c": "3"}}]});
    assert_eq!(guest.patch("/v1/cart", fields).await.is(200).body["results"][0]["code"], limit);
    assert_eq!(guest.cart().await.body, shown.body);
    guest.put(&shown.path("A"), json!({"quantity": 0})).await.is(200);
    assert_eq!(add("D", 10).await.is(200).shown(), "B 10, C 10, D 10");
}

#[tokio::test]
async fn ids_and_tokens_that_are_none_are_refused_by_name() {
    let shop = Shop::open();
    let (guest, line, _) = guest(&shop).await;
    for id in ["l_AAAAAAAAAAAAAAAAAAAAAAA", "l_", "nonsense", "%00", "%ff", "c_x", "l_%F0%9F%98%80"] {
        let path = format!("/v1/cart/lines/{id}");
        for request in [
            guest.put(&path, json!({"quantity": 2})),
            guest.delete(&path),
            guest.post(&format!("{path}/move"), json!({"to": "saved"})),
        ] {
            request.await.is_problem(404, if id == "%ff" { "not_found" } else { "unknown_line" });
        }
    }
    let other = shop.guest().await.add("A", 1).await;
    let own_of_b = guest.add("B", 1).await;
    let cut = &own_of_b.seen("A")[..20];
    for seen in ["forged", "", "g1.x", cut, other.seen("A"), own_of_b.seen("B"), other.seen_whole()] {
        let bad = |reply: Reply| drop(reply.is_problem(422, "bad_seen"));
        bad(guest.put(&line, json!({"quantity": 2, "seen": seen})).await);
        bad(guest.delete(&format!("{line}?seen={seen}")).await);
        bad(guest.post(&format!("{line}/move"), json!({"to": "saved", "seen": seen})).await);
    }
    for seen in ["forged", other.seen_whole()] {
        guest.delete(&format!("/v1/cart?seen={seen}")).await.is_problem(422, "bad_seen");
    }
    guest.delete(own_of_b.path("B").as_str()).await.is(200);
    assert_eq!(guest.shows().await, "A 1");
}

#[tokio::test]
async fn a_name_of_a_cart_is_short_and_printable() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    for name in ["", "%00", "a%0Ab", &"x".repeat(129)] {
        ann.get(&format!("/v1/cart?name={name}")).await.is_problem(400, "bad_header");
    }
    ann.get("/v1/cart?name=W%C3%BCnsche%20%26%20mehr").await.is(200);
}

#[tokio::test]
async fn a_body_of_another_type_is_not_read() {
    let shop = Shop::open();
    let (guest, line, tag) = guest(&shop).await;
    let body = json!({"sku": "A", "quantity": 1}).to_string().into_bytes();
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application", "", "\u{e4}"]
    {
        for (method, path) in
            [(Method::POST, "/v1/cart/lines"), (Method::PATCH, "/v1/cart"), (Method::PUT, &line)]
        {
            let request = guest.ask(method, path).header("content-type", kind).bytes(body.clone());
            request.await.is_problem(415, "unsupported_media_type");
        }
    }
    guest
        .ask(Method::POST, "/v1/cart/lines")
        .bytes(body.clone())
        .await
        .is_problem(415, "unsupported_media_type");
    assert_eq!(guest.cart().await.etag(), tag);
    let request =
        guest.ask(Method::POST, "/v1/cart/lines").header("content-type", "Application/JSON; charset=utf-8");
    request.bytes(body).await.is(200);
}

#[tokio::test]
async fn a_body_beyond_256_kib_is_refused_with_and_without_a_length() {
    let shop = Shop::open();
    let (guest, _, tag) = guest(&shop).await;
    let mut body = json!({"sku": "A", "quantity": 1}).to_string();
    body.push_str(&" ".repeat(256 * 1024 - body.len()));
    let post = |body: &str| {
        let request = guest.ask(Method::POST, "/v1/cart/lines").header("content-type", "application/json");
        request.bytes(body.as_bytes().to_vec())
    };
    post(&body).await.is(200);
    let tag_after = guest.cart().await.etag();
    assert_ne!(tag, tag_after);
    body.push(' ');
    post(&body).await.is_problem(413, "body_too_large");
    let token = guest.token();
    let chunked = raw::chunked_post(shop.address(), "/v1/cart/lines", &token, body.as_bytes()).await;
    assert!(chunked.starts_with("HTTP/1.1 413 "), "{chunked}");
    assert!(chunked.contains("application/problem+json") && chunked.contains("body_too_large"), "{chunked}");
    let fits =
        raw::chunked_post(shop.address(), "/v1/cart/lines", &token, b"{\"sku\":\"B\",\"quantity\":1}").await;
    assert!(fits.starts_with("HTTP/1.1 200 "), "{fits}");
    assert_eq!(guest.shows().await, "A 2, B 1");
}

#[tokio::test]
async fn deep_nesting_is_refused_and_harms_nobody() {
    let shop = Shop::open();
    let (guest, _, tag) = guest(&shop).await;
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(40_000), close.repeat(40_000));
    for inside in [deep("[", "]"), deep("{\"a\":", "}"), "[".repeat(200_000)] {
        for (method, path, body) in [
            (Method::POST, "/v1/cart/lines", format!("{{\"sku\":{inside},\"quantity\":1}}")),
            (
                Method::POST,
                "/v1/cart/lines",
                format!("{{\"sku\":\"A\",\"quantity\":1,\"options\":{inside}}}"),
            ),
            (
                Method::PATCH,
                "/v1/cart",
                format!("{{\"ops\":[{{\"op\":\"add\",\"sku\":{inside},\"quantity\":1}}]}}"),
            ),
            (Method::PATCH, "/v1/cart", inside.clone()),
        ] {
            let request = guest.ask(method, path).header("content-type", "application/json");
            let refused = request.bytes(body.into_bytes()).await;
            assert!([400, 413, 422].contains(&refused.status), "{}", refused.text);
        }
    }
    assert_eq!(guest.cart().await.etag(), tag);
}

#[tokio::test]
async fn routes_and_methods_that_do_not_exist_are_problems_too() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v2/cart",
        "/v1/carts/",
        "/v1/cart/",
        "/v1/cart/lines/l_x/y",
        "/favicon.ico",
        "/%ff",
    ] {
        guest.get(path).await.is_problem(404, "not_found");
    }
    for (method, path, allowed) in [
        (Method::POST, "/v1/cart", ["GET", "PATCH", "DELETE"].as_slice()),
        (Method::GET, "/v1/cart/lines", &["POST"]),
        (Method::GET, "/v1/sessions", &["POST"]),
        (Method::PATCH, "/v1/cart/lines/l_x", &["PUT", "DELETE"]),
        (Method::DELETE, "/v1/catalog/items", &["PUT"]),
        (Method::POST, "/livez", &["GET"]),
        ("BREW".parse().unwrap(), "/v1/cart", &["GET"]),
    ] {
        let refused = guest.ask(method, path).await.is_problem(405, "method_not_allowed");
        let allow = refused.header("allow").unwrap_or_default().to_owned();
        assert!(allowed.iter().all(|method| allow.contains(method)), "{path}: {allow}");
    }
}

#[tokio::test]
async fn a_problem_says_what_to_do_in_words() {
    let shop = Shop::open();
    let (guest, ..) = guest(&shop).await;
    let add = |body: Value| guest.post("/v1/cart/lines", body);
    let detail = |reply: Reply| text(&reply.body["detail"]).to_owned();
    assert_eq!(
        detail(add(json!({"sku": "A", "quantity": 0})).await),
        "must be a whole number from 1 to 999999"
    );
    let unknown = detail(add(json!({"sku": "NOT-SOLD-HERE", "quantity": 1})).await);
    assert!(unknown.contains("`NOT-SOLD-HERE`"), "{unknown}");
    let colour = detail(add(json!({"sku": "A", "quantity": 1, "colour": 1})).await);
    assert!(colour.contains("`colour`") && colour.contains("`options`"), "{colour}");
    assert!(detail(shop.nobody().get("/v1/cart").await).contains("POST /v1/sessions"));
    assert!(detail(guest.get("/v1/carts/c_x").await).contains("scope `carts`"));
}
