//! One cluster: a primary and the replicas that follow it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio_postgres::Row;

use crate::dial::{Dialer, Role};
use crate::meter;
use crate::node::{Node, Params};
use crate::replica::{Replica, Watch};
use crate::{OpenError, PostgresOptions, ShardOptions};

/// One cluster.
pub(crate) struct Shard {
    pub(crate) primary: Node,
    replicas: Vec<Arc<Replica>>,
    watch: Watch,
    /// Whose turn it is.
    turn: AtomicUsize,
    replica_limit: Duration,
}

impl Shard {
    pub(crate) fn new(
        dialer: &Dialer,
        number: usize,
        shard: &ShardOptions,
        options: &PostgresOptions,
    ) -> Result<Self, OpenError> {
        let replicas = shard
            .replicas
            .iter()
            .map(|url| Node::new(dialer, url, Role::Replica).map(|node| Arc::new(Replica::new(node))));
        Ok(Self {
            primary: Node::new(dialer, &shard.primary, Role::Primary)?,
            replicas: replicas.collect::<Result<_, _>>()?,
            watch: Watch {
                shard: number,
                lag_max: options.replica_lag_max,
                written: Mutex::new(VecDeque::new()),
            },
            turn: AtomicUsize::new(0),
            replica_limit: options.timeouts.replica,
        })
    }

    /// What a replica answers; `None` when none is fit to.
    pub(crate) async fn stale(&self, sql: &'static str, params: Params<'_>) -> Option<Vec<Row>> {
        if self.replicas.is_empty() {
            return None;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        for at in 0..self.replicas.len() {
            let replica = &self.replicas[turn.wrapping_add(at) % self.replicas.len()];
            if !replica.is_fit() {
                continue;
            }
            if let Some(rows) = replica.query(sql, params, self.replica_limit).await {
                meter::stale_read("replica");
                return Some(rows);
            }
        }
        meter::stale_read("primary");
        None
    }

    /// Looks at the replicas now, and from then on; nothing where there are none.
    pub(crate) async fn watch(self: &Arc<Self>, every: Duration) -> Option<JoinHandle<()>> {
        if self.replicas.is_empty() {
            return None;
        }
        self.watch.look(&self.primary, &self.replicas).await;
        let shard = Arc::clone(self);
        Some(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(every);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                shard.watch.look(&shard.primary, &shard.replicas).await;
            }
        }))
    }
}
