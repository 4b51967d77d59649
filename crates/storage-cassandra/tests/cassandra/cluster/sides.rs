//! Two regions, one in each data centre: who is asked, and who sees what.

use super::{AWAY, HOME, Taken, asking, region::Region, region::cart, taken};
use crate::node;
use bytes::Bytes;
use std::collections::BTreeMap;
use storage::{CatalogRow, LinearTable, cart::Timestamp, cart::line::Sku};

/// What clients have asked of the nodes of a data centre, by the address of the connection.
async fn asked(taken: &Taken, datacenter: &str) -> BTreeMap<String, i64> {
    let mut asked = BTreeMap::new();
    for node in taken.cluster.nodes(datacenter) {
        let session = asking(node.address()).await;
        // Whoever asks about itself counts too; its connections are not among those that were there before.
        let select = "SELECT address, port, request_count FROM system_views.clients";
        let rows = session.query_unpaged(select, ()).await.unwrap().into_rows_result().unwrap();
        for row in rows.rows::<(std::net::IpAddr, i32, i64)>().unwrap() {
            let (address, port, count) = row.unwrap();
            asked.insert(format!("{} from {address}:{port}", node.address()), count);
        }
    }
    asked
}

/// How often the connections that are in both were asked in between.
fn between(before: &BTreeMap<String, i64>, after: &BTreeMap<String, i64>) -> i64 {
    before.iter().filter_map(|(connection, count)| Some(after.get(connection)? - count)).sum()
}

/// Each operation on rows, records and items, once.
async fn every_operation(region: &Region, round: u32) {
    let (id, stores) = (cart(41), &region.stores);
    region.append(id, round).await.unwrap();
    region.replace(id, round).await.unwrap();
    region.load(id).await.unwrap();
    region.sign(b"asked", &round.to_string()).await.unwrap();
    let sku = Sku::parse("asked").unwrap();
    let item = CatalogRow { sku: sku.clone(), revision: u64::from(round), bytes: Bytes::new() };
    stores.catalog.put_items(vec![item]).await.unwrap();
    stores.catalog.get_items(&[sku]).await.unwrap();
    stores.carts.find_unfolded(&region.owner, None, 1).await.unwrap();
    stores.carts.owners().await.unwrap();
    stores.linear.due(LinearTable::Stock, Timestamp(1), None, 1).await.unwrap();
}

/// How many requests the nodes of both data centres get for rounds of every operation of a region.
async fn asked_by(taken: &Taken, region: &Region, rounds: std::ops::Range<u32>) -> [i64; 2] {
    every_operation(region, rounds.start).await;
    let before = [asked(taken, HOME).await, asked(taken, AWAY).await];
    for round in rounds.skip(1) {
        every_operation(region, round).await;
    }
    [between(&before[0], &asked(taken, HOME).await), between(&before[1], &asked(taken, AWAY).await)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_asked_of_the_nodes_of_the_other_data_centre_but_records_of_their_home() {
    let Some(mut taken) = taken().await else { return };
    let (at_home, elsewhere) = (taken.both(HOME).await, taken.both(AWAY).await);
    let by_home = asked_by(&taken, &Region::open(&at_home).await, 1..42).await;
    let by_away = asked_by(&taken, &Region::open(&elsewhere).await, 42..83).await;
    eprintln!(
        "requests to {HOME} and {AWAY} for 40 rounds: from {HOME} {by_home:?}, from {AWAY} {by_away:?}"
    );
    // Connections from before this test are asked now and then whether they still stand.
    assert!(by_home[0] > 40 * 30 && by_home[1] < 20, "{by_home:?}");
    // Three requests of each round are on a record, and those on due ones.
    assert!((80..40 * 10).contains(&by_away[0]) && by_away[1] > 40 * 20, "{by_away:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_and_deltas_of_both_regions_are_seen_in_both() {
    let Some(mut taken) = taken().await else { return };
    let (at_home, away) = (taken.both(HOME).await, taken.both(AWAY).await);
    let regions = [Region::open(&at_home).await, Region::open(&away).await];
    for (region, seqs) in regions.iter().zip([1..4, 11..14]) {
        for seq in seqs {
            region.append(cart(42), seq).await.unwrap();
            region.replace(cart(42), seq).await.unwrap();
        }
    }
    for region in &regions {
        let seen = node::until("both are seen", || async {
            let rows = region.load(cart(42)).await.ok()?;
            let mut rows_of: Vec<(String, Bytes)> =
                rows.snapshots.into_iter().map(|row| (row.owner.as_str().to_owned(), row.bytes)).collect();
            let mut deltas: Vec<(String, u32)> = rows
                .deltas
                .iter()
                .map(|row| (row.key.owner.as_str().to_owned(), row.key.operation.seq))
                .collect();
            rows_of.sort();
            deltas.sort();
            (rows_of.len() == 2 && rows_of[0].1 == "3" && rows_of[1].1 == "13" && deltas.len() == 6)
                .then_some((rows_of, deltas))
        });
        let (rows, deltas) = seen.await;
        assert_eq!((rows[0].0.as_str(), rows[1].0.as_str()), ("eu.1", "us.1"));
        let expected = [1, 2, 3].map(|seq| ("eu.1".to_owned(), seq)).into_iter();
        let expected = expected.chain([11, 12, 13].map(|seq| ("us.1".to_owned(), seq)));
        assert_eq!(deltas, expected.collect::<Vec<_>>());
        assert!(region.stores.carts.scan(None, 1_000).await.unwrap().contains(&cart(42)));
    }
}
