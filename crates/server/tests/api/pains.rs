//! What shoppers of other carts complain about, and the known defects of sample carts: each as the claim that it
//! does not happen here.

use crate::{
    harness::{Caller, Shop, process::Process},
    operations::{cart_writes, counted},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Runs all at once, each on a task of its own.
async fn all<T: Send + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let mut done = Vec::with_capacity(tasks.len());
    for task in tasks {
        done.push(task.await.unwrap());
    }
    done
}

fn add(sku: &str, quantity: u32) -> Value {
    json!({"op": "add", "sku": sku, "quantity": quantity})
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_and_twenty_parallel_adds_are_three_hundred_and_twenty() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let adds = (0..32).map(|_| {
        let guest = guest.clone();
        async move {
            for _ in 0..10 {
                guest.add("A", 1).await;
            }
        }
    });
    all(adds).await;
    assert_eq!(guest.shows().await, "A 320");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_first_adds_of_an_account_in_parallel_meet_in_one_cart() {
    let shop = Shop::open();
    for _ in 0..20 {
        let ann = shop.account(&shop.unique("ann"));
        let tabs = ["A", "B"].map(|sku| {
            let tab = ann.clone();
            async move { tab.add(sku, 1).await.id().to_owned() }
        });
        let carts: BTreeSet<String> = all(tabs).await.into_iter().collect();
        assert_eq!((carts.len(), ann.shows().await.as_str()), (1, "A 1, B 1"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_of_sixty_five_items_under_concurrent_logins_loses_and_doubles_none() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    let token = shop.guest_token().await;
    let guest = shop.holder(&token);
    let lines =
        (0..65).map(|n| json!({"op": "add", "sku": "A", "quantity": 2, "options": {"n": n.to_string()}}));
    let filled = guest.patch("/v1/cart", json!({"ops": lines.collect::<Vec<_>>()})).await.is(200);
    assert_eq!(
        filled.cart()["totals"],
        json!({"subtotal": {"amount": 13_000, "currency": "GBP"}, "quantity": 130, "lines": 65})
    );
    ann.add("A", 1).await;
    let logins = (0..8).map(|_| {
        let (ann, token) = (ann.clone(), token.clone());
        async move { ann.post("/v1/sessions/claim", json!({"guest_token": token})).await.is(200).status }
    });
    all(logins).await;
    let totals = ann.cart().await.body["totals"].clone();
    assert_eq!((&totals["quantity"], &totals["lines"]), (&json!(131), &json!(66)));
}

#[tokio::test(flavor = "multi_thread")]
async fn adds_during_a_login_are_in_one_cart_or_the_other() {
    let shop = Shop::open();
    for _ in 0..5 {
        let ann = shop.account(&shop.unique("ann"));
        let token = shop.guest_token().await;
        let guest = shop.holder(&token);
        guest.add("A", 1).await;
        let adding = (0..20).map(|_| {
            let guest = guest.clone();
            async move { guest.add("A", 1).await }
        });
        let login = ann.clone();
        let claim = json!({"guest_token": token});
        let claimed =
            tokio::spawn(async move { login.post("/v1/sessions/claim", claim).await.is(200).status });
        let added = all(adding).await;
        claimed.await.unwrap();
        let mut carts: BTreeSet<String> = [ann.token()].into();
        for answer in &added {
            carts.extend(answer.header("evercart-session").map(str::to_owned));
        }
        let mut units = 0;
        for cart in carts {
            units += shop.holder(&cart).cart().await.body["totals"]["quantity"].as_u64().unwrap();
        }
        assert_eq!(units, 21);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_in_parallel_never_write() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::serve(folder.path());
    let shop = process.shop().await;
    let guest = shop.guest().await;
    let before = guest.add("A", 2).await;
    let writes = async || {
        let count = async |operation| {
            let labels = [operation, "asker=\"request\""];
            counted(&shop, "evercart_store_operations_total", &labels).await
        };
        [
            count("\"append\"").await,
            count("\"replace\"").await,
            count("\"insert_if_absent\"").await,
            count("\"remove\"").await,
        ]
    };
    let counted_before = writes().await;
    assert_eq!(cart_writes(&shop).await, 1);
    let ann = shop.account("ann");
    let reads = (0..16).map(|_| {
        let (guest, ann, service) = (guest.clone(), ann.clone(), shop.service(&["carts"]));
        let id = before.id().to_owned();
        async move {
            for _ in 0..20 {
                assert_eq!(guest.shows().await, "A 2");
                ann.cart().await;
                service.get(&format!("/v1/carts/{id}")).await.is(200);
            }
        }
    });
    all(reads).await;
    assert_eq!((writes().await, guest.cart().await.etag()), (counted_before, before.etag()));
}

#[tokio::test]
async fn an_empty_session_costs_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::serve(folder.path());
    let shop = process.shop().await;
    for _ in 0..20 {
        let guest = shop.guest().await;
        guest.cart().await;
    }
    assert_eq!(counted(&shop, "evercart_store_operations_total", &["\"append\""]).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_and_changes_of_one_cart_in_parallel_never_block_each_other_for_good() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    let shown = ann.add("A", 1).await;
    let path = shown.path("A");
    let mixed = (0..24_usize).map(|n| {
        let (ann, path) = (ann.clone(), path.clone());
        async move {
            for _ in 0..5 {
                match n % 4 {
                    0 => drop(ann.cart().await),
                    1 => drop(ann.add("B", 1).await),
                    2 => drop(ann.put(&path, json!({"quantity": n})).await),
                    _ => drop(ann.patch("/v1/cart", json!({"ops": [add("C", 1)]})).await.is(200)),
                }
            }
        }
    });
    all(mixed).await;
    let cart = ann.cart().await;
    assert_eq!((&cart.line("B")["quantity"], &cart.line("C")["quantity"]), (&json!(30), &json!(30)));
}

#[tokio::test]
async fn plain_changes_need_no_version_and_two_tabs_never_see_a_conflict() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let (one, other) = (guest.add("A", 3).await, guest.cart().await);
    guest.put(&one.path("A"), json!({"quantity": 4, "seen": one.seen("A")})).await.is(200);
    guest.put(&other.path("A"), json!({"quantity": 4, "seen": other.seen("A")})).await.is(200);
    assert_eq!(guest.shows().await, "A 4", "the same wish, told twice");
}

#[tokio::test]
async fn a_stale_remove_keeps_what_came_between() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let shown = guest.add("A", 3).await;
    guest.add("A", 1).await;
    let remove = json!({"ops": [{"op": "remove", "line": shown.line("A")["id"], "seen": shown.seen("A")}]});
    assert_eq!(guest.patch("/v1/cart", remove).await.is(200).shown(), "A 1");
}

#[tokio::test]
async fn a_whole_basket_cleared_from_an_old_view_loses_no_add_that_came_between() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let shown = guest.add("A", 3).await;
    guest.add("B", 2).await;
    let refill = json!({"ops": [{"op": "clear", "seen": shown.seen_whole()}, add("C", 1)]});
    assert_eq!(guest.patch("/v1/cart", refill).await.is(200).shown(), "B 2, C 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_basket_put_back_loses_no_concurrent_add() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let shown = guest.add("A", 3).await;
    let lines = json!([{"sku": "A", "quantity": 5}, {"sku": "C", "quantity": 1}]);
    let basket = json!({"seen": shown.seen_whole(), "lines": lines});
    let mixed = (0..50_usize).map(|n| {
        let (guest, basket) = (guest.clone(), basket.clone());
        async move {
            match n % 5 {
                0 => drop(guest.put("/v1/cart", basket).await.is(200)),
                _ => drop(guest.add("B", 1).await),
            }
        }
    });
    all(mixed).await;
    assert_eq!(guest.shows().await, "A 5, B 40, C 1");
}

#[tokio::test]
async fn another_currency_at_the_login_destroys_neither_side() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    let euro = shop.unique("tee");
    shop.put_items(&[json!({"sku": euro, "title": "Tee", "price": {"amount": 300, "currency": "EUR"}})])
        .await;
    ann.add("A", 1).await;
    let token = shop.guest_token().await;
    let euros = json!({"ops": [add(&euro, 2), {"op": "annotate", "fields": {"currency": "EUR"}}]});
    shop.holder(&token).patch("/v1/cart", euros).await.is(200);
    let merged = ann.post("/v1/sessions/claim", json!({"guest_token": token})).await.is(200);
    assert_eq!((&merged.line("A")["quantity"], &merged.line(&euro)["quantity"]), (&json!(1), &json!(2)));
    let notices = |sku: &str| crate::harness::reply::codes(&merged.line(sku)["notices"]).join(" ");
    assert!(
        notices("A") == "currency_mismatch" || notices(&euro) == "currency_mismatch",
        "the line that is not in the subtotal says why: {merged:?}"
    );
}

#[tokio::test]
async fn the_first_add_stores_what_was_asked_and_the_second_adds_what_was_asked() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    assert_eq!(guest.add("A", 7).await.shown(), "A 7");
    assert_eq!(guest.add("A", 5).await.shown(), "A 12");
}

#[tokio::test]
async fn a_repeated_login_does_not_double_quantities() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    let token = shop.guest_token().await;
    shop.holder(&token).add("A", 2).await;
    for _ in 0..3 {
        let login = ann.post("/v1/sessions/claim", json!({"guest_token": token})).await.is(200);
        assert_eq!(login.shown(), "A 2");
    }
}

