//! The engine passes the suite.
//!
//! Making ten tables takes seconds, so all cases share a keyspace: one at a time, emptied before each.

use crate::{emptied::empty, node};
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

storage::conformance_suite!(match subject().await {
    Some(subject) => std::future::ready(subject),
    None => return,
});
