//! For whoever runs the server: `/livez`, `/readyz`, `/metrics`.

use crate::harness::{Shop, process::Process};
use serde_json::json;

/// The sum of a counter's samples whose labels contain these.
pub(crate) async fn counted(shop: &Shop, name: &str, labels: &[&str]) -> u64 {
    let text = shop.nobody().get("/metrics").await.is(200).text;
    let samples = text.lines().filter_map(|line| line.strip_prefix(name)?.rsplit_once(' '));
    let samples = samples.filter(|(named, _)| named.is_empty() || named.starts_with('{'));
    let wanted = samples.filter(|(named, _)| labels.iter().all(|label| named.contains(label)));
    wanted.map(|(_, value)| value.parse::<u64>().unwrap()).sum()
}

/// Writes of carts that were done for requests, in whichever way the engine takes them.
pub(crate) async fn cart_writes(shop: &Shop) -> u64 {
    let count = async |operation| {
        let labels = [operation, "store=\"carts\"", "asker=\"request\"", "outcome=\"ok\""];
        counted(shop, "evercart_store_operations_total", &labels).await
    };
    count("operation=\"append\"").await + count("operation=\"replace\"").await
}

#[tokio::test]
async fn a_server_that_runs_is_live_and_ready_and_asks_nobody_who_they_are() {
    let shop = Shop::open();
    assert_eq!(shop.nobody().get("/livez").await.is(200).text, "live\n");
    let ready = shop.nobody().get("/readyz").await.is(200);
    assert_eq!(ready.body, json!({"status": "ready"}));
}

#[tokio::test]
async fn metrics_count_requests_by_route_and_never_by_cart() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::serve(folder.path());
    let shop = process.shop().await;
    let guest = shop.guest().await;
    let added = guest.add("A", 1).await;
    guest.put(&added.path("A"), json!({"quantity": 3})).await.is(200);
    guest.get("/v1/nowhere").await.is(404);
    let keyed = guest.with("idempotency-key", "k");
    keyed.add("B", 1).await;
    keyed.add("B", 1).await;
    let metrics = shop.nobody().get("/metrics").await.is(200);
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let labels =
        ["http_request_method=\"PUT\"", "http_route=\"/v1/cart/lines/{line}\"", "status_code=\"200\""];
    assert_eq!(counted(&shop, "http_server_request_duration_seconds_count", &labels).await, 1);
    assert_eq!(counted(&shop, "evercart_replays_total", &[]).await, 1);
    assert_eq!(cart_writes(&shop).await, 3, "{}", metrics.text);
    for secret in [added.id(), &guest.token(), "ann", "NOT-SOLD-HERE"] {
        assert!(!metrics.text.contains(secret), "{secret}");
    }
    for line in metrics.text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let name = line.split(['{', ' ']).next().unwrap();
        let family = name.trim_end_matches("_bucket").trim_end_matches("_sum").trim_end_matches("_count");
        assert!(metrics.text.contains(&format!("# TYPE {family} ")), "no type: {line}");
        assert!(metrics.text.contains(&format!("# HELP {family} ")), "no meaning: {line}");
    }
}
