//! The engine on several nodes in two data centres: three nodes in one, one in the other.
//!
//! One cluster for all of it. Whoever takes it has it alone and finds it whole: what was done to its nodes before is mended
//! first.

#[path = "cluster/outages.rs"]
mod outages;
#[path = "cluster/placement.rs"]
mod placement;
#[path = "cluster/records.rs"]
mod records;
#[path = "cluster/region.rs"]
mod region;
#[path = "cluster/sides.rs"]
mod sides;

use crate::node;
use engines::cassandra::{Cassandra, Cluster};
use scylla::{
    client::{session::Session, session_builder::SessionBuilder},
    policies::host_filter::AllowListHostFilter,
};
use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, LazyLock},
};
use storage_cassandra::{CassandraOptions, SerialLevel, schema};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// The data centre of three nodes, where records are decided.
const HOME: &str = "dc1";
/// That of one node.
const AWAY: &str = "dc2";
/// Copies as there are nodes.
const COPIES: [(&str, u32); 2] = [(HOME, 3), (AWAY, 1)];
/// Kept in both, its records decided at home.
const BOTH: &str = "both";

#[derive(Default)]
struct Shared {
    cluster: Option<Arc<Cluster>>,
    keyspaces: BTreeSet<String>,
}

static SHARED: LazyLock<Arc<Mutex<Shared>>> = LazyLock::new(Arc::default);

/// The cluster, for one test at a time.
struct Taken {
    cluster: Arc<Cluster>,
    shared: OwnedMutexGuard<Shared>,
}

/// `None` where no cluster can be had.
async fn taken() -> Option<Taken> {
    let mut shared = SHARED.clone().lock_owned().await;
    if let Some(cluster) = shared.cluster.clone() {
        let mended = cluster.clone();
        node::blocking(move || mended.mend()).await.expect("the cluster is mended");
        return Some(Taken { cluster, shared });
    }
    let started = || engines::or_skip(Cluster::start(&[(HOME, 3), (AWAY, 1)]));
    let cluster = Arc::new(node::blocking(started).await?);
    shared.cluster = Some(cluster.clone());
    Some(Taken { cluster, shared })
}

impl Taken {
    /// Options of an engine in a data centre, for a keyspace with copies in both and records decided at [`HOME`].
    fn options(&self, datacenter: &str, keyspace: &str) -> CassandraOptions {
        let points = self.cluster.nodes(datacenter).iter().map(|node| node.address().to_string()).collect();
        CassandraOptions {
            keyspace: keyspace.to_owned(),
            replication: COPIES.map(|(name, copies)| (name.to_owned(), copies)).into(),
            serial: SerialLevel::Home { datacenter: HOME.to_owned() },
            ..CassandraOptions::new(points, datacenter)
        }
    }

    /// The same for [`BOTH`], which is made first where it is not there: that takes seconds.
    async fn both(&mut self, datacenter: &str) -> CassandraOptions {
        self.made(&self.options(HOME, BOTH)).await;
        self.options(datacenter, BOTH)
    }

    /// Makes a keyspace once.
    async fn made(&mut self, options: &CassandraOptions) {
        if self.shared.keyspaces.insert(options.keyspace.clone()) {
            schema::init(options).await.expect("the schema can be made");
        }
    }

    fn address(&self, datacenter: &str) -> SocketAddr {
        self.cluster.nodes(datacenter)[0].address()
    }

    /// Does something to the first nodes of a data centre.
    async fn to(&self, datacenter: &'static str, nodes: std::ops::Range<usize>, fault: Fault) {
        let cluster = self.cluster.clone();
        let done = move || cluster.nodes(datacenter)[nodes].iter().try_for_each(|node| fault(node));
        node::blocking(done).await.expect("a fault is done");
    }

    async fn mend(&self) {
        let cluster = self.cluster.clone();
        node::blocking(move || cluster.mend()).await.expect("the cluster is mended");
    }
}

type Fault = fn(&Cassandra) -> engines::Result<()>;

/// A session that asks one node and no other.
async fn asking(address: SocketAddr) -> Session {
    let alone = AllowListHostFilter::new([address]).expect("an address is one");
    let session = SessionBuilder::new().known_node_addr(address).host_filter(Arc::new(alone));
    session.build().await.expect("the node lets a session in")
}
