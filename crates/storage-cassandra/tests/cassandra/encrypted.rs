//! TLS to a node, and none to one that proves nothing.

use crate::node;
use bytes::Bytes;
use engines::cassandra::{Cassandra, Options};
use storage::{Bucket, Consistency, RowKey, conformance::sample::owner};
use storage_cassandra::{CassandraOptions, OpenError, TlsOptions, schema};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_believed_if_an_authority_vouches_for_its_address() {
    let wanted = Options { tls: true, ..Options::default() };
    let Some(server) = node::blocking(move || engines::or_skip(Cassandra::start_with(&wanted))).await else {
        return;
    };
    let options = node::options(server.address(), "encrypted");
    let with = |pem: Option<Vec<u8>>| CassandraOptions {
        tls: Some(TlsOptions { authorities_pem: pem }),
        ..options.clone()
    };
    let believed = with(Some(std::fs::read(server.certificate().unwrap()).unwrap()));
    schema::init(&believed).await.unwrap();
    let stores = storage_cassandra::open(&believed).await.unwrap();
    let key = RowKey { cart: storage::cart::CartId([1; 16]), owner: owner() };
    stores.carts.replace(&key, None, Bucket(0), Bytes::from_static(b"row")).await.unwrap();
    let rows = stores.carts.load(key.cart, Consistency::Strong).await.unwrap();
    assert_eq!(rows.snapshots[0].bytes, "row");
    // The machine's authorities know nothing of it.
    let stranger = storage_cassandra::open(&with(None)).await.unwrap_err();
    assert!(matches!(stranger, OpenError::Unreachable { .. }), "{stranger:?}");
    let nonsense = storage_cassandra::open(&with(Some(b"no certificate".to_vec()))).await.unwrap_err();
    assert!(matches!(nonsense, OpenError::Authorities(_)), "{nonsense:?}");
    node::blocking(move || drop(server)).await;
}
