//! `GET` and `DELETE /v1/subjects/{id}`: what is stored of a person, and that nothing of it comes back.

use crate::harness::{Caller, Reply, Shop, reply::text};
use serde_json::{Value, json};

fn path(subject: &str) -> String {
    format!("/v1/subjects/{subject}")
}

async fn export(shop: &Shop, subject: &str) -> Reply {
    shop.service(&["subjects"]).get(&path(subject)).await.is(200)
}

async fn erase(shop: &Shop, subject: &str) -> Reply {
    shop.service(&["subjects"]).delete(&path(subject)).await.is(200)
}

/// How many carts, guests and merges were erased.
fn erased(reply: &Reply) -> (usize, usize, u64) {
    let count = |name: &str| reply.body[name].as_array().unwrap().len();
    (count("carts"), count("guests"), reply.body["merges"].as_u64().unwrap())
}

async fn claim(account: &Caller, token: &str) -> Reply {
    account.post("/v1/sessions/claim", json!({"guest_token": token})).await.is(200)
}

fn named(reply: &Reply, name: &str) -> Value {
    let carts = reply.body["carts"].as_array().unwrap();
    carts.iter().find(|cart| cart["name"] == name).cloned().unwrap_or_default()
}

#[tokio::test]
async fn an_export_has_carts_lines_saved_lines_fields_and_merges() {
    let shop = Shop::open();
    let subject = shop.unique("ann");
    let ann = shop.account(&subject);
    let nothing = json!({"carts": [], "orders": [], "erasures": 0, "erased_at": null});
    assert_eq!(export(&shop, &subject).await.body, nothing);
    let shown = ann.add("A", 2).await;
    ann.post(&format!("{}/move", shown.path("A")), json!({"to": "saved"})).await.is(200);
    let fields = json!({"ops": [{"op": "annotate", "fields": {"note": "ring twice"}}]});
    ann.patch("/v1/cart", fields).await.is(200);
    ann.post("/v1/cart/lines?name=office", json!({"sku": "B", "quantity": 1})).await.is(200);
    let token = shop.guest_token().await;
    shop.holder(&token).add("C", 3).await;
    let claimed = claim(&ann, &token).await;
    let exported = export(&shop, &subject).await;
    let active = named(&exported, "active");
    assert_eq!(active["cart"]["id"], claimed.cart()["id"]);
    assert_eq!(active["cart"]["lines"][0]["sku"], "C");
    assert_eq!(
        (&active["cart"]["saved"][0]["quantity"], &active["cart"]["fields"]["note"]),
        (&json!(2), &json!("ring twice"))
    );
    let merge = &active["merges"][0];
    assert_eq!(merge["receipt"]["id"], claimed.body["merge"]["id"]);
    assert_eq!(merge["receipt"]["lines"], claimed.body["merge"]["lines"]);
    assert_eq!(merge["guest"]["lines"][0]["quantity"], 3);
    assert_eq!(text(&merge["day"]).len(), 10);
    assert_eq!(named(&exported, "office")["cart"]["lines"][0]["sku"], "B");
    assert_eq!(exported.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn an_erasure_takes_everything_once_and_the_subject_shops_on() {
    let shop = Shop::open();
    let subject = shop.unique("ann");
    let ann = shop.account(&subject);
    let token = shop.guest_token().await;
    let guest = shop.holder(&token);
    guest.add("A", 1).await;
    let old = ann.add("B", 2).await;
    let merge = text(&claim(&ann, &token).await.body["merge"]["id"]).to_owned();
    ann.post("/v1/cart/lines?name=office", json!({"sku": "B", "quantity": 1})).await.is(200);
    assert_eq!(erased(&erase(&shop, &subject).await), (2, 1, 1));
    assert_eq!(erased(&erase(&shop, &subject).await), (0, 0, 0));
    assert_eq!(export(&shop, &subject).await.body["carts"], json!([]));
    let service = shop.service(&["carts"]);
    service.get(&format!("/v1/carts/{}", old.id())).await.is_problem(410, "cart_erased");
    assert_eq!((ann.shows().await, guest.shows().await), (String::new(), String::new()));
    let undo = ann.post(&format!("/v1/sessions/claim/{merge}/undo"), json!({})).await;
    undo.is_problem(404, "unknown_merge");
    let again = claim(&ann, &token).await;
    assert_eq!((again.shown().as_str(), again.notices()), ("", vec!["session_expired"]));
    let seen = json!({"quantity": 5, "seen": old.seen("B")});
    ann.put(&old.path("B"), seen).await.is_problem(422, "bad_seen");
    assert_eq!(ann.add("C", 1).await.shown(), "C 1");
    let exported = export(&shop, &subject).await;
    assert_eq!(
        (&exported.body["erasures"], exported.body["carts"].as_array().unwrap().len()),
        (&json!(1), 1)
    );
    assert!(exported.body["erased_at"].is_string());
}

#[tokio::test]
async fn an_undone_merge_is_erased_with_its_account_and_the_guests_new_cart_stays() {
    let shop = Shop::open();
    let subject = shop.unique("ann");
    let ann = shop.account(&subject);
    let token = shop.guest_token().await;
    shop.holder(&token).add("A", 1).await;
    let merge = text(&claim(&ann, &token).await.body["merge"]["id"]).to_owned();
    let undone = ann.post(&format!("/v1/sessions/claim/{merge}/undo"), json!({})).await.is(200);
    assert_eq!(erased(&erase(&shop, &subject).await), (1, 1, 1));
    assert_eq!(shop.holder(&token).shows().await, "");
    assert_eq!(shop.holder(text(&undone.body["guest_token"])).shows().await, "A 1", "it was given away");
}

#[tokio::test]
async fn only_a_service_with_the_scope_may() {
    let shop = Shop::open();
    let subject = shop.unique("ann");
    let ann = shop.account(&subject);
    ann.add("A", 1).await;
    for caller in [ann.clone(), shop.guest().await, shop.service(&["carts", "admin", "catalog"])] {
        caller.get(&path(&subject)).await.is_problem(403, "insufficient_scope");
        caller.delete(&path(&subject)).await.is_problem(403, "insufficient_scope");
    }
    shop.nobody().get(&path(&subject)).await.is_problem(401, "unauthenticated");
    assert_eq!(ann.shows().await, "A 1");
}

#[tokio::test]
async fn a_subject_may_have_any_characters() {
    let shop = Shop::open();
    let subject = shop.unique("auth0|a/b c.ü?#%'; DROP TABLE x");
    let ann = shop.account(&subject);
    ann.add("A", 1).await;
    let escaped: String = subject.bytes().map(|byte| format!("%{byte:02X}")).collect();
    assert_eq!(erased(&erase(&shop, &escaped).await), (1, 0, 0));
    assert_eq!(ann.shows().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn adds_and_claims_that_race_with_an_erasure_are_before_it_or_after_it() {
    let shop = Shop::open();
    for round in 0..8 {
        let subject = shop.unique("ann");
        let ann = shop.account(&subject);
        ann.add("A", 100).await;
        let mut tokens = Vec::new();
        for _ in 0..4 {
            let token = shop.guest_token().await;
            shop.holder(&token).add("B", 100).await;
            tokens.push(token);
        }
        let mut tasks = Vec::new();
        for n in 0..24_usize {
            let (ann, token) = (ann.clone(), tokens[n % 4].clone());
            tasks.push(tokio::spawn(async move {
                match n % 3 {
                    0 => drop(claim(&ann, &token).await),
                    1 => drop(ann.add("A", 1).await),
                    _ => drop(
                        ann.post("/v1/cart/lines?name=office", json!({"sku": "A", "quantity": 1}))
                            .await
                            .is(200),
                    ),
                }
            }));
        }
        let erasing: Vec<_> = (0..3)
            .map(|_| {
                let (service, path) = (shop.service(&["subjects"]), path(&subject));
                tokio::spawn(async move { service.delete(&path).await.is(200).status })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        for task in erasing {
            task.await.unwrap();
        }
        let shown = ann.cart().await;
        let units = |sku: &str| {
            let lines = shown.body["lines"].as_array().unwrap();
            lines.iter().find(|line| line["sku"] == sku).map_or(0, |line| line["quantity"].as_u64().unwrap())
        };
        assert!(units("A") <= 8, "round {round}: the erased hundred came back: {}", shown.shown());
        assert!(units("B") % 100 == 0 && units("B") <= 400, "round {round}: {}", shown.shown());
        erase(&shop, &subject).await;
        assert_eq!(ann.shows().await, "", "round {round}");
        assert_eq!(ann.get("/v1/cart?name=office").await.is(200).shown(), "", "round {round}");
        assert_eq!(export(&shop, &subject).await.body["carts"], json!([]), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_races_with_an_erasure_is_done_or_knows_no_merge() {
    let shop = Shop::open();
    for round in 0..12 {
        let subject = shop.unique("ann");
        let ann = shop.account(&subject);
        let token = shop.guest_token().await;
        shop.holder(&token).add("A", 1).await;
        let merge = text(&claim(&ann, &token).await.body["merge"]["id"]).to_owned();
        let undoing = {
            let ann = ann.clone();
            tokio::spawn(
                async move { ann.post(&format!("/v1/sessions/claim/{merge}/undo"), json!({})).await },
            )
        };
        erase(&shop, &subject).await;
        let undone = undoing.await.unwrap();
        match undone.status {
            200 => {
                let guest = shop.holder(text(&undone.body["guest_token"]));
                assert_eq!(guest.shows().await, "A 1", "round {round}");
            }
            _ => drop(undone.is_problem(404, "unknown_merge")),
        }
        assert_eq!(ann.shows().await, "", "round {round}");
        assert_eq!(export(&shop, &subject).await.body["carts"], json!([]), "round {round}");
    }
}

#[tokio::test]
async fn an_erasure_keeps_the_orders_and_an_export_shows_them() {
    let shop = Shop::open();
    let subject = shop.unique("ann");
    let ann = shop.account(&subject);
    let total = ann.add("B", 2).await.cart()["totals"]["subtotal"].clone();
    let body = json!({"accept_total": total});
    let bought = ann.post("/v1/cart/checkout", body).await.is(201);
    let before = export(&shop, &subject).await;
    erase(&shop, &subject).await;
    let after = export(&shop, &subject).await;
    assert_eq!(after.body["carts"], json!([]));
    for exported in [&before, &after] {
        let orders = exported.body["orders"].as_array().unwrap();
        assert_eq!(orders.len(), 1);
        assert_eq!(orders[0]["id"], bought.body["id"]);
    }
}