#[tokio::test]
async fn no_read_merges_anything() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    let token = shop.guest_token().await;
    let guest = shop.holder(&token);
    guest.add("A", 2).await;
    let both = ann.with("cookie", &format!("evercart_session={token}"));
    for path in ["/v1/cart", "/v1/cart?merge=true", &format!("/v1/cart?guest_token={token}")] {
        assert_eq!(both.get(path).await.is(200).shown(), "");
    }
    both.ask(Method::GET, "/v1/sessions/claim").await.is_problem(405, "method_not_allowed");
    assert_eq!((guest.shows().await.as_str(), ann.shows().await.as_str()), ("A 2", ""));
}

#[tokio::test]
async fn an_accounts_cart_does_not_get_the_expiry_of_the_guests() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    let token = shop.guest_token().await;
    assert!(shop.holder(&token).add("A", 2).await.body["expires_at"].is_string());
    let claimed = ann.post("/v1/sessions/claim", json!({"guest_token": token})).await.is(200);
    assert_eq!(claimed.cart().get("expires_at"), None);
    let listed = ann.get("/v1/carts").await.is(200);
    assert_eq!(listed.body["carts"][0].get("expires_at"), None);
}

#[tokio::test]
async fn removing_more_than_there_is_swallows_no_later_add() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let shown = guest.add("A", 1).await;
    let path = format!("{}?seen={}", shown.path("A"), shown.seen("A"));
    for _ in 0..5 {
        guest.delete(&path).await.is(200);
        guest.put(&shown.path("A"), json!({"quantity": 0, "seen": shown.seen("A")})).await.is(200);
    }
    assert_eq!(guest.add("A", 2).await.shown(), "A 2");
}

