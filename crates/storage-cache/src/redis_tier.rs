//! The tier in Redis: carts as hashes of rows, under leases and an epoch, shared by all nodes of a deployment.
//!
//! What always holds: each operation waits for `timeout` at most; a cart that was written while Redis did not answer is
//! owed, and Redis is not asked for it until it has left; what Redis kept over a restart is given up. The steps that must
//! be one are scripts (`redis_tier/lua`). Deliberately absent: retries within a request.

mod asking;
mod encoding;
mod hearing;
mod keeper;
mod link;
mod owed;
mod scripts;

use crate::{
    CacheError, Coherence, RedisOptions,
    local::{Kept, Local},
    message::{NodeId, milliseconds},
    meter::Meter,
    rows::Change,
};
use link::Link;
use owed::Owed;
use redis::{Client, FromRedisValue, Value};
use scripts::Scripts;
use std::{
    ops::Deref,
    sync::Arc,
    time::{Duration, Instant},
};
use storage::{
    Version,
    cart::{
        CartId,
        planted::{self, Bug},
    },
};
use tokio::{sync::Notify, task::JoinHandle};

/// How long somebody may take to fill a cart in before others may try.
const LEASE: Duration = Duration::from_secs(3);

/// The tier.
pub(crate) struct RedisTier {
    client: Client,
    options: RedisOptions,
    max_age: Duration,
    coherence: Coherence,
    node: NodeId,
    channel: String,
    scripts: Scripts,
    link: Link,
    owed: Owed,
    /// Something is owed, or the connection broke.
    wake: Notify,
    /// Whom messages of other nodes are for.
    local: Option<Arc<Local>>,
    pub(crate) meter: Meter,
}

/// The tier with the task that keeps its connection, which ends with it.
pub(crate) struct RunningTier {
    tier: Arc<RedisTier>,
    keeper: JoinHandle<()>,
}

/// What Redis said of a cart.
pub(crate) enum Looked {
    /// It has it.
    Found(Kept),
    /// It has not. With a lease the caller may fill it in.
    Missing(Option<Lease>),
    /// It was not asked, or did not answer.
    Away,
}

/// The right to fill a cart in, until it is written.
pub(crate) struct Lease(String);

impl RunningTier {
    /// Connects, and keeps connecting in the background where Redis cannot be reached.
    pub(crate) async fn start(
        options: RedisOptions,
        max_age: Duration,
        coherence: Coherence,
        local: Option<Arc<Local>>,
    ) -> Result<Self, CacheError> {
        let tier = Arc::new(RedisTier {
            client: keeper::client(&options)?,
            max_age,
            coherence,
            node: NodeId(rand::random()),
            channel: format!("{}written", options.key_prefix),
            scripts: Scripts::new(),
            link: Link::new(options.failures_max),
            owed: Owed::new(options.owed_max),
            wake: Notify::new(),
            local,
            meter: Meter::of("redis"),
            options,
        });
        tier.connect_first().await?;
        let keeper = tokio::spawn(tier.clone().keep());
        Ok(Self { tier, keeper })
    }
}

impl Deref for RunningTier {
    type Target = RedisTier;

    fn deref(&self) -> &RedisTier {
        &self.tier
    }
}

impl Drop for RunningTier {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl RedisTier {
    /// The cart, if `wanted` and there; else a lease to fill it in, if it is to be had.
    pub(crate) async fn look(&self, cart: CartId, wanted: bool) -> Looked {
        let Some(session) = self.session_for(cart) else { return Looked::Away };
        let token = format!("{:016x}", rand::random::<u64>());
        let mut ask = self.on(&self.scripts.look, &session, cart);
        ask.arg(&token).arg(milliseconds(LEASE)).arg(u8::from(wanted));
        match self.ask::<Vec<Value>>(&session, &ask).await.as_deref() {
            None => Looked::Away,
            Some([Value::Int(1), ..]) => Looked::Missing(Some(Lease(token))),
            Some([Value::Int(0), left, fields]) => match self.found(cart, left, fields) {
                Some(kept) => Looked::Found(kept),
                None => Looked::Missing(None),
            },
            Some(_) => Looked::Missing(None),
        }
    }

