//! The engine passes the suite.
//!
//! Making ten tables takes seconds, so all cases share a keyspace: one at a time, emptied before each.

use crate::node;
use scylla::client::session::Session;
use storage::conformance::Subject;
use storage_cassandra::CassandraOptions;
use tokio::sync::Mutex;

static KEYSPACE: Mutex<Option<CassandraOptions>> = Mutex::const_new(None);

async fn subject() -> Option<Subject> {
    let address = node::shared().await?;
    let mut keyspace = KEYSPACE.lock().await;
    let options = match keyspace.take() {
        Some(options) => {
            empty(&node::session(address).await, &options.keyspace).await;
            options
        }
        None => node::fresh(address, &format!("conformance_{}", std::process::id())).await,
    };
    let stores = storage_cassandra::open(&options).await.expect("the store opens");
    *keyspace = Some(options);
    Some(Subject { stores, keep_alive: Box::new(keyspace) })
}

/// Takes out everything but what `init` has written.
async fn empty(session: &Session, keyspace: &str) {
    let select = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
    let rows = session.query_unpaged(select, (keyspace,)).await.unwrap().into_rows_result().unwrap();
    let names: Vec<String> = rows.rows::<(String,)>().unwrap().map(|row| row.unwrap().0).collect();
    let truncations = names.iter().filter(|name| *name != "meta").map(|name| {
        let truncate = format!("TRUNCATE {keyspace}.{name}");
        async { session.query_unpaged(truncate, ()).await.map(drop) }
    });
    futures::future::try_join_all(truncations).await.expect("tables can be emptied");
}

storage::conformance_suite!(match subject().await {
    Some(subject) => std::future::ready(subject),
    None => return,
});
