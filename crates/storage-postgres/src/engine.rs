//! The engine: shards, and at which of them each slot is.
//!
//! Always: where a slot is said to be is a hint. The statement itself looks, in the same snapshot in which it does its
//! work, and does nothing where the slot is not; then the engine looks for it anew and asks there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use storage::Stores;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_postgres::Row;

use crate::dial::Dialer;
use crate::failure::Failure;
use crate::layout;
use crate::meter;
use crate::node::Params;
use crate::shard::Shard;
use crate::slot::{SLOTS, Slot};
use crate::{OpenError, PostgresOptions};

/// In the first column of an answer: the slot is not here, and nothing was done.
pub(crate) const ELSEWHERE: i16 = 9;
/// A slot that no shard is known to have.
const NOWHERE: u8 = u8::MAX;
/// Between two looks at where slots are.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const SLOTS_HERE: &str = "SELECT slot FROM slots WHERE state = 'here'";

/// The stores of carts, records and items on PostgreSQL.
#[derive(Clone)]
pub struct Postgres {
    pub(crate) engine: Arc<Engine>,
}

pub(crate) struct Engine {
    pub(crate) shards: Vec<Arc<Shard>>,
    homes: Vec<AtomicU8>,
    looked: Mutex<Instant>,
    slot_wait: Duration,
    watchers: Vec<JoinHandle<()>>,
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.watchers.iter().for_each(JoinHandle::abort);
    }
}

impl Postgres {
    /// Connects to every shard, and looks at its schema, its settings and its slots.
    ///
    /// # Errors
    /// A shard cannot be reached or used; the message says what to do. Replicas that do not answer are no error.
    pub async fn open(options: &PostgresOptions) -> Result<Self, OpenError> {
        layout::check(options).await?;
        let dialer = dialer(options)?;
        let mut shards = Vec::new();
        for (number, shard) in options.shards.iter().enumerate() {
            shards.push(Arc::new(Shard::new(&dialer, number, shard, options)?));
        }
        let mut watchers = Vec::new();
        for shard in &shards {
            watchers.extend(shard.watch(options.replica_check_every).await);
        }
        let homes = (0..SLOTS).map(|_| AtomicU8::new(NOWHERE)).collect();
        let looked = Mutex::new(Instant::now());
        let slot_wait = options.timeouts.slot_wait;
        let engine = Engine { shards, homes, looked, slot_wait, watchers };
        engine.look().await;
        Ok(Self { engine: Arc::new(engine) })
    }

    /// The three stores.
    pub fn stores(&self) -> Stores {
        let store = Arc::new(self.clone());
        Stores { carts: store.clone(), linear: store.clone(), catalog: store }
    }
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").field("shards", &self.engine.shards.len()).finish_non_exhaustive()
    }
}

impl Engine {
    /// Executes a statement at the primary that has the slot. Its first value is the slot, and it answers
    /// [`ELSEWHERE`] where the slot is not.
    pub(crate) async fn at(
        &self,
        slot: Slot,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Failure> {
        let deadline = Instant::now() + self.slot_wait;
        loop {
            let asked = Instant::now();
            if let Some(shard) = self.home(slot) {
                let rows = shard.primary.query(sql, params).await?;
                if !is_elsewhere(&rows) {
                    return Ok(rows);
                }
                meter::slot_elsewhere();
            }
            if Instant::now() >= deadline {
                let what = format!(
                    "slot {} is on none of the {} shards that are listed, or on its way: list all shards, and bring moves to \
                     an end",
                    slot.number(),
                    self.shards.len()
                );
                return Err(Failure::before("shards", what, None));
            }
            self.look_since(asked).await;
        }
    }

    /// Like [`Engine::at`], of a replica where one is fit to answer.
    pub(crate) async fn stale_at(
        &self,
        slot: Slot,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Failure> {
        if let Some(shard) = self.home(slot)
            && let Some(rows) = shard.stale(sql, params).await
            && !is_elsewhere(&rows)
        {
            return Ok(rows);
        }
        self.at(slot, sql, params).await
    }

    pub(crate) fn slot_wait(&self) -> Duration {
        self.slot_wait
    }

    fn home(&self, slot: Slot) -> Option<&Shard> {
        let home = self.homes[slot.index()].load(Ordering::Relaxed);
        self.shards.get(usize::from(home)).map(|shard| &**shard)
    }

    /// Looks where slots are, unless somebody has looked since.
    pub(crate) async fn look_since(&self, asked: Instant) {
        let mut looked = self.looked.lock().await;
        if *looked > asked {
            return;
        }
        tokio::time::sleep(LOOK_EVERY.saturating_sub(looked.elapsed())).await;
        let now = Instant::now();
        self.look().await;
        *looked = now;
    }

    async fn look(&self) {
        let asked = self.shards.iter().map(|shard| shard.primary.query(SLOTS_HERE, &[]));
        let answers = futures::future::join_all(asked).await;
        let mut homes: Vec<u8> = self.homes.iter().map(|home| home.load(Ordering::Relaxed)).collect();
        // What a shard that does not answer had, it has until it says otherwise.
        for home in &mut homes {
            if answers.get(usize::from(*home)).is_none_or(Result::is_ok) {
                *home = NOWHERE;
            }
        }
        for (number, rows) in
            answers.iter().enumerate().filter_map(|(number, rows)| Some((number, rows.as_ref().ok()?)))
        {
            for slot in rows.iter().filter_map(|row| Slot::from_stored(row.get(0))) {
                // Of two that claim it one was asked too early, or was brought back from before a move: neither, for now.
                let home = &mut homes[slot.index()];
                *home = if *home == NOWHERE { u8::try_from(number).unwrap_or(NOWHERE) } else { NOWHERE };
            }
        }
        for (home, new) in self.homes.iter().zip(homes) {
            home.store(new, Ordering::Relaxed);
        }
    }
}

fn is_elsewhere(rows: &[Row]) -> bool {
    rows.first().is_some_and(|row| row.get::<_, i16>(0) == ELSEWHERE)
}

/// Checks the settings.
pub(crate) fn dialer(options: &PostgresOptions) -> Result<Dialer, OpenError> {
    let refused = |setting, problem: &str| Err(OpenError::Setting { setting, problem: problem.to_owned() });
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let name = options.schema.as_bytes();
    if name.is_empty() || name.len() > 63 || !name.iter().copied().all(plain) || name[0].is_ascii_digit() {
        return refused(
            "schema",
            "must be 1 to 63 lower case letters, digits and `_`, and not begin with a digit",
        );
    }
    if options.shards.is_empty() || options.shards.len() >= usize::from(NOWHERE) {
        return refused("shards", "must be 1 to 254");
    }
    if options.connections_max == 0 {
        return refused("connections_max", "must be at least 1");
    }
    Dialer::new(options)
}
