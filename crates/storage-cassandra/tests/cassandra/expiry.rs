//! Nothing that is written ever expires: P9, "engine TTL on live rows", is found where it is planted and is not there where
//! it is not.
//!
//! Every operation that writes is done, and then the node is asked what it keeps. A table of nothing but its key shows no
//! time to live; there, the statements that the node was given are read. A planted bug is on for one thread, so what looks
//! for it runs on one.

use crate::node;
use bytes::Bytes;
use scylla::{client::session::Session, deserialize::row::DeserializeRow};
use storage::{
    Bucket, CatalogRow, DeltaKey, Inserted, LinearTable, RecordReplaced, Replaced, RowKey, Stores,
    cart::{
        CartId, Dot, Timestamp, WriterId,
        line::Sku,
        planted::{self, Bug},
    },
    conformance::sample::owner,
};

const TABLE: LinearTable = LinearTable::Ledger;
const DUE: Option<Timestamp> = Some(Timestamp(1_577_836_800_000));

/// Every operation that writes, each so that what it writes stays. Rows of two carts: one written first, one replaced.
async fn write_everything(stores: &Stores) {
    let carts = &stores.carts;
    carts.register(&owner()).await.unwrap();
    for (cart, times) in [(CartId([1; 16]), 1), (CartId([2; 16]), 2)] {
        let key = RowKey { cart, owner: owner() };
        let mut version = None;
        for _ in 0..times {
            let replaced =
                carts.replace(&key, version, Bucket(10), Bytes::from_static(b"row")).await.unwrap();
            let Replaced::Applied(next) = replaced else { panic!("nobody else writes: {replaced:?}") };
            version = Some(next);
        }
        let operation = Dot::new(WriterId(1), 1);
        let delta = DeltaKey { cart, owner: owner(), bucket: Bucket(11), operation, value_hash: 0 };
        carts.append(&delta, Bytes::from_static(b"delta")).await.unwrap();
    }
    for (key, times) in [(b"inserted", 0), (b"replaced", 1)] {
        let inserted = stores.linear.insert_if_absent(TABLE, key, Bytes::from_static(b"record"), DUE).await;
        let Inserted::Inserted(version) = inserted.unwrap() else { panic!("it was there") };
        for _ in 0..times {
            let replaced = stores.linear.replace(TABLE, key, version, Bytes::from_static(b"next"), DUE).await;
            assert!(matches!(replaced.unwrap(), RecordReplaced::Applied(_)));
        }
    }
    let item = CatalogRow { sku: Sku::parse("A").unwrap(), revision: 1, bytes: Bytes::from_static(b"item") };
    stores.catalog.put_items(vec![item]).await.unwrap();
}

async fn rows<R>(session: &Session, select: &str) -> Vec<R>
where
    R: for<'frame> DeserializeRow<'frame, 'frame>,
{
    let rows = session.query_unpaged(select, ()).await.unwrap().into_rows_result().unwrap();
    rows.rows::<R>().unwrap().map(Result::unwrap).collect()
}

/// All that will expire in a keyspace, by where that is said.
async fn expiring(session: &Session, keyspace: &str) -> Vec<String> {
    let of = format!("WHERE keyspace_name = '{keyspace}'");
    let mut found = Vec::new();
    let select = format!("SELECT table_name, default_time_to_live FROM system_schema.tables {of}");
    let tables = rows::<(String, i32)>(session, &select).await;
    assert_eq!(tables.len(), 10, "{tables:?}");
    for (table, seconds) in tables {
        if seconds != 0 {
            found.push(format!("{table} by default"));
        }
        let count = rows::<(i64,)>(session, &format!("SELECT count(*) FROM {keyspace}.{table}")).await[0].0;
        assert!(count > 0, "nothing was written to `{table}`: it is not checked");
    }
    let select = format!("SELECT table_name, column_name, kind FROM system_schema.columns {of}");
    let columns = rows::<(String, String, String)>(session, &select).await;
    for (table, column, _) in columns.iter().filter(|(_, _, kind)| kind == "regular") {
        let select = format!("SELECT TTL({column}) FROM {keyspace}.{table}");
        let times = rows::<(Option<i32>,)>(session, &select).await;
        let count = times.iter().filter(|(seconds,)| seconds.is_some()).count();
        if count > 0 {
            found.push(format!("{count} of {} {table}.{column}", times.len()));
        }
    }
    let told = rows::<(String,)>(session, "SELECT query_string FROM system.prepared_statements").await;
    let told: Vec<String> =
        told.into_iter().map(|(text,)| text).filter(|text| text.contains(&format!("{keyspace}."))).collect();
    assert!(told.len() > 20, "the node keeps what it was told: {told:?}");
    found.extend(told.into_iter().filter(|text| text.contains(" TTL ")));
    found
}

/// Writes as this thread does, bugs and all, and says what will expire.
async fn expiring_of_all_that_is_written(keyspace: &str) -> Option<Vec<String>> {
    let address = node::shared().await?;
    let options = node::fresh(address, keyspace).await;
    let stores = storage_cassandra::open(&options).await.unwrap();
    write_everything(&stores).await;
    Some(expiring(&node::session(address).await, keyspace).await)
}

#[tokio::test]
async fn nothing_that_is_written_expires() {
    let Some(found) = expiring_of_all_that_is_written("lasting").await else { return };
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn p9_a_time_to_live_on_live_rows_is_found() {
    let planted = planted::plant(Bug::P9TimeToLiveOnLiveRows);
    let Some(found) = expiring_of_all_that_is_written("expiring").await else { return };
    drop(planted);
    // Two deltas, the row that was inserted, and the one that was replaced.
    assert!(found.contains(&"4 of 4 carts.bytes".to_owned()), "{found:?}");
    for statement in ["INSERT INTO expiring.carts", "UPDATE expiring.carts"] {
        assert!(found.iter().any(|found| found.starts_with(statement)), "{statement}: {found:?}");
    }
}
