//! The network cut at any byte of a write, and refused.

use std::net::SocketAddr;

use engines::relay::{Relay, Way};
use storage::conformance::sample::{add, cart_id, load, owner, stored};
use storage::{Bucket, Consistency, Replaced, RowKey, StoreError, Stores, Version};
use storage_dynamodb::DynamoDb;

use crate::local::{self, blocking};

/// Where the connection ends: in the head, in the body, behind the request, in the answer. A request has about a thousand
/// bytes, an answer two hundred.
const CUTS: [(Way, u64); 8] = [
    (Way::ToServer, 0),
    (Way::ToServer, 200),
    (Way::ToServer, 700),
    (Way::ToServer, 1_000),
    (Way::ToClient, 0),
    (Way::ToClient, 20),
    (Way::ToClient, 150),
    (Way::ToClient, 220),
];

/// Through the relay with so many attempts, and past it.
async fn stores(relay: &Relay, server: &str, attempts_max: u32) -> (Stores, Stores) {
    let mut options = local::options(server);
    DynamoDb::init(options.clone()).await.unwrap();
    let direct = DynamoDb::open(options.clone()).await.unwrap().stores();
    options.endpoint_url = Some(format!("http://{}", relay.address()));
    options.attempts_max = attempts_max;
    (DynamoDb::open(options).await.unwrap().stores(), direct)
}

async fn relay() -> Option<(Relay, String)> {
    let server = local::shared().await?;
    let address: SocketAddr = server.trim_start_matches("http://").parse().unwrap();
    Some((blocking(move || Relay::to(address).unwrap()).await, server))
}

fn row(number: u8) -> RowKey {
    RowKey { cart: cart_id(number), owner: owner() }
}

#[tokio::test]
async fn a_write_that_is_cut_anywhere_is_done_once_by_the_attempt_after_it() {
    let Some((relay, server)) = relay().await else { return };
    let (relayed, direct) = stores(&relay, &server, 3).await;
    for (number, (way, bytes)) in (1..).zip(CUTS) {
        relay.cut_after(way, bytes);
        let written = relayed.carts.replace(&row(number), None, Bucket(0), stored(&add(1, 1, "A"))).await;
        relay.heal();
        assert_eq!(written.unwrap(), Replaced::Applied(Version(1)), "{way:?} {bytes}");
        let rows = direct.carts.load(cart_id(number), Consistency::Strong).await.unwrap();
        assert_eq!(rows.snapshots[0].version, Version(1), "{way:?} {bytes}");
    }
}

#[tokio::test]
async fn a_write_that_is_cut_and_not_tried_again_is_settled_by_a_strong_read() {
    let Some((relay, server)) = relay().await else { return };
    let (relayed, direct) = stores(&relay, &server, 1).await;
    let mut done = Vec::new();
    for (number, (way, bytes)) in (1..).zip(CUTS) {
        // A pooled connection that is gone already is no attempt: this one is there.
        load(&*relayed.carts, cart_id(number)).await.unwrap();
        relay.cut_after(way, bytes);
        let written = relayed.carts.replace(&row(number), None, Bucket(0), stored(&add(1, 1, "A"))).await;
        // What was not reached by this write is not kept for the next.
        relay.heal();
        let settled = load(&*relayed.carts, cart_id(number)).await.unwrap();
        match written {
            Ok(written) => assert_eq!(written, Replaced::Applied(Version(1))),
            Err(error) => {
                assert!(matches!(error, StoreError::Indeterminate(_)), "{way:?} {bytes}: {error:?}");
            }
        }
        assert_eq!(settled, load(&*direct.carts, cart_id(number)).await.unwrap());
        done.push(!settled.is_untouched());
        if settled.is_untouched() {
            let again = relayed.carts.replace(&row(number), None, Bucket(0), stored(&add(1, 1, "A"))).await;
            assert_eq!(again.unwrap(), Replaced::Applied(Version(1)), "{way:?} {bytes}");
        }
    }
    assert!(done.contains(&true) && done.contains(&false), "cuts before and after the work: {done:?}");
}

#[tokio::test]
async fn a_server_that_refuses_connections_has_done_nothing_and_is_found_again() {
    let Some((relay, server)) = relay().await else { return };
    let (relayed, _) = stores(&relay, &server, 3).await;
    relay.refuse();
    relay.cut();
    // What the client did not see end yet may be sent on a connection that is gone; from then on there is none.
    let write = async || relayed.carts.replace(&row(1), None, Bucket(0), stored(&add(1, 1, "A"))).await;
    let error = write().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_) | StoreError::Indeterminate(_)), "{error:?}");
    let error = write().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    relay.heal();
    assert_eq!(write().await.unwrap(), Replaced::Applied(Version(1)));
}