    /// What another node stored, unless another release did and it is not understood.
    fn found(&self, cart: CartId, left: &Value, fields: &Value) -> Option<Kept> {
        let left = u64::from_redis_value_ref(left).ok()?;
        let fields = Vec::<encoding::Field>::from_redis_value_ref(fields).ok()?;
        let age = self.max_age.saturating_sub(Duration::from_millis(left));
        let read_at = Instant::now().checked_sub(age)?;
        Some(Kept { rows: encoding::rows(cart, fields)?, read_at })
    }

    /// Stores what was read under a lease. True when the lease still held.
    pub(crate) async fn fill(&self, cart: CartId, lease: Lease, read: &Kept) -> bool {
        let lease = match planted::is_on(Bug::P12FillOvertakesInvalidation) {
            true => self.lease_after_the_read(cart, lease).await,
            false => lease,
        };
        let left = self.max_age.saturating_sub(read.read_at.elapsed());
        let Some(session) = self.session_for(cart).filter(|_| !left.is_zero()) else { return false };
        let mut ask = self.on(&self.scripts.fill, &session, cart);
        ask.arg(lease.0).arg(milliseconds(left));
        for (field, value) in encoding::fields(&read.rows) {
            ask.arg(field).arg(value);
        }
        self.ask::<u8>(&session, &ask).await == Some(1)
    }

    /// The planted bug: a lease that says nothing of what was written since the read.
    async fn lease_after_the_read(&self, cart: CartId, lease: Lease) -> Lease {
        match self.look(cart, false).await {
            Looked::Missing(Some(late)) => late,
            _ => lease,
        }
    }

    /// A cart was written. Returns when Redis knows, or when it is remembered that it does not.
    pub(crate) async fn change(&self, cart: CartId, change: Change<'_>, block: Duration) {
        let Some(session) = self.link.session() else { return self.owe(cart, block) };
        let script = match change {
            Change::Row { .. } | Change::Current(_) => &self.scripts.row,
            Change::Delta(_) => &self.scripts.delta,
            Change::Other => &self.scripts.forget,
        };
        let mut ask = self.on(script, &session, cart);
        self.say_written(&mut ask, cart, block);
        match change {
            Change::Row { row, expected } => {
                let expected = expected.map_or(Vec::new(), |Version(version)| version.to_be_bytes().to_vec());
                ask.arg(encoding::row_field(&row.owner)).arg(expected);
                ask.arg(encoding::row_value(row)).arg(encoding::deltas_of(&row.owner));
            }
            Change::Current(row) => {
                ask.arg(encoding::row_field(&row.owner)).arg("?");
                ask.arg(encoding::row_value(row)).arg(encoding::deltas_of(&row.owner));
            }
            Change::Delta(delta) => {
                ask.arg(encoding::row_field(&delta.key.owner)).arg(&delta.key.bucket.0.to_be_bytes());
                ask.arg(encoding::delta_field(&delta.key)).arg(&*delta.bytes);
            }
            Change::Other => {}
        }
        match self.ask::<u8>(&session, &ask).await {
            Some(0) => self.meter.invalidated(),
            Some(1) => self.meter.patched(),
            Some(_) => {}
            None => self.owe(cart, block),
        }
    }

    /// The cart must leave Redis before Redis is asked for it again.
    pub(crate) fn owe(&self, cart: CartId, block: Duration) {
        self.owed.add(cart, block);
        self.wake.notify_one();
    }

    pub(crate) fn is_up(&self) -> bool {
        self.link.is_up()
    }

    pub(crate) fn owed(&self) -> usize {
        self.owed.len()
    }
}
