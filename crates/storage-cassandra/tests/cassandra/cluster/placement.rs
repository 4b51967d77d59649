//! Where a keyspace has its copies, and engines that are opened where it has none.

use super::{AWAY, COPIES, HOME, asking, taken};
use crate::node;
use scylla::{client::session::Session, statement::Consistency, statement::Statement};
use std::collections::BTreeMap;
use storage_cassandra::{CassandraOptions, OpenError, SerialLevel, schema};

/// The replication of a keyspace, as the cluster keeps it.
async fn replication(session: &Session, keyspace: &str) -> Option<BTreeMap<String, String>> {
    let select = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?";
    let rows = session.query_unpaged(select, (keyspace,)).await.unwrap().into_rows_result().unwrap();
    rows.maybe_first_row::<(BTreeMap<String, String>,)>().unwrap().map(|(replication,)| replication)
}

/// Copies of a keyspace by data centre.
fn copies(of: &[(&str, u32)]) -> BTreeMap<String, u32> {
    of.iter().map(|(name, copies)| ((*name).to_owned(), *copies)).collect()
}

async fn refused(options: &CassandraOptions) -> OpenError {
    storage_cassandra::open(options).await.expect_err("the store must not open")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keyspace_has_exactly_the_copies_that_it_was_made_with() {
    let Some(mut taken) = taken().await else { return };
    let options = taken.both(AWAY).await;
    for datacenter in [HOME, AWAY] {
        let session = asking(taken.address(datacenter)).await;
        let mut kept = replication(&session, &options.keyspace).await.unwrap();
        let class = kept.remove("class").unwrap();
        assert_eq!(class, "org.apache.cassandra.locator.NetworkTopologyStrategy");
        let expected = COPIES.map(|(name, copies)| (name.to_owned(), copies.to_string()));
        assert_eq!(kept, BTreeMap::from(expected), "as told in {datacenter}");
    }
    let again =
        schema::init(&CassandraOptions { replication: copies(&[(AWAY, 1)]), ..options.clone() }).await;
    assert!(!again.unwrap().is_new);
    let session = node::session(taken.address(HOME)).await;
    let kept = replication(&session, &options.keyspace).await.unwrap();
    assert_eq!(kept.get(HOME).map(String::as_str), Some("3"), "what is there is not altered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_without_a_copy_in_its_data_centre_says_what_to_do_and_opens_once_that_is_done() {
    let Some(mut taken) = taken().await else { return };
    let home = CassandraOptions { replication: copies(&[(HOME, 3)]), ..taken.options(HOME, "one_side") };
    taken.made(&home).await;
    let away = taken.options(AWAY, "one_side");
    let error = refused(&away).await;
    assert!(matches!(&error, OpenError::NotReplicated { datacenter, .. } if datacenter == AWAY), "{error:?}");
    let told = error.to_string();
    assert!(told.contains("`dc2`: alter its replication, then repair"), "{told}");
    assert!(matches!(schema::init(&away).await, Err(OpenError::NotReplicated { .. })));

    let session = node::session(taken.address(HOME)).await;
    let altered = "ALTER KEYSPACE one_side WITH replication = \
                   {'class': 'NetworkTopologyStrategy', 'dc1': 3, 'dc2': 1}";
    session.query_unpaged(altered, ()).await.unwrap();
    // A read of all copies repairs what it reads.
    let mut repair = Statement::new("SELECT name, value FROM one_side.meta");
    repair.set_consistency(Consistency::All);
    session.query_unpaged(repair, ()).await.unwrap();
    storage_cassandra::open(&away).await.expect("it opens as the message said");

    // Rows have a copy where they are used, and records none where they are decided.
    let altered = "ALTER KEYSPACE one_side WITH replication = {'class': 'NetworkTopologyStrategy', 'dc2': 1}";
    session.query_unpaged(altered, ()).await.unwrap();
    let error = refused(&away).await;
    assert!(matches!(&error, OpenError::NotReplicated { datacenter, .. } if datacenter == HOME), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_centres_that_are_not_there_are_refused_with_those_that_are() {
    let Some(taken) = taken().await else { return };
    let right = taken.options(HOME, "nowhere");
    let local = CassandraOptions { local_datacenter: "dc3".to_owned(), ..right.clone() };
    let home = SerialLevel::Home { datacenter: "dc3".to_owned() };
    let decided = CassandraOptions { serial: home, ..right.clone() };
    let kept = CassandraOptions { replication: copies(&[(HOME, 3), ("dc3", 3)]), ..right };
    for (options, named) in [(local, "local_datacenter"), (decided, "serial"), (kept, "replication")] {
        let told = schema::init(&options).await.unwrap_err().to_string();
        assert!(told.contains("`dc3`, the cluster has `dc1`, `dc2`: correct"), "{named}: {told}");
        assert!(told.contains(&format!("`{named}`")), "{told}");
    }
    let session = node::session(taken.address(HOME)).await;
    assert_eq!(replication(&session, "nowhere").await, None, "nothing was made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keyspace_without_a_copy_where_it_is_used_or_decided_is_not_made() {
    let Some(taken) = taken().await else { return };
    let without = |local, kept| CassandraOptions {
        replication: copies(&[(kept, 1)]),
        ..taken.options(local, "nowhere_kept")
    };
    // Used in `dc2` and kept in `dc1`; kept and used in `dc2` and decided in `dc1`.
    for options in [without(AWAY, HOME), without(AWAY, AWAY)] {
        let error = schema::init(&options).await.unwrap_err();
        let told = error.to_string();
        assert!(matches!(error, OpenError::Option { option: "replication", .. }), "{told}");
        assert!(told.contains("the local data centre and in that which decides records"), "{told}");
    }
    let session = node::session(taken.address(HOME)).await;
    assert_eq!(replication(&session, "nowhere_kept").await, None, "nothing was made");
}