#[tokio::test]
async fn quotes_and_statements_are_texts_like_any_other() {
    let shop = Shop::open();
    let sku = shop.unique("'; DROP TABLE carts; --\"");
    let hostile = "Robert'); DELETE FROM carts WHERE ('1'='1";
    shop.put_items(&[json!({"sku": sku, "title": hostile, "price": {"amount": 100, "currency": "GBP"}})])
        .await;
    let ann = shop.account(&shop.unique(hostile));
    let body =
        json!({"sku": sku, "quantity": 1, "options": {hostile: hostile}, "attributes": {"note": hostile}});
    let cart = ann.post("/v1/cart/lines", body).await.is(200);
    let line = cart.line(&sku);
    assert_eq!(
        (&line["item"]["title"], &line["options"][hostile], &line["attributes"]["note"]),
        (&json!(hostile), &json!(hostile), &json!(hostile))
    );
    ann.put(&cart.path(&sku), json!({"quantity": 2})).await.is(200);
    assert_eq!(ann.cart().await.line(&sku)["quantity"], 2);
}

#[tokio::test]
async fn money_is_exact_where_floats_are_not() {
    let shop = Shop::open();
    let sku = shop.unique("tenth");
    shop.put_items(&[json!({"sku": sku, "title": "x", "price": {"amount": 10, "currency": "GBP"}})]).await;
    let dear = shop.unique("dear");
    let price = json!({"amount": 9_999_999_999_i64, "currency": "GBP"});
    shop.put_items(&[json!({"sku": dear, "title": "x", "price": price})]).await;
    let guest = shop.guest().await;
    guest.add(&sku, 3).await;
    assert_eq!(guest.cart().await.body["totals"]["subtotal"]["amount"], 30);
    let total = guest.add(&dear, 999_999).await.body["totals"]["subtotal"]["amount"].clone();
    assert_eq!(total, 9_999_999_999_i64 * 999_999 + 30, "beyond what a float can count");
    let cases = [(json!(0.1), "rejected"), (json!("10"), "rejected"), (json!(1e300), "rejected")];
    for (amount, status) in cases.into_iter().chain([(json!(10.0), "stored"), (json!(1e1), "stored")]) {
        let line =
            json!({"sku": sku, "title": "x", "price": {"amount": amount, "currency": "GBP"}}).to_string();
        let reply = shop.service(&["catalog"]).put_ndjson("/v1/catalog/items", line).await.is(200);
        assert!(reply.text.contains(&format!("\"{status}\"")), "{amount}: {}", reply.text);
    }
}

#[tokio::test]
async fn an_ended_session_does_not_break_the_shop() {
    let shop = Shop::open();
    let ann: Caller = shop.account(&shop.unique("ann"));
    let token = shop.guest_token().await;
    ann.post("/v1/sessions/claim", json!({"guest_token": token})).await.is(200);
    let old_tab = shop.holder(&token);
    assert_eq!(old_tab.get("/v1/cart").await.is(200).shown(), "");
    assert_eq!(old_tab.add("A", 1).await.shown(), "A 1");
}

#[tokio::test]
async fn an_add_to_a_cart_of_three_hundred_lines_is_an_add() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let lines =
        (0..299).map(|n| json!({"op": "add", "sku": "A", "quantity": 1, "options": {"n": n.to_string()}}));
    guest.patch("/v1/cart", json!({"ops": lines.collect::<Vec<_>>()})).await.is(200);
    assert_eq!(guest.add("B", 1).await.body["totals"]["lines"], 300);
    let over = guest.post("/v1/cart/lines", json!({"sku": "C", "quantity": 1})).await;
    over.is_problem(422, "limit_exceeded");
    assert_eq!(guest.add("B", 1).await.line("B")["quantity"], 2, "what is there can grow");
}
