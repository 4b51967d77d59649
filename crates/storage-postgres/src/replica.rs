//! Servers that follow a primary, for reads that may be stale.
//!
//! Always: a replica is read only while it was found, a moment ago, to follow this very shard and not to be further
//! behind than is allowed. How far behind is told by the primary's log: a replica that lost its connection believes that
//! it has everything.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::time::timeout;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::meter;
use crate::node::{Node, Params};

const WRITTEN: &str = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::int8, cluster, number FROM shard";
const REPLAYED: &str = "SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::int8, cluster, number FROM shard \
                        WHERE pg_is_in_recovery()";

/// A server that follows a primary.
pub(crate) struct Replica {
    node: Node,
    fit: AtomicBool,
}

/// What is looked at, and how.
pub(crate) struct Watch {
    pub(crate) shard: usize,
    pub(crate) lag_max: Duration,
    /// How far the primary was, and when.
    pub(crate) written: Mutex<VecDeque<(Instant, i64)>>,
}

/// Where a server is in the log, and of which shard.
type Position = (i64, Uuid, i16);

impl Replica {
    pub(crate) fn new(node: Node) -> Self {
        Self { node, fit: AtomicBool::new(false) }
    }

    pub(crate) fn is_fit(&self) -> bool {
        self.fit.load(Ordering::Relaxed)
    }

    /// Reads, and is not read again before the next look at it where that fails.
    pub(crate) async fn query(
        &self,
        sql: &'static str,
        params: Params<'_>,
        limit: Duration,
    ) -> Option<Vec<Row>> {
        match timeout(limit, self.node.query(sql, params)).await {
            Ok(Ok(rows)) => Some(rows),
            Ok(Err(failure)) => {
                self.unfit(&format!("{failure:?}"));
                None
            }
            Err(_) => {
                self.unfit("no answer in time");
                None
            }
        }
    }

    fn unfit(&self, why: &str) {
        if self.fit.swap(false, Ordering::Relaxed) {
            tracing::warn!(replica = self.node.name(), why, "replica is not read for now");
        }
    }
}

impl Watch {
    /// Looks at the primary and all replicas once.
    pub(crate) async fn look(&self, primary: &Node, replicas: &[Arc<Replica>]) {
        let written = position(primary, WRITTEN);
        let replayed =
            futures::future::join_all(replicas.iter().map(|replica| position(&replica.node, REPLAYED)));
        let (written, replayed) = futures::future::join(written, replayed).await;
        if let Some((lsn, ..)) = written {
            self.remember(lsn);
        }
        for (number, (replica, replayed)) in replicas.iter().zip(replayed).enumerate() {
            self.judge(number, replica, replayed, written);
        }
    }

    fn remember(&self, lsn: i64) {
        let mut samples = self.written.lock();
        samples.push_back((Instant::now(), lsn));
        while samples.front().is_some_and(|(at, _)| at.elapsed() > self.lag_max * 2) && samples.len() > 1 {
            samples.pop_front();
        }
    }

    fn judge(&self, number: usize, replica: &Replica, replayed: Option<Position>, written: Option<Position>) {
        let Some((lsn, cluster, shard)) = replayed else {
            return replica.unfit("it does not answer, or follows nobody");
        };
        if written.is_some_and(|(_, of, at)| (of, at) != (cluster, shard)) {
            return replica.unfit("it follows another shard");
        }
        let lag = self.lag(lsn);
        meter::replica_lag(self.shard, number, lag);
        if lag > self.lag_max {
            return replica.unfit("it is too far behind");
        }
        if !replica.fit.swap(true, Ordering::Relaxed) {
            tracing::info!(replica = replica.node.name(), "replica is read");
        }
    }

    /// For how long there has been something that is not replayed yet.
    fn lag(&self, replayed: i64) -> Duration {
        let samples = self.written.lock();
        let missing = samples.iter().find(|(_, lsn)| *lsn > replayed);
        missing.map_or(Duration::ZERO, |(at, _)| at.elapsed())
    }
}

async fn position(node: &Node, sql: &'static str) -> Option<Position> {
    let rows = node.query(sql, &[]).await.ok()?;
    rows.first().map(|row| (row.get(0), row.get(1), row.get(2)))
}
