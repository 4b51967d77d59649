//! `GET /v1/carts?sku=…`: the carts that hold a SKU, by an index that is behind writes.

use crate::harness::{Caller, Reply, Shop, process::Process, reply::text};
use serde_json::json;

/// Who holds a SKU, once the index has caught up: `quantity` and `saved` of each cart.
async fn holders(service: &Caller, query: &str) -> Reply {
    loop {
        let reply = service.get(&format!("/v1/carts?{query}")).await.is(200);
        if reply.body["complete"] == true && reply.body["waiting"] == 0 {
            return reply;
        }
        tokio::task::yield_now().await;
    }
}

fn counted(reply: &Reply, id: &str) -> Option<(u64, u64)> {
    let mut carts = reply.body["carts"].as_array().unwrap().iter();
    let cart = carts.find(|cart| cart["id"] == id)?;
    assert!(text(&cart["updated_at"]).ends_with('Z'));
    Some((cart["quantity"].as_u64().unwrap(), cart["saved"].as_u64().unwrap()))
}

#[tokio::test]
async fn carts_are_found_by_what_they_hold_now() {
    let shop = Shop::with(|_| ());
    let service = shop.service(&["carts"]);
    let (ann, bob) = (shop.guest().await, shop.guest().await);
    let (of_ann, of_bob) = (ann.add("A", 2).await, bob.add("A", 1).await);
    let found = holders(&service, "sku=A").await;
    assert_eq!((counted(&found, of_ann.id()), counted(&found, of_bob.id())), (Some((2, 0)), Some((1, 0))));
    ann.post(&format!("{}/move", of_ann.path("A")), json!({"to": "saved"})).await.is(200);
    bob.delete(&of_bob.path("A")).await.is(200);
    let found = holders(&service, "sku=A").await;
    assert_eq!((counted(&found, of_ann.id()), counted(&found, of_bob.id())), (Some((0, 2)), None));
    assert_eq!(holders(&service, "sku=no-such-sku").await.body["carts"], json!([]));
}

#[tokio::test]
async fn holders_are_paged_in_order() {
    let shop = Shop::with(|_| ());
    let service = shop.service(&["carts"]);
    let mut carts = Vec::new();
    for _ in 0..7 {
        carts.push(shop.guest().await.add("B", 1).await.id().to_owned());
    }
    carts.sort_by_key(|id| cart::CartId::parse(id).unwrap());
    holders(&service, "sku=B").await;
    let (mut found, mut path) = (Vec::new(), "/v1/carts?sku=B&limit=3".to_owned());
    loop {
        let page = service.get(&path).await.is(200);
        found.extend(page.body["carts"].as_array().unwrap().iter().map(|cart| text(&cart["id"]).to_owned()));
        let Some(link) = page.header("link") else { break };
        path = link.strip_prefix('<').unwrap().split_once('>').unwrap().0.to_owned();
    }
    assert_eq!(found, carts);
}

#[tokio::test]
async fn carts_are_found_after_a_restart_and_without_the_folder_of_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::serve(folder.path());
    let cart = process.shop().await.guest().await.add("C", 3).await.id().to_owned();
    process.terminate();
    process.wait();
    for deleted in [false, true] {
        if deleted {
            std::fs::remove_dir_all(folder.path().join("sku-index")).unwrap();
        }
        let mut process = Process::serve(folder.path());
        let service = Shop::at(process.address, folder.path()).service(&["carts"]);
        assert_eq!(counted(&holders(&service, "sku=C").await, &cart), Some((3, 0)));
        process.terminate();
        process.wait();
    }
}

#[tokio::test]
async fn only_services_search_all_carts() {
    let shop = Shop::open();
    for caller in [shop.service(&["catalog"]), shop.guest().await] {
        caller.get("/v1/carts?sku=A").await.is_problem(403, "insufficient_scope");
    }
    let service = shop.service(&["carts"]);
    for wrong in ["sku=", "sku=A&limit=0", "sku=A&limit=101", "sku=A&after=x"] {
        service.get(&format!("/v1/carts?{wrong}")).await.is_problem(400, "bad_header");
    }
}
